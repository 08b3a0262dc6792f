"""`KnownSecrets`: the values that are secrets in one app, and texts without them.

The settings part adds the secrets of each module, the site the server's token. The log, HTTP
answers, the snapshot and notebooks have every text that goes out cleaned by `replace` or `mask`.
"""

from __future__ import annotations

import html
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus

from .names import MASK
from .texts import mask_text, mask_urls

SHORTEST: Final = 6
"""A shorter value would be found in too many words that have nothing to do with it."""
_PAST = 32
"""How many values of an owner stay known that count no more: a replaced generation may still log
its own, and so may a task or a thread that died before, whose error is found later."""
_LINE = 16
"""The shortest line of a value of several lines that counts by itself."""
_CUT = 100
"""Nobody cuts a shorter text."""
_BEGUN = 8
"""A shorter beginning of a value at the end of a text tells too little of it."""


class KnownSecrets:
    """The secrets that an app knows.

    A text is searched for each of them, which takes some 40 ns for a line: less than one pattern
    of all would from two secrets on, and nothing while there are none.
    """

    def __init__(self) -> None:
        self._of: dict[str, tuple[str, ...]] = {}
        self._forms: tuple[str, ...] = ()
        self._stale = False
        self._lock = threading.RLock()  # a finalizer that runs meanwhile may log

    def add(self, owner: str, values: Iterable[str]) -> None:
        """Add the secrets of an owner, such as a module; the last ones before them stay known."""
        found = {value for value in values if len(value) >= SHORTEST}
        if not found:
            return
        with self._lock:
            known = self._of.get(owner, ())
            past = [value for value in known if value not in found]
            self._of[owner] = (*past[-_PAST:], *found)
            self._stale = self._stale or len(past) + len(found) > len(known) or len(past) > _PAST

    def replace(self, text: str) -> str:
        """Return a text without the known values and without passwords in URLs."""
        return mask_urls(self._without_known(text))

    def mask(self, text: str) -> str:
        """Return a text without the known values and what `mask_text` finds by its form."""
        return mask_text(self._without_known(text))

    def replace_in(self, value: Any) -> Any:
        """Return plain data in which `replace` was called for every text but the keys.

        A long text may have been cut: what it ends with may be the beginning of a known value.
        """
        if isinstance(value, str):
            text = self.replace(value)
            return text if len(value) < _CUT else self._without_begun(text)
        if isinstance(value, Mapping):
            return {key: self.replace_in(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.replace_in(item) for item in value]
        return value

    def _without_known(self, text: str) -> str:
        if self._stale:
            self._collect()
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text

    def _without_begun(self, text: str) -> str:
        body = text.rstrip(" …")
        for form in self._forms:
            begun = body.find(form[:_BEGUN], max(0, len(body) - len(form)))
            if begun >= 0 and form.startswith(body[begun:]):
                return body[:begun] + MASK + text[len(body) :]
        return text

    def _collect(self) -> None:
        """Collect what is searched for, the longer ones first, since they may hold others."""
        with self._lock:
            values = {value for known in self._of.values() for value in known}
            known = {form for value in values for form in _forms(value)}
            self._forms = tuple(sorted(known, key=len, reverse=True))
            self._stale = False

    def __bool__(self) -> bool:
        return bool(self._of)

    def __repr__(self) -> str:
        return f"<KnownSecrets of {len(self._of)} owners>"


def _forms(value: str) -> Iterator[str]:
    """Yield a value as texts may have it: as it is, and escaped as in JSON, a repr, HTML, a URL."""
    lines = value.split("\n") if "\n" in value else ()
    parts = [line.strip() for line in lines if len(line) >= _LINE and not line.startswith("-----")]
    for part in (value, value.strip(), *parts):
        if len(part) >= SHORTEST:
            yield from (part, json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1])
            yield from (repr(part)[1:-1], html.escape(part), quote(part, safe=""), quote_plus(part))
