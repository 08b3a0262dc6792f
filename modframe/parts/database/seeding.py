"""`Seed`: the function that fills a new database of a module, once; and `run_seed`.

Comes in: ``seed(session)``, as `discover` found it, and the database, whose tables are made. Goes
out: its rows, in one transaction with a row of `SEEDS` that says that it ran. Called by `Databases`
for loads, before phase 1, and for tests.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Column, MetaData, String, Table, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from ...errors import reason_line
from .database import Database
from .errors import DatabaseSeedError

SEEDS = Table(
    "modframe_seed",
    MetaData(),
    Column("module", String(255), primary_key=True),
    Column("seeded_at", String(40), nullable=False),
    Column("fingerprint", String(64), nullable=False),
)
"""Which modules have filled the database: module id, when (UTC, ISO), and a hash of the text."""
FUNCTION = "seed"


@dataclass(frozen=True, slots=True)
class Seed:
    """The ``seed(session)`` of a module.

    Attributes:
        file: The module's file, for example ``"database.py"``. ``line``: its first line there.
    """

    function: Callable[[AsyncSession], Awaitable[Any]]
    file: str
    line: int

    @property
    def fingerprint(self) -> str:
        """A hash of its text; of its code where the text isn't known."""
        try:
            text = inspect.getsource(self.function).encode()
        except (OSError, TypeError):
            text = self.function.__code__.co_code
        return sha256(text).hexdigest()


async def run_seed(
    seed: Seed,
    database: Database,
    module_id: str,
    *,
    session: Callable[[], Any],
) -> bool:
    """Run a seed unless this process or another one has run it here; return whether it was run.

    Args:
        session: Makes the session that it is given, whose commit only flushes: modframe commits.

    Raises:
        DatabaseSeedError: If it raises. Nothing of it is kept, and the next load runs it again.
    """
    if module_id in database.seeded:
        return False
    claimed = False
    for last in (False, True):
        async with session() as opened:
            try:
                claimed = await _claim(opened, seed, module_id)
            except DBAPIError:
                if last:
                    raise
                await opened.rollback()  # another process made the table or the row first
                continue
            if claimed:
                await _fill(opened, seed, database, module_id)
            else:
                await opened.rollback()
            break
    database.seeded.add(module_id)
    return claimed


async def _claim(session: AsyncSession, seed: Seed, module_id: str) -> bool:
    """Write the record, which no other process can write until this transaction has ended."""
    connection = await session.connection()
    await connection.run_sync(SEEDS.create, checkfirst=True)
    known = select(SEEDS.c.module).where(SEEDS.c.module == module_id)
    if (await session.execute(known)).first() is not None:
        return False
    now = datetime.now(UTC).isoformat(timespec="seconds")
    await session.execute(
        insert(SEEDS).values(module=module_id, seeded_at=now, fingerprint=seed.fingerprint)
    )
    return True


async def _fill(session: AsyncSession, seed: Seed, database: Database, module_id: str) -> None:
    """Call the function, and commit what it did."""
    began = session.sync_session.get_transaction()
    session.commit = session.flush  # type: ignore[method-assign]  # the record commits with it
    try:
        await seed.function(session)
        del session.commit
        if session.sync_session.get_transaction() is began:
            await session.commit()
            return
    except Exception as error:
        raise _seed_error(database, module_id, reason_line(error)) from error
    why = "it ended its transaction by a rollback"
    raise _seed_error(database, module_id, why, file=seed.file, line=seed.line)


def _seed_error(
    database: Database, module_id: str, why: str, *, file: str = "", line: int = 0
) -> DatabaseSeedError:
    return DatabaseSeedError(
        f"seed() of {module_id} for database {database.name!r}: {why}; nothing of it was kept",
        cure="correct it and load the module again",
        database=database.name,
        module_id=module_id,
        file=file,
        line=line,
    )
