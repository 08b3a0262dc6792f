"""`Connections`: the open connections of one uvicorn server, as many as the process can afford.

uvicorn counts its connections here. If there are too many, the one that has waited longest for its
client is closed; so is each that waits for the head of a request for too long.
"""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol
from uvicorn.server import ServerState

from .limits import Limits

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.h11_impl import H11Protocol as Protocol
    from uvicorn.protocols.websockets.websockets_sansio_impl import (
        WebSocketsSansIOProtocol as WebsocketProtocol,
    )
else:
    Protocol = AutoHTTPProtocol
    WebsocketProtocol = AutoWebSocketsProtocol

_log = logging.getLogger("modframe.server")
BURST = 32
"""Connections that are accepted at once, before any of them is counted."""
QUEUE = 2048
"""Connections that wait in the system to be accepted."""
_LONGEST_HEAD = 65_536
_NO_HANDSHAKE = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_SAY_AGAIN = 60.0
_JUST_NOW = 1.0


class Connections(ServerState):
    """What uvicorn knows of its connections, within limits."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.at_most = limits.connections()
        self._patience = limits.client_timeout or math.inf
        self._said = -_SAY_AGAIN

    def admit(self, new: Connection) -> None:
        """Count a connection; if there are too many, close the one that is missed least."""
        if len(self.connections) > self.at_most:
            self.make_room(new)

    def make_room(self, new: Connection | None = None) -> None:
        """Close connections until there are no more than allowed, the longest idle ones first.

        Next are clients that send a body or read an answer slowly, and last those that have come
        just now. If all are at work, the new one is closed. Without a new one, a single connection
        is closed in any case.
        """
        there = [one for one in self.connections if _holds(one.transport)]
        excess = len(there) - self.at_most if new is not None else 1
        if excess <= 0:
            return
        now = time.monotonic()
        others = (one for one in there if isinstance(one, Connection) and one is not new)
        idle = sorted((rank, id(one), one) for one in others if (rank := one.rank(now)))
        for _, _, one in idle[:excess]:
            one.transport.abort()
        if len(idle) < excess and new is not None:
            new.transport.abort()
        if now - self._said >= _SAY_AGAIN:
            self._said = now
            _log.warning(
                "%d connections are open, and no more fit; %s closed. MODFRAME_MAX_CONNECTIONS "
                "and `ulimit -n` say how many fit",
                len(there), "idle ones are" if idle else "each new one is",
            )  # fmt: skip

    def close_overdue(self) -> None:
        """Close the connections whose clients take too long with the head of a request."""
        now = time.monotonic()
        for one in list(self.connections):
            if isinstance(one, Connection) and one.waited(now) > self._patience:
                if one.transport.is_closing():  # its client doesn't read the last answer
                    one.transport.abort()
                else:
                    one.transport.close()


def _holds(transport: asyncio.Transport) -> bool:
    """Return whether a connection stays open, perhaps for an answer that its client has to read."""
    return not transport.is_closing() or transport.get_write_buffer_size() > 0


class Connection(Protocol):
    """One HTTP connection; a websocket is none any more."""

    server_state: Connections
    cycle: Any  # the request that it has or had last, None before the first
    _made = _since = 0.0
    _seen: object = None
    _head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        """Count it."""
        super().connection_made(transport)
        self._made = self._since = time.monotonic()
        self.server_state.admit(self)

    @property
    def _is_idle(self) -> bool:
        """Whether it waits for the head of a request."""
        return self.cycle is None or self.cycle.response_complete

    def waited(self, now: float) -> float:
        """Return for how many seconds it has waited for a request, 0 if it has one.

        The time counts from the first look at it: what a request costs stays as it is.
        """
        cycle = self.cycle
        if cycle is not self._seen:
            self._seen, self._since = cycle, now
        return now - self._since if self._is_idle else 0.0

    def rank(self, now: float) -> tuple[bool, bool, float] | None:
        """Return where it stands among those that can be closed, ``None`` if it is at work."""
        self.waited(now)
        idle = self._is_idle
        if not (idle or self.cycle.more_body or self.flow.write_paused):
            return None
        new = now - self._since < _JUST_NOW
        # Which of those was looked at first says nothing: the one that was made first goes first.
        return (new, not new and not idle, self._made if new else self._since)


if hasattr(Protocol, "on_header"):  # httptools, which bounds no head; h11 does

    class _Bounded(Connection):
        def on_headers_complete(self) -> None:
            """Begin the request; a trailer, which comes behind its body, is no header of it."""
            self.scope["headers"] = [*self.headers]
            super().on_headers_complete()  # type: ignore[misc]  # httptools' has it

        def data_received(self, data: bytes) -> None:
            """Take bytes; close the connection if the head of a request grows too long."""
            cycle = self.cycle
            super().data_received(data)
            if self.cycle is not cycle or not (cycle is None or cycle.response_complete):
                self._head = 0
            elif (head := self._head + len(data)) > _LONGEST_HEAD:
                self.transport.close()
            else:
                self._head = head

    HTTP: Any = _Bounded
else:
    HTTP = Connection


class Websocket(WebsocketProtocol):
    """One websocket, whose connection was an HTTP one before."""

    def data_received(self, data: bytes) -> None:
        """Take bytes; the first ones are the whole head that asks for it.

        If that can't be read, uvicorn 0.54 says nothing, and keeps the connection for ever.
        """
        super().data_received(data)
        if not getattr(self, "handshake_initiated", True):
            self.transport.write(_NO_HANDSHAKE)
            self.transport.close()
