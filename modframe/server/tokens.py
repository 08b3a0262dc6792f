"""Stands in until the token's file is there."""

from __future__ import annotations

import secrets
from pathlib import Path


def kept_token(data: Path | None) -> str:
    """Return a new token."""
    return secrets.token_urlsafe(24)
