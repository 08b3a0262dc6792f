"""`AccessLog`: a line in `access.log` for each answered request; `AccessLine` is what it says.

The server puts lines, which costs it an append. A few times a second they go to the thread of
`Writer`, which formats them as the lines of `app.log` are, so that the same tools read both:

    2026-11-25T10:00:00.123Z INFO standard.orders GET /api/v1/orders/{order_id} status=200 ms=1.8
    generation=3 correlation_id=5f0c7d1e2a3b4c5d

A path is that of the route. One that no route has is written as the client sent it, without its
query and with known secrets masked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from .failure import format_time
from .line import format_message
from .numbers import Answer

EVERY: Final = 0.2
"""Seconds after which lines are written at the latest; the end of the process writes them too."""

_LONGEST = 500
"""How many characters of a path that no route has are written."""


class AccessLine(NamedTuple):
    """What the access log says of one request.

    Attributes:
        at: When it was answered, in seconds since the epoch.
        module_id: The module that answered; ``modframe.server`` for other pages.
        generation: The number of the generation; 0 if none answered.
        answer: Route, method and status.
        sent: The path that the client sent, if no route matched it.
    """

    at: float
    module_id: str
    generation: int
    answer: Answer
    sent: str
    seconds: float
    correlation_id: str


class AccessLog:
    """Collects lines and hands them on; ``write`` gets them, in their order."""

    def __init__(self, write: Callable[[Sequence[AccessLine]], object]) -> None:
        self._write = write
        self._waiting: list[AccessLine] = []

    def put(self, line: AccessLine) -> None:
        """Note a line; called on a loop, which sees to it that it is written soon."""
        if not self._waiting:
            asyncio.get_running_loop().call_later(EVERY, self.write)
        self._waiting.append(line)

    def write(self) -> None:
        """Hand on what waits."""
        lines, self._waiting = self._waiting, []
        if lines:
            self._write(lines)

    def __repr__(self) -> str:
        return f"<AccessLog: {len(self._waiting)} lines wait>"


def format_access(line: AccessLine, mask: Callable[[str], str]) -> str:
    """Format a line, without its line end; ``mask`` takes the secrets out of its path."""
    second = int(line.at)
    time = f"{_format_second(second)}.{int((line.at - second) * 1000):03}Z"
    route, method, status = line.answer
    if route:
        message = _format_route(method, route)
    else:
        message = format_message(mask(f"{method} {line.sent[:_LONGEST]}"))
    return (
        f"{time} INFO {line.module_id} {message} status={status}"
        f" ms={line.seconds * 1000:.1f} generation={line.generation}"
        f' correlation_id="{line.correlation_id}"'
    )


@lru_cache(maxsize=8)
def _format_second(second: int) -> str:
    return format_time(datetime.fromtimestamp(second, UTC))[:19]


@lru_cache(maxsize=512)
def _format_route(method: str, route: str) -> str:
    return format_message(f"{method} {route}")
