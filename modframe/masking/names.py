"""Which names mean a secret: ``smtp_password`` does, ``password_policy`` and ``keyboard`` don't.

A name is read word by word, so that a part of a word counts for nothing. It means a secret if it
has a word such as ``password``, ``token`` or ``api_key``, unless a word behind it says that it is
about the secret and not the secret itself: ``token_url``, ``password_min_length``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from types import UnionType
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.types import Secret

MASK: Final = "**********"
"""What pydantic shows of a `SecretStr`, and modframe of every secret."""
SECRET_TYPES: Final = (SecretStr, SecretBytes, Secret)
"""The types of pydantic that mask themselves."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SINGULAR = frozenset(
    {"password", "passwd", "pwd", "passphrase", "passcode", "secret", "token", "credential"}
    | {"apikey", "authorization"}
)
_PLURAL = frozenset({"passwords", "secrets", "tokens", "credentials", "apikeys"})
_ENDINGS = ("password", "passwd", "passphrase", "apikey", "secretkey", "privatekey", "token")
_KEYS = frozenset({"key", "keys"})
_BEFORE_KEY = frozenset(
    {"api", "private", "secret", "access", "auth", "client", "master", "account", "shared"}
    | {"signing", "encryption", "decryption", "encrypt", "hmac", "ssh", "session", "webhook"}
)
_BEFORE_PASS = frozenset(
    {"db", "database", "user", "admin", "root", "smtp", "imap", "mail", "email", "ftp", "ssh"}
    | {"http", "proxy", "redis", "pg", "postgres", "mysql", "ldap", "auth", "login"}
)
_COUNTED = frozenset({"max", "min", "num", "number", "total", "n", "count"})
_ABOUT = frozenset(
    {"count", "counts", "policy", "policies", "length", "len", "min", "max", "size", "limit"}
    | {"limits", "budget", "per", "rate", "bucket", "usage", "used", "cost", "price", "window"}
    | {"url", "urls", "uri", "endpoint", "type", "types", "kind", "format", "scheme", "algorithm"}
    | {"alg", "expiry", "expires", "expire", "expiration", "ttl", "lifetime", "age", "at", "in"}
    | {"timeout", "seconds", "minutes", "hours", "days", "ms", "interval", "rotation", "retries"}
    | {"name", "names", "id", "ids", "field", "header", "param", "parameter", "prefix", "suffix"}
    | {"file", "path", "dir", "folder", "filename", "location", "required", "enabled", "allowed"}
    | {"disabled", "optional", "valid", "invalid", "verified", "issuer", "audience", "scope"}
    | {"scopes", "status", "state", "error", "errors", "strength", "rule", "rules", "regex"}
    | {"pattern", "charset", "attempts", "model", "class", "provider", "store", "manager"}
    | {"backend", "service", "factory", "hint", "help", "label", "description", "version"}
)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Return whether a field, key or parameter of this name holds a secret.

    >>> [is_secret_name(name) for name in ("dbPassword", "X-API-Key", "aws_secret_access_key")]
    [True, True, True]
    >>> [is_secret_name(name) for name in ("token_count", "max_tokens", "primary_key", "author")]
    [False, False, False, False]
    """
    return _secret_at(name) is not None


@lru_cache(maxsize=4096)
def names_one_secret(name: str) -> bool:
    """Return whether a name means one secret and nothing about it, so that a number is one too.

    >>> names_one_secret("admin_password"), names_one_secret("tokens"), names_one_secret("token_x")
    (True, False, False)
    """
    words = _words(name)
    at = _secret_at(name)
    return at == len(words) - 1 and words[-1] not in _PLURAL and words[-1] != "keys"


def is_secret(name: str, annotation: Any = None) -> bool:
    """Return whether a field holds a secret, by its type or by its name.

    A pydantic secret type says so itself. By a name alone a ``bool`` is none, a number only if the
    name means exactly one secret (``password: int``, but not ``tokens: int``), and a model is none
    either: its own fields have names.

    >>> is_secret("key", SecretStr | None), is_secret("token", str), is_secret("tokens", int)
    (True, True, False)
    """
    kinds = [kind for kind in _kinds(annotation) if kind is not type(None)]
    if any(issubclass(kind, SECRET_TYPES) for kind in kinds):
        return True
    if not is_secret_name(name):
        return False
    if kinds and all(issubclass(kind, bool | BaseModel) for kind in kinds):
        return False
    if kinds and all(issubclass(kind, int | float) for kind in kinds):
        return names_one_secret(name)
    return True


def _kinds(annotation: Any) -> Iterator[type]:
    """Yield the classes that an annotation is made of."""
    for kind in (annotation, get_origin(annotation)):
        if isinstance(kind, type) and kind is not UnionType:
            yield kind
    for part in get_args(annotation):
        yield from _kinds(part)


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]


def _secret_at(name: str) -> int | None:
    """Return the position of the last word that means a secret; ``None`` if the name means none."""
    words = _words(name)
    found = None
    for at, word in enumerate(words):
        before = words[at - 1] if at else ""
        if (
            word in _SINGULAR
            or (word in _PLURAL and before not in _COUNTED)
            or word.endswith(_ENDINGS)
            or (word in _KEYS and before in _BEFORE_KEY)
            or (word == "pass" and before in _BEFORE_PASS)
        ):
            found = at
    if found is None or _ABOUT.intersection(words[found + 1 :]):
        return None
    return found
