"""Sessions: those that a generation opened through its context and left open are closed with it.

`ModuleDatabase` wraps each session in an `OwnedSession`. One that is left open is rolled back and
closed; that is logged, and is a fault only if changes were lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import ModframeError
from ..observe import get_framework_logger
from ..runtime.generation import Generation
from ..runtime.loop.bounds import run_with_timeout
from ..runtime.part import Panel, Part

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

_PATIENCE = 5.0
"""Seconds that closing one session may take."""
_TRACKED = "modframe_tracked"
"""The key of a session's ``info`` under which the database part keeps what it would lose."""


class SessionsPart(Part["dict[OwnedSession, None]"]):
    """Knows the open sessions of each generation, and closes them at its end."""

    name = "sessions"
    empty_facts: ClassVar[Mapping[str, Any]] = {"open": []}

    def build(self, generation: Generation) -> dict[OwnedSession, None]:
        return {}

    async def leave(self, generation: Generation) -> None:
        if opened := self.of(generation):
            await _close_all(generation, list(opened))

    def describe(self, generation: Generation) -> dict[str, Any]:
        return {"open": [str(session) for session in list(self.of(generation) or ())]}

    def panels(self, facts: Mapping[str, Any]) -> Iterator[Panel]:
        yield Panel("session", (), tuple((session,) for session in facts["open"]), live_only=True)


class OwnedSession(AbstractAsyncContextManager["AsyncSession"]):
    """Wraps the session ``inner``; it is registered with its generation while it is open."""

    def __init__(
        self,
        generation: Generation,
        inner: AbstractAsyncContextManager[AsyncSession],
        *,
        database: str,
        purpose: str,
    ) -> None:
        opened = SessionsPart.of(generation)
        self._open_sessions = opened if opened is not None else {}
        self._inner = inner
        self._database, self._purpose = database, purpose
        self._session: AsyncSession | None = None

    async def __aenter__(self) -> AsyncSession:
        session = self._session = await self._inner.__aenter__()
        self._open_sessions[self] = None
        return session

    async def __aexit__(self, *error: Any) -> bool | None:
        self._open_sessions.pop(self, None)
        return await self._inner.__aexit__(*error)

    @property
    def uncommitted(self) -> tuple[str, ...]:
        """What would be lost if it were closed now, as SQL verbs."""
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


async def _close_all(generation: Generation, sessions: list[OwnedSession]) -> None:
    """Close sessions that were left open, newest first.

    Raises:
        ModframeError: If changes were lost, or a session would not close.
    """
    logger = get_framework_logger(generation.module_id)
    subject = f"generation {generation.number} ended"
    faults = []
    for session in reversed(sessions):
        lost = session.uncommitted
        changes = f", with uncommitted changes ({', '.join(lost)})" if lost else ""
        message = f"session {session} was open{changes}, and was rolled back and closed"
        failed = False
        try:
            await run_with_timeout(session.cut_off, _PATIENCE, what=f"closing session {session}")
        except Exception as error:  # noqa: BLE001  # the next one is closed in any case
            message = f"session {session} was open{changes}, and would not close: {error}"
            failed = True
        logger.warning("%s: %s: %s", generation.module_id, subject, message)
        if lost or failed:
            faults.append(message)
    if faults:
        raise ModframeError(
            f"{subject}: {'; '.join(faults)}",
            cure="leave the session's `async with` block in what stops the module",
            subject=generation.module_id,
        )
