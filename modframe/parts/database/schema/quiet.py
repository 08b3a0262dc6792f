"""Lets sessions out before tables change; called by `apply`, `revert`, `migrate` and the revisions.

If a session writes to a table that is changed, its commit fails. So sessions in a transaction are
waited for first, briefly for those that have only read, longer for those with uncommitted changes.
New ones wait meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..database import Database
from ..errors import DatabaseBusyError

T = TypeVar("T")

POLL = 0.01
"""Seconds between two checks of the open sessions."""
QUIET = 0.5
"""Seconds to wait for sessions that have only read; others begin no transaction meanwhile."""


async def when_quiet(
    database: Database, change: Callable[[], Awaitable[T]], *, touches: bool, wait: float
) -> T:
    """Change tables while no session is in a transaction, as far as that can be had.

    Args:
        touches: Whether tables change that exist already; else nobody is waited for.
        wait: Seconds to wait for sessions with uncommitted changes.

    Raises:
        DatabaseBusyError: If some still have uncommitted changes then.
    """
    with database.changing():
        if not touches or not await busy_after(database, min(wait, QUIET)):
            return await change()
    # a long read, or writers that wait for each other: let writers finish
    await _let_writers_out(database, wait)
    with database.changing():
        return await change()


async def busy_after(database: Database, wait: float) -> list[str]:
    """Return the purposes of sessions still in a transaction after ``wait`` seconds at most."""
    return await _wait_for_none(
        lambda: sorted({session.purpose for session in database.sessions if session.busy}), wait
    )


async def _wait_for_none(purposes: Callable[[], list[str]], wait: float) -> list[str]:
    """Wait until there are no purposes, at most ``wait`` seconds; return those that are left."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    while remaining := purposes():
        if loop.time() >= deadline:
            break
        await asyncio.sleep(POLL)
    return remaining


async def _let_writers_out(database: Database, wait: float) -> None:
    """Wait until no session has uncommitted changes; new transactions may begin meanwhile.

    Raises:
        DatabaseBusyError: If some still have after ``wait`` seconds.
    """
    writers = await _wait_for_none(
        lambda: [session.purpose for session in database.sessions if session.writing], wait
    )
    if writers:
        raise DatabaseBusyError(
            f"database {database.name!r} can't be changed while sessions have uncommitted "
            f"changes: {', '.join(map(repr, writers))} (waited {wait:.1f} s)",
            cure="commit them or let them end, then load the module again",
            database=database.name,
            purposes=tuple(writers),
        )
