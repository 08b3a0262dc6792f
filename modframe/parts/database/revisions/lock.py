"""`alone`: one process at a time runs revisions on a database; the others wait.

Where the database is a file, the lock is one beside it, which ends with its process. On a server it
is the engine's own, which ends with the connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from ..database import Database
from ..errors import DatabaseLockedError
from ..file import DatabaseFile
from .errors import RevisionRunningError

logger = logging.getLogger("modframe.database")
_STEP = 0.05
"""Seconds between two attempts."""


@asynccontextmanager
async def alone(
    database: Database, module_id: str, *, wait: float
) -> AsyncIterator[AsyncConnection]:
    """Yield a connection to a database on which no other process runs revisions meanwhile.

    Args:
        wait: Seconds to wait for another process.

    Raises:
        RevisionRunningError: If it takes longer.
    """
    ends = asyncio.get_running_loop().time() + wait
    async with AsyncExitStack() as stack:
        if database.path is not None:
            lock = DatabaseFile(database.name, Path(f"{database.path}.revisions"))
            await _take(lock, database.name, module_id, wait=wait)
            stack.callback(lock.unlock)
        await stack.enter_async_context(database.gate)
        engine = await stack.enter_async_context(database.use())
        connection = await stack.enter_async_context(engine.connect())
        while not await _enter(stack, database, connection):
            if (late := asyncio.get_running_loop().time() - ends) >= 0:
                raise running_error(database.name, module_id, holder=None, waited=wait + late)
        yield connection


async def _enter(stack: AsyncExitStack, database: Database, connection: AsyncConnection) -> bool:
    """Return whether the engine's own lock was had, which has a timeout of its own."""
    try:
        await stack.enter_async_context(database.backend.alone(connection))
    except DBAPIError as error:
        await connection.rollback()
        if database.backend.fault(error) != "locked":
            raise
        return False
    return True


async def _take(lock: DatabaseFile, database: str, module_id: str, *, wait: float) -> None:
    loop = asyncio.get_running_loop()
    started, told = loop.time(), False
    while True:
        try:
            lock.lock()
        except DatabaseLockedError as held:
            waited = loop.time() - started
            if waited >= wait:
                raise running_error(
                    database, module_id, holder=held.holder, waited=waited
                ) from None
            if not told:
                told = True
                logger.info(
                    "database %r: waiting for process %s, which runs revisions on it",
                    database,
                    held.holder,
                )
            await asyncio.sleep(_STEP)
        else:
            return


def running_error(
    database: str, module_id: str, *, holder: int | None, waited: float
) -> RevisionRunningError:
    """Make the error for a database that another process runs revisions on."""
    who = f"process {holder}" if holder is not None else "another process"
    return RevisionRunningError(
        f"{who} runs revisions on database {database!r}; waited {waited:.1f} s for it",
        subject=module_id,
        cure="run this again once it has ended, or wait longer (MODFRAME_DATABASE_UPGRADE_WAIT, in "
        "seconds)",
        database=database,
        module_id=module_id,
        holder=holder,
        waited=waited,
    )
