"""Finds what a module's revisions lack: its models are compared with what they build.

The revisions are run in an empty database of the module's engine, in memory or on its server for a
while, and never on the module's own: so what a notebook added there by itself is found as well.
``modframe db revision`` and ``check`` call it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic.operations import MigrateOperation, ops
from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import AsyncConnection

from ..backend import Place
from ..database import Database
from ..databases import Databases
from ..discover import DatabaseSpec
from ..home import Home
from ..schema.changes import in_schema
from ..schema.operations import CreateSequenceOp
from ..schema.perform import perform
from ..schema.steps import Step, compare
from .files import Revisions
from .renames import Rename, suggestions
from .run import context_for, run
from .write import write_revision

_HINTS = {
    "add column": "{step.table}.{step.column} is NOT NULL without a default: where the table has "
    'rows, add it with server_default="...", or as nullable, fill it, and alter it then',
    "set not": "{step.table}.{step.column} becomes NOT NULL: fill the rows that have NULL before",
    "change type": "{step.table}.{step.column} changes its type: {step.refused}",
    "drop column": "the values of {step.table}.{step.column} are lost",
    "drop table": "the rows of {step.table} are lost",
}
"""How the name of a step begins → what to look at."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a revision would do to make of the last one what the models say.

    Attributes:
        names: It in words, such as ``add column orders.note``; empty if nothing is lacking.
        upgrade: Alembic's operations for it. ``downgrade``: those that take it back.
        hints: What a person should look at before running it.
    """

    names: tuple[str, ...] = ()
    upgrade: tuple[MigrateOperation, ...] = ()
    downgrade: tuple[MigrateOperation, ...] = ()
    hints: tuple[str, ...] = ()


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
        proposal = Proposal()
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
                context=context_for(sync, revisions, database.backend),
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
    alterations = database.backend.alterations
    first: list[MigrateOperation] = []
    back: list[MigrateOperation] = []
    for rename in renames:
        inspector = inspect(connection)
        rename.refuse_unfit(inspector, spec, revisions.module_id)
        first.append(rename.operation(inspector))
        back.insert(0, rename.back(first[-1]))
        perform(connection, [first[-1]], alterations)
    compared = compare(connection, spec.metadata, alterations)
    steps = [step for step in compared if not _is_numbering(step)]
    found = [one for step in steps for one in _written(step, spec)]
    return Proposal(
        names=(*(rename.words for rename in renames), *(step.name for step in steps)),
        upgrade=(*first, *found),
        downgrade=(*(one.reverse() for one in reversed(found)), *back),
        hints=(*suggestions(found), *filter(None, map(_hint, steps))),
    )


def _written(step: Step, spec: DatabaseSpec) -> Iterator[MigrateOperation]:
    """Yield what a revision says of a step; with a new table its indexes."""
    for one in step.ops:
        yield one
        if isinstance(one, ops.CreateTableOp):
            table = spec.metadata.tables[in_schema(one.schema, one.table_name)]
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                yield ops.CreateIndexOp.from_index(index)


def _is_numbering(step: Step) -> bool:
    """Return whether a step makes the sequence of a key, which comes with the table."""
    return any(isinstance(one, CreateSequenceOp) for one in step.ops)


def _hint(step: Step) -> str:
    """Return what a person should look at in a step; empty if it only adds."""
    if not step.ops:
        return f"{step.name}: {step.refused}; write this by hand"
    kind = " ".join(step.name.split()[:2])
    return _HINTS.get(kind, "").format(step=step) if step.refused else ""
