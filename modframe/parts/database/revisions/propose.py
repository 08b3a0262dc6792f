"""Finds what a module's revisions lack: its models are compared with what they build.

The revisions are run in an empty database of the module's engine, in memory or on its server for a
while, and never on the module's own: so what a notebook added there by itself is found as well.
``modframe db revision`` and ``check`` call it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic.operations import MigrateOperation, Operations, ops
from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import AsyncConnection

from ..backend import Place
from ..database import Database
from ..databases import Databases
from ..discover import DatabaseSpec
from ..home import Home
from .difference import difference
from .files import Revisions
from .renames import Rename, suggestions
from .run import context_for, run
from .words import words_of
from .write import write_revision


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a revision would do to make of the last one what the models say.

    Attributes:
        upgrade: It, in order; empty if the revisions make all of it.
        downgrade: What takes it back, in order.
        hints: What a person should look at before running it.
    """

    upgrade: tuple[MigrateOperation, ...]
    downgrade: tuple[MigrateOperation, ...]
    hints: tuple[str, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """What it does, each operation in a few words: ``add column orders.note``."""
        return tuple(map(words_of, self.upgrade))


@asynccontextmanager
async def _built(
    databases: Databases, spec: DatabaseSpec, revisions: Revisions
) -> AsyncIterator[tuple[Database, AsyncConnection]]:
    """Yield an empty database in which the revisions were run, and a connection to it."""
    choice = databases.choice(spec.name, spec.engine)
    own = databases.backend(choice.engine)
    backend = type(own)(own.options, Home())  # nothing in common with the one of that name
    backend.adapt(spec.metadata)
    place = Place(url=choice.place.url, temporary=True)
    database = Database(spec.name, backend, place, idle=0.0)
    try:
        async with database.use() as engine, engine.connect() as connection:
            await connection.run_sync(run, revisions, "head", down=False, database=database)
            await connection.commit()
            yield database, connection
    finally:
        await database.aclose()
        await backend.aclose()


async def propose(
    databases: Databases,
    spec: DatabaseSpec,
    revisions: Revisions,
    *,
    renames: Sequence[Rename] = (),
) -> Proposal:
    """Return what the revisions lack; empty if they make all that the models have.

    Raises:
        RevisionError: If a revision can't be run, or a rename can't be meant.
    """
    async with _built(databases, spec, revisions) as (database, connection):
        return await connection.run_sync(
            _compare, spec, revisions, database=database, renames=renames
        )


async def revise(
    databases: Databases,
    spec: DatabaseSpec,
    revisions: Revisions,
    *,
    message: str,
    renames: Sequence[Rename] = (),
    empty: bool = False,
) -> tuple[Proposal, Path | None]:
    """Write a revision with what the revisions lack; return what it does, and its file.

    There is no file if they lack nothing; ``empty`` writes one that does nothing in any case.

    Raises:
        RevisionError: If a revision can't be run, or a rename can't be meant.
        OSError: If the file can't be written.
    """
    async with _built(databases, spec, revisions) as (database, connection):
        proposal = Proposal((), (), ())
        if not empty:
            proposal = await connection.run_sync(
                _compare, spec, revisions, database=database, renames=renames
            )
        if not proposal.upgrade and not empty:
            return proposal, None

        def write(sync: Connection) -> Path:
            return write_revision(
                revisions,
                message,
                context=context_for(sync, revisions),
                upgrade=proposal.upgrade,
                downgrade=proposal.downgrade,
                notes=proposal.hints,
            )

        return proposal, await connection.run_sync(write)


def _compare(
    connection: Connection,
    spec: DatabaseSpec,
    revisions: Revisions,
    *,
    database: Database,
    renames: Sequence[Rename],
) -> Proposal:
    """Carry out the renames, and compare what is there then with the models."""
    first: list[MigrateOperation] = []
    back: list[MigrateOperation] = []
    operations = Operations(context_for(connection, revisions))
    for rename in renames:
        inspector = inspect(connection)
        rename.refuse_unfit(inspector, spec, revisions.module_id)
        first.append(rename.operation(inspector))
        back.append(rename.back(first[-1]))
        operations.invoke(first[-1])
    found = difference(connection, spec.metadata)
    hints = (*suggestions(found), *_unfilled(found))
    downgrade = [one.reverse() for one in reversed(found)]
    return Proposal((*first, *found), (*downgrade, *reversed(back)), hints)


def _unfilled(found: Sequence[MigrateOperation]) -> tuple[str, ...]:
    """Return a hint for each new column that rows which are there have no value for."""
    return tuple(
        f"{one.table_name}.{one.column.name} is NOT NULL and has no default: on a table with rows, "
        'add it with server_default="...", or as nullable, fill it and alter it'
        for one in found
        if isinstance(one, ops.AddColumnOp)
        and not one.column.nullable
        and one.column.server_default is None
    )
