"""Runs revisions on a database: upgrades it and downgrades it, all in one transaction or nothing.

In come a `Database` and its `Revisions`; out goes an `Applied` for each that was run. Called by
``modframe db`` and, before modules load, by ``modframe serve``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ..backend import Backend
from ..database import Database
from ..schema.quiet import when_quiet
from .errors import RevisionFailedError, UnknownRevisionError
from .files import Revision, Revisions, line_in
from .lock import alone
from .recognize import Recognizer


@dataclass(frozen=True, slots=True)
class Applied:
    """A revision that was run.

    Attributes:
        revision: Which one.
        there: What it adds and the database had already, such as ``column orders.note``.
    """

    revision: Revision
    there: tuple[str, ...] = ()

    def __str__(self) -> str:
        there = f" ({', '.join(self.there)} there already)" if self.there else ""
        return f"{self.revision.name}{there}"


@dataclass(frozen=True, slots=True)
class State:
    """Where a database is.

    Attributes:
        recorded: The ids that it has recorded; one, or none before the first upgrade.
        pending: The revisions that were not run on it, in order.
    """

    recorded: tuple[str, ...]
    pending: tuple[Revision, ...]


async def state_of(database: Database, revisions: Revisions) -> State:
    """Return which revisions were run on a database.

    Raises:
        DatabaseAheadError: If it has recorded one that the files don't have.
    """
    async with database.use() as engine, engine.connect() as connection:
        recorded = await connection.run_sync(_recorded, revisions, database.backend)
    return state_from(revisions, recorded)


def state_from(revisions: Revisions, recorded: tuple[str, ...]) -> State:
    """Return which revisions were run on a database that has recorded some ids.

    Raises:
        DatabaseAheadError: If it has recorded one that the files don't have.
    """
    revisions.refuse_unknown(recorded)
    done = _ancestors(revisions, recorded)
    return State(recorded, tuple(one for one in revisions.ordered if one.id not in done))


async def upgrade(
    database: Database, revisions: Revisions, target: str = "head", *, wait: float = 0.0
) -> tuple[Applied, ...]:
    """Run the revisions up to a target that were not run yet; return them.

    Args:
        target: An id, the beginning of one or of a file's name, ``head`` or ``+1``.
        wait: Seconds to wait for another process that runs revisions.

    Raises:
        RevisionError: If they can't be run; nothing was changed then.
    """
    return await _run(database, revisions, target, down=False, wait=wait)


async def downgrade(
    database: Database, revisions: Revisions, target: str = "-1", *, wait: float = 0.0
) -> tuple[Applied, ...]:
    """Take revisions back until a target is the last one; return them.

    Args:
        target: An id, the beginning of one or of a file's name, ``base`` or ``-1``.
        wait: Seconds to wait for another process that runs revisions.

    Raises:
        RevisionError: If they can't be taken back; nothing was changed then.
    """
    return await _run(database, revisions, target, down=True, wait=wait)


async def _run(
    database: Database, revisions: Revisions, target: str, *, down: bool, wait: float
) -> tuple[Applied, ...]:
    meant = revisions.resolve(target)
    async with alone(database, revisions.module_id, wait=wait) as connection:
        done = await when_quiet(
            database,
            lambda: connection.run_sync(
                _in_transaction, revisions, meant, down=down, database=database
            ),
            touches=True,
            wait=database.backend.options.lock_wait,
        )
        database.tables = await database.store.tables()
    return done


def _in_transaction(
    connection: Connection, revisions: Revisions, target: str, *, down: bool, database: Database
) -> tuple[Applied, ...]:
    """Run revisions in a transaction of their own; any of them may copy a table."""
    with database.backend.alterations.transaction(connection, copying=True):
        return run(connection, revisions, target, down=down, database=database)


def run(
    connection: Connection, revisions: Revisions, target: str, *, down: bool, database: Database
) -> tuple[Applied, ...]:
    """Run revisions in the transaction of a connection; the caller commits.

    Raises:
        RevisionError: If one fails, or the target can't be reached; the caller rolls back.
    """
    steps: list[Applied] = []
    recognizer = Recognizer(database)

    def plan(heads: Any, _: MigrationContext) -> Iterator[RevisionStep]:
        script = revisions.script
        find = script._downgrade_revs if down else script._upgrade_revs
        for step in find(target, heads):
            step.migration_fn = _watched(step, revisions)
            yield step
            steps.append(Applied(revisions.find(step.revision.revision), recognizer.take_there()))

    context = context_for(connection, revisions, database.backend, fn=plan, script=revisions.script)
    revisions.refuse_unknown(context.get_current_heads())
    operations = Operations(context)
    setattr(operations, "invoke", recognizer.invoke_with(Operations(context)))  # noqa: B010  # mypy refuses a method
    try:
        with _in_place(operations):
            context.run_migrations()
            recognizer.finish(connection)
    except CommandError as error:
        raise _unreachable(revisions, target, down=down) from error
    return tuple(steps)


def context_for(
    connection: Connection, revisions: Revisions, backend: Backend, **options: Any
) -> MigrationContext:
    """Return alembic's context for a connection: revisions are recorded in the module's table."""
    fixed = {
        "version_table": revisions.table,
        "transactional_ddl": True,
        "alterations": backend.alterations,  # alembic knows the engine once these are imported
    }
    return MigrationContext.configure(connection, opts={**fixed, **options})


@contextmanager
def _in_place(operations: Operations) -> Iterator[None]:
    """Let ``from alembic import op`` lead to these operations."""
    operations._install_proxy()
    try:
        yield
    finally:
        operations._remove_proxy()


def _watched(step: RevisionStep, revisions: Revisions) -> Callable[..., None]:
    """Return the function of a step; an error of it names the revision's file and line."""
    function, path = step.migration_fn, Path(step.revision.path)

    def call(**arguments: Any) -> None:
        try:
            function(**arguments)
        except Exception as error:
            raise _failure(revisions, path, error) from error

    return call


def _failure(revisions: Revisions, path: Path, error: Exception) -> RevisionFailedError:
    file, line = revisions.shown(path), line_in(path, error)
    cause = error.orig if isinstance(error, DBAPIError) else error
    return RevisionFailedError(
        f"the revision failed on database {revisions.database!r}: {type(cause).__name__}: {cause}",
        subject=revisions.module_id,
        cure="nothing was changed: correct the file or the rows, and run it again",
        database=revisions.database,
        module_id=revisions.module_id,
        file=file,
        line=line,
    )


def _unreachable(revisions: Revisions, target: str, *, down: bool) -> UnknownRevisionError:
    way = "downgraded" if down else "upgraded"
    return UnknownRevisionError(
        f"database {revisions.database!r} can't be {way} to {target!r} from where it is",
        subject=revisions.module_id,
        cure=f"'modframe db history {revisions.module_id}' shows where it is and what there is",
        database=revisions.database,
        module_id=revisions.module_id,
        revision=target,
    )


def _recorded(connection: Connection, revisions: Revisions, backend: Backend) -> tuple[str, ...]:
    return context_for(connection, revisions, backend).get_current_heads()


def _ancestors(revisions: Revisions, recorded: tuple[str, ...]) -> set[str]:
    parents = {one.id: one.parents for one in revisions.ordered}
    done: set[str] = set()
    waiting = list(recorded)
    while waiting:
        done.add(one := waiting.pop())
        waiting += parents[one]
    return done
