"""`Refusals`: says what the guard refused, at a bounded rate, and slows down guessing of tokens.

Nobody can fill the log or guess for long: each kind of refusal is logged a few times a minute, and
an address that sent many wrong tokens has to wait.
"""

from __future__ import annotations

import logging
import time
from typing import Literal

from ...observe import log_event
from ...parts.web.problem import Scope
from .hosts import is_loopback

Kind = Literal["host", "origin", "token"]
_WINDOW = 60.0
"""Seconds."""
_LINES = 5
"""Lines of a kind in one window."""
_WRONG = 20
"""Wrong tokens of one address in one window."""
_ADDRESSES = 1024


class Refusals:
    """What one guard refused lately."""

    def __init__(self) -> None:
        self._lines: dict[Kind, tuple[float, int]] = {}
        self._wrong: dict[str, tuple[float, int]] = {}

    def note(self, kind: Kind, scope: Scope, text: str) -> None:
        """Log a refusal, unless many of its kind were logged within the last minute."""
        began, count = self._lines.get(kind, (0.0, 0))
        now = time.monotonic()
        if now - began > _WINDOW:
            if count > _LINES:
                self._log(f"{count - _LINES} more requests were refused for their {kind}")
            began, count = now, 0
        self._lines[kind] = (began, count + 1)
        if count < _LINES:
            client = (scope.get("client") or ("?",))[0]
            asked = f"{scope.get('method', 'WS')} {scope['path']}"
            self._log(f"refused {asked} from {client}: {text}")

    @staticmethod
    def _log(text: str) -> None:
        log_event("modframe.server", text, level=logging.WARNING)

    def note_wrong_token(self, scope: Scope) -> None:
        """Count a wrong token of the address that sent it; this machine's own don't count."""
        if (client := _address(scope)) is None:
            return
        began, count = self._wrong.pop(client, (time.monotonic(), 0))
        self._wrong[client] = (began, count + 1)
        if len(self._wrong) > _ADDRESSES:
            del self._wrong[next(iter(self._wrong))]

    def wait_for(self, scope: Scope) -> int:
        """Return the seconds that an address has to wait until a token of it is looked at."""
        if not self._wrong:
            return 0
        if not self._wrong:  # nearly always, and then the address needn't be looked at
            return 0
        client = _address(scope)
        began, count = self._wrong.get(client or "", (0.0, 0))
        if count < _WRONG:
            return 0
        left = began + _WINDOW - time.monotonic()
        if left <= 0:
            self._wrong.pop(client or "", None)
            return 0
        return int(left) + 1

    def __repr__(self) -> str:
        return f"<Refusals: {len(self._wrong)} addresses sent wrong tokens>"


def _address(scope: Scope) -> str | None:
    client = scope.get("client")
    address = str(client[0]) if client else "?"
    return None if is_loopback(address) else address
