"""Sessions: those that a generation opened through its context and left open are closed with it.

Each session that `ModuleDatabase` opens is listed with its generation while it is open. One that is
left open is rolled back and closed; that is logged, and is a fault only if changes were lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Protocol

from ..errors import ModframeError
from ..observe import get_framework_logger
from ..runtime.generation import Generation
from ..runtime.loop.bounds import run_with_timeout
from ..runtime.part import Panel, Part

_PATIENCE = 5.0
"""Seconds that closing one session may take."""


class OpenSession(Protocol):
    """A session that its generation may have to close; its text is its purpose and database."""

    @property
    def uncommitted(self) -> tuple[str, ...]:
        """What would be lost if it were closed now, as SQL verbs."""

    async def cut_off(self) -> None:
        """Roll back and close, as if its block had raised."""


class SessionsPart(Part["dict[OpenSession, None]"]):
    """Knows the open sessions of each generation, and closes them at its end."""

    name = "sessions"
    empty_facts: ClassVar[Mapping[str, Any]] = {"open": []}

    def build(self, generation: Generation) -> dict[OpenSession, None]:
        return {}

    async def leave(self, generation: Generation) -> None:
        if opened := self.of(generation):
            await _close_all(generation, list(opened))

    def describe(self, generation: Generation) -> dict[str, Any]:
        return {"open": [str(session) for session in list(self.of(generation) or ())]}

    def panels(self, facts: Mapping[str, Any]) -> Iterator[Panel]:
        rows = tuple((session,) for session in facts["open"])
        yield Panel("session", (), rows, live_only=True, tab="Sessions")


async def _close_all(generation: Generation, sessions: list[OpenSession]) -> None:
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
