"""`Listeners`: the clients that are told when tools and resources have changed.

In come the changes, from the app loop; out go notifications. Clients that speak the protocol of
2026-07-28 or later ask for them with ``subscriptions/listen``. Older ones have a session, known by
its id once it is initialized; over HTTP what they are told waits until they read their stream.
Nothing here waits for a client: each has a task of its own while there is something to tell.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from contextvars import Context
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)

SESSIONS = 100
"""How many clients of the older protocol may be connected at once."""
_REMEMBERED = 4 * SESSIONS
"""More sessions are not remembered; the SDK doesn't say when one has expired."""
_FOLLOWED = 1000
"""How many resources a session may follow."""


class Listeners:
    """The clients of one app."""

    def __init__(self) -> None:
        self._bus = InMemorySubscriptionBus()
        self.listen = ListenHandler(self._bus)
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._reading: set[str] = {""}
        self._tasks: set[asyncio.Task[None]] = set()

    def join(self, ctx: ServerRequestContext[Any, Any]) -> None:
        """Tell the client of a session from now on."""
        key = _session_id(ctx)
        self._sessions[key] = _Session(ctx.session, reads=key in self._reading)
        if len(self._sessions) > _REMEMBERED:
            self._sessions.popitem(last=False)

    def seen(self, ctx: ServerRequestContext[Any, Any]) -> None:
        """Keep a session that is used longer than those that aren't."""
        key = _session_id(ctx)
        if key in self._sessions:
            self._sessions.move_to_end(key)

    def leave(self, session_id: str) -> None:
        """Forget a session that its client has ended."""
        self._sessions.pop(session_id, None)

    def reads(self, session_id: str, *, reads: bool) -> None:
        """Send what waits for a session, now that it reads its stream, or keep it from now on.

        A client may read its stream before it says that it is initialized.
        """
        (self._reading.add if reads else self._reading.discard)(session_id)
        session = self._sessions.get(session_id)
        if session is not None:
            session.reads = reads
            self._send_to(session)

    def follow(self, ctx: ServerRequestContext[Any, Any], uri: str, *, follows: bool) -> None:
        """Tell a session about changes of one resource, or no more."""
        session = self._sessions.get(_session_id(ctx))
        if session is None:
            return
        if not follows:
            session.uris.discard(uri)
        elif len(session.uris) < _FOLLOWED:
            session.uris.add(uri)

    def tell(self, events: Iterable[ServerEvent]) -> None:
        """Tell every client what has changed; must be on the app loop."""
        told = list(events)
        self._begin(self._publish(told))
        for session in self._sessions.values():
            session.waiting |= dict.fromkeys(filter(session.wants, told))
            self._send_to(session)

    def _send_to(self, session: _Session) -> None:
        if session.waiting and session.reads and not session.busy:
            session.busy = True
            self._begin(session.send())

    async def _publish(self, events: list[ServerEvent]) -> None:
        for event in events:
            await self._bus.publish(event)

    def _begin(self, work: Any) -> None:
        loop = asyncio.get_running_loop()
        # In an empty context: it goes on when what changed something has long ended.
        task = loop.create_task(work, name="modframe-tell-assistants", context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """End the streams of those who listen, and forget the sessions."""
        self.listen.close()
        self._sessions.clear()
        for task in self._tasks:
            task.cancel()


class _Session:
    """A client of the older protocol; ``reads`` says whether it takes what it is told."""

    def __init__(self, session: ServerSession, *, reads: bool) -> None:
        self._session, self.reads = session, reads
        self.uris: set[str] = set()
        self.waiting: dict[ServerEvent, None] = {}
        self.busy = False

    def wants(self, event: ServerEvent) -> bool:
        """Return whether the client is to be told."""
        return not isinstance(event, ResourceUpdated) or event.uri in self.uris

    async def send(self) -> None:
        """Send what waits; what comes meanwhile as well, each once."""
        try:
            while self.waiting and self.reads:
                event = next(iter(self.waiting))
                del self.waiting[event]
                if isinstance(event, ToolsListChanged):
                    await self._session.send_tool_list_changed()
                elif isinstance(event, ResourcesListChanged):
                    await self._session.send_resource_list_changed()
                elif isinstance(event, ResourceUpdated):
                    await self._session.send_resource_updated(event.uri)
        finally:
            self.busy = False


def _session_id(ctx: ServerRequestContext[Any, Any]) -> str:
    """Return the id of a client's session; empty on standard input, where there is one client."""
    headers = getattr(ctx.request, "headers", None)
    return str(headers.get("mcp-session-id", "")) if headers is not None else ""
