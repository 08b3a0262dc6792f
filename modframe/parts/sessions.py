"""Sessions: those that a generation opened through its context, and did not close, end with it.

Each is entered here by `ModuleDatabase`. One that is left is rolled back and closed; whether that
lost changes decides whether it is only logged or is a fault.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..errors import ModframeError
from ..observe import get_framework_logger
from ..runtime.bounds import bounded
from ..runtime.generation import Generation
from ..runtime.part import Panel, Part

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

_PATIENCE = 5.0
"""Seconds that closing one session may take."""
_TRACKED = "modframe_tracked"
"""Where a session's ``info`` says what it would lose; the database part puts it there."""


class SessionsPart(Part["dict[OwnedSession, None]"]):
    """Knows the open sessions of each generation, and closes those that it left."""

    name = "sessions"

    @asynccontextmanager
    async def enter(self, generation: Generation) -> AsyncIterator[dict[OwnedSession, None]]:
        opened: dict[OwnedSession, None] = {}
        try:
            yield opened
        finally:
            if opened:
                await _close_all(generation, list(opened))

    def describe(self, generation: Generation) -> dict[str, Any]:
        """Return what the open sessions are for."""
        return {"open": [str(session) for session in list(self.of(generation) or ())]}

    def panels(self, facts: Mapping[str, Any]) -> Iterator[Panel]:
        """Show the open sessions."""
        yield Panel("session", (), tuple((session,) for session in facts["open"]))


class OwnedSession(AbstractAsyncContextManager["AsyncSession"]):
    """A session that its generation knows of while it is open.

    Args:
        generation: Whose it is.
        inner: The session's own context manager.
        database: Its database.
        purpose: What it is for.
    """

    def __init__(
        self,
        generation: Generation,
        inner: AbstractAsyncContextManager[AsyncSession],
        *,
        database: str,
        purpose: str,
    ) -> None:
        opened = SessionsPart.of(generation)
        self._known: dict[OwnedSession, None] = opened if opened is not None else {}
        self._inner = inner
        self._database, self._purpose = database, purpose
        self._session: AsyncSession | None = None

    async def __aenter__(self) -> AsyncSession:
        session = self._session = await self._inner.__aenter__()
        self._known[self] = None
        return session

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        self._known.pop(self, None)
        return await self._inner.__aexit__(kind, error, trace)

    @property
    def loses(self) -> tuple[str, ...]:
        """What it would lose if it were closed now."""
        tracked = self._session.info.get(_TRACKED) if self._session is not None else None
        return tracked.uncommitted if tracked is not None else ()

    async def cut_off(self) -> None:
        """Roll back and close, as if its block had raised."""
        end = _EndedError()
        try:
            await self.__aexit__(type(end), end, None)
        except _EndedError:
            return

    def __str__(self) -> str:
        return f"{self._purpose!r} on database {self._database!r}"


class _EndedError(Exception):
    """Raised into a session whose generation ends."""


async def _close_all(generation: Generation, left: list[OwnedSession]) -> None:
    """Close what was left open, newest first.

    Raises:
        ModframeError: If that lost changes, or one would not close.
    """
    logger = get_framework_logger(generation.module_id)
    whose = f"{generation.module_id}: generation {generation.number}"
    faults = []
    for one in reversed(left):
        lost = one.loses
        changes = f", with uncommitted changes ({', '.join(lost)})" if lost else ""
        said = f"session {one} was open{changes}, and was rolled back and closed"
        try:
            await bounded(one.cut_off, _PATIENCE, what=f"closing session {one}")
        except Exception as error:  # noqa: BLE001  # the next one is closed in any case
            said = f"session {one} was open{changes}, and would not close: {error}"
            lost = (said,)
        logger.log(logging.WARNING, "%s ended: %s", whose, said)
        faults += [said] * bool(lost)
    if faults:
        raise ModframeError(
            f"{whose} ended: {'; '.join(faults)}",
            cure="leave the session's `async with` block in what stops the module",
        )
