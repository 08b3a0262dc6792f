"""Secrets: which names mean one, how values are masked, and the known ones of an app.

In go names, values, settings objects and texts; out go the same without secrets. It is the one
owner of that question: settings, the log, views, HTTP and notebooks all ask here. Nothing in it
belongs to a process: an app has its own `KnownSecrets`.
"""

from .known import KnownSecrets
from .models import hide_secrets, is_secret_at, mask_dump
from .names import MASK, SECRET_TYPES, is_secret, is_secret_name, names_one_secret
from .texts import mask_text, mask_urls
from .values import is_one_secret, mask, revealed, secrets_in

__all__ = [
    "MASK",
    "SECRET_TYPES",
    "KnownSecrets",
    "hide_secrets",
    "is_one_secret",
    "is_secret",
    "is_secret_at",
    "is_secret_name",
    "mask",
    "mask_dump",
    "mask_text",
    "mask_urls",
    "names_one_secret",
    "revealed",
    "secrets_in",
]
