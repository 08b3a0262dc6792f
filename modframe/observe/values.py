"""Values as plain data, and as text on one line that can't control a terminal.

In goes what a person put into `extra=`; out comes JSON-ready data, without references to objects
of a module (so an event keeps no old generation alive) and without secrets.
`event.py` uses `plain`, `line.py` uses `quote`.
"""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import json
import math
from collections.abc import Callable, Mapping, Set
from typing import Any

from pydantic import BaseModel

from ..masking import MASK, SECRET_TYPES, is_one_secret, mask_text
from ..wording import escape

_MAX_DEPTH = 8
_MAX_ITEMS = 10_000  # about 5 ms


def quote(value: Any) -> str:
    """Format plain data as JSON on one line, unsafe characters escaped; ``json.loads`` reads it."""
    return escape(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def plain(value: Any, name: str = "", *, mask: Callable[[str], str] = mask_text) -> Any:
    """Return a value as JSON-ready data; secrets are masked, large or broken parts described.

    Args:
        value: Anything.
        name: The name of the field; one such as ``password`` says that the value is a secret.
        mask: Takes secrets out of a text.

    >>> plain({"password": "s3cret", "sizes": (2.5, float("inf"))})
    {'password': '**********', 'sizes': [2.5, 'inf']}
    """
    return _Reader(mask).read(value, name, depth=0)


class _Reader:
    """Reads one value; limits on items and depth bound the cost of a log call, cycles included."""

    def __init__(self, mask: Callable[[str], str]) -> None:
        self._items_left = _MAX_ITEMS
        self._mask = mask

    def read(self, value: Any, name: str = "", *, depth: int) -> Any:
        try:
            return MASK if is_one_secret(value, name) else self._read(value, depth=depth)
        except Exception as error:  # noqa: BLE001 - a log call must not fail for a field's own code
            return f"<{type(value).__name__} that can't be shown: {type(error).__name__}>"

    def _read(self, value: Any, *, depth: int) -> Any:
        self._items_left -= 1
        if value is None or isinstance(value, (bool, str, int, float)):
            plain = _scalar(value)
            return self._mask(plain) if isinstance(plain, str) else plain
        if isinstance(value, SECRET_TYPES):
            return str(value)
        if isinstance(value, (datetime.date, datetime.time)):
            return value.isoformat()
        if isinstance(value, BaseModel):
            value = value.model_dump()
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.repr}
        if isinstance(value, (Mapping, list, tuple, Set)):
            return self._items(value, depth=depth + 1)
        text = repr(value) if isinstance(value, (bytes, BaseException)) else str(value)
        return self._mask(text)

    def _items(self, value: Any, *, depth: int) -> Any:
        if depth > _MAX_DEPTH or self._items_left < 0:
            return f"<{type(value).__name__} of {len(value)}>"
        if isinstance(value, Mapping):
            pairs = itertools.islice(value.items(), self._items_left + 1)
            return {
                (name := self._key(key)): self.read(item, name, depth=depth) for key, item in pairs
            }
        return [
            self.read(item, depth=depth) for item in itertools.islice(value, self._items_left + 1)
        ]

    def _key(self, key: Any) -> str:
        return str.__str__(key) if isinstance(key, str) else str(self.read(key, depth=_MAX_DEPTH))


def _scalar(value: str | int | float | None) -> Any:
    # Subclasses (enums, numpy's float64) become the plain type, so that nothing of them stays.
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        # Python refuses to write or read longer ones in decimal (4,300 digits).
        return int(value) if value.bit_length() < 14_000 else hex(value)
    return float(value) if math.isfinite(value) else str(float(value))
