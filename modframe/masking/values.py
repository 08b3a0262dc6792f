"""Values without secrets, and the secrets in values.

In go plain data, models and pydantic's secrets; out comes the same with a mask in the place of
each secret (`mask`), or the secrets themselves (`secrets_in`), for `KnownSecrets`. What lies in a
list or mapping below a secret's name is one secret; the fields of a model have names of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel

from .names import MASK, SECRET_TYPES, is_secret_name, names_one_secret
from .texts import mask_urls

_DEEPEST = 20
_COLLECTIONS = (list, tuple, Set)


def mask(value: Any, name: str = "") -> Any:
    """Return a value without secrets; ``name`` is that of its field, key or parameter.

    Mappings and collections come back as dictionaries and lists, models as dictionaries; other
    objects as they are. What is empty, ``None`` or a bool stays, since it is worth knowing.

    >>> mask({"user": "ann", "password": "hunter22", "tokens": ["a", "b"], "max_tokens": 5})
    {'user': 'ann', 'password': '**********', 'tokens': '**********', 'max_tokens': 5}
    """
    return _masked(value, name, _DEEPEST)


def is_one_secret(value: Any, name: str) -> bool:
    """Return whether a value is a secret by the name of its field, as a whole."""
    if not name or value is None or isinstance(value, bool | BaseModel):
        return False
    if isinstance(value, int | float):
        return names_one_secret(name)
    if isinstance(value, str | bytes | Mapping | list | tuple | Set):
        return bool(value) and is_secret_name(name)
    return _is_url(value) and is_secret_name(name)


def _masked(value: Any, name: str, deeper: int) -> Any:
    if isinstance(value, SECRET_TYPES):
        return str(value)
    if is_one_secret(value, name):
        return MASK
    if isinstance(value, str) or _is_url(value):
        return mask_urls(str(value))
    if not deeper:
        return MASK if isinstance(value, (BaseModel, Mapping, *_COLLECTIONS)) else value
    if isinstance(value, BaseModel):
        value = dict(value)
    if isinstance(value, Mapping):
        return {key: _masked(item, str(key), deeper - 1) for key, item in value.items()}
    if isinstance(value, _COLLECTIONS):
        return [_masked(item, "", deeper - 1) for item in value]
    return value


def revealed(value: Any) -> Any:
    """Return a value in which pydantic's secrets are what they hold; models are dictionaries.

    >>> from pydantic import SecretStr
    >>> revealed({"user": "ann", "keys": [SecretStr("hunter22")]})
    {'user': 'ann', 'keys': ['hunter22']}
    """
    if isinstance(value, SECRET_TYPES):
        return revealed(value.get_secret_value())
    if isinstance(value, BaseModel):
        value = dict(value)
    if isinstance(value, Mapping):
        return {key: revealed(item) for key, item in value.items()}
    if isinstance(value, _COLLECTIONS):
        return [revealed(item) for item in value]
    return value


def secrets_in(value: Any, name: str = "") -> Iterator[str]:
    """Yield the secrets in a value as texts: those that `mask` would mask.

    >>> from pydantic import SecretStr
    >>> list(secrets_in({"dsn": "redis://:p%40ss@cache", "key": SecretStr("k"), "port": 1}))
    ['p%40ss', 'p@ss', 'k']
    """
    yield from _secrets(value, name, _DEEPEST, whole=False)


def _secrets(value: Any, name: str, deeper: int, *, whole: bool) -> Iterator[str]:
    if isinstance(value, SECRET_TYPES):
        value, whole = value.get_secret_value(), True
    whole = whole or is_one_secret(value, name)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if isinstance(value, str) or _is_url(value):
        if whole:
            yield str(value)
        yield from _in_url(str(value))
    elif isinstance(value, BaseModel) and deeper:
        for key, item in value:
            yield from _secrets(item, key, deeper - 1, whole=whole)
    elif isinstance(value, Mapping) and deeper:
        for key, item in value.items():
            yield from _secrets(item, str(key), deeper - 1, whole=whole)
    elif isinstance(value, _COLLECTIONS) and deeper:
        for item in value:
            yield from _secrets(item, "", deeper - 1, whole=whole)
    elif whole and value is not None and not isinstance(value, bool):
        yield str(value)


def _in_url(text: str) -> Iterator[str]:
    """Yield the passwords in a URL, as they are written and as they are meant."""
    if "://" not in text:
        return
    try:
        parts = urlsplit(text)
    except ValueError:  # no URL
        return
    before, at, _ = parts.netloc.rpartition("@")
    password = before.partition(":")[2] if at else ""
    found = [password, *(item for key, item in parse_qsl(parts.query) if is_secret_name(key))]
    for one in filter(None, found):
        yield from dict.fromkeys((one, unquote(one)))


def _is_url(value: Any) -> bool:
    """Return whether a value is one of pydantic's URLs, which have no base class in common."""
    return hasattr(value, "unicode_string")
