"""Changes tables in ways that a load refuses, as a person allows; for ``app.database.migrate``.

Comes in: the models that were refused last, or that are live, and a `Request`. Goes out: a
`MigrationPlan`. All steps are carried out in one transaction, or none; sessions are let out first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from ....names import module_id_in
from ....wording import near
from ..database import Database
from ..errors import MigrationError
from ..faults import error_of
from .perform import copies, perform
from .plan import ALLOWED, BY_ITSELF, NEEDED, NOT_OURS, POSSIBLE, MigrationPlan, PlannedStep
from .quiet import when_quiet
from .request import Reading, Request, Requested, choose
from .steps import Step, compare
from .weigh import loses, way


async def migrate(
    database: Database, request: Request, *, plan_only: bool, wait: float
) -> MigrationPlan:
    """Carry out what a request allows; with ``plan_only`` return what would be.

    Raises:
        MigrationError: If the request names what there isn't, if the models need more than it
            allows, or if the engine refuses; nothing was changed then.
        DatabaseBusyError: If sessions have uncommitted changes for longer than ``wait`` seconds.
    """
    models = database.wanted
    if models is None:
        raise no_models(database.name, ())
    async with (
        database.gate,
        database.use() as engine,
        engine.connect() as connection,
        database.backend.alone(connection),
    ):
        _, metadata = models
        chosen, plan = await connection.run_sync(_plan, database, models, request)
        await connection.rollback()
        if plan_only:
            return plan
        if plan.missing:
            raise _not_allowed(plan)
        if chosen.ops:
            await when_quiet(
                database,
                lambda: _carry_out(connection, database, chosen, metadata),
                touches=True,
                wait=wait,
            )
            database.tables = await database.store.tables()
        return replace(plan, done=True)


def _plan(
    connection: Connection, database: Database, models: tuple[str, MetaData], request: Request
) -> tuple[Requested, MigrationPlan]:
    user, metadata = models
    alterations = database.backend.alterations
    with alterations.spelled(connection, metadata):
        steps = [
            step
            for step in compare(connection, metadata, alterations)
            if not _is_anothers(database, step, user)
        ]
        chosen = choose(Reading(connection, database.name, metadata, alterations), steps, request)
        planned = tuple(
            PlannedStep(
                step.name,
                _status(step, chosen),
                loses(connection, step, alterations),
                way(connection, step, alterations),
                _hint(step, chosen.steps),
                fill=f"{step.table}.{step.column}" if step.takes_fill else "",
                renames=_renames(step, chosen.steps),
            )
            for step in chosen.steps
        )
    return chosen, MigrationPlan(database.name, database.backend.title, planned)


def _is_anothers(database: Database, step: Step, user: str) -> bool:
    """Return whether a step takes away what another module relies on."""
    verb, _, item = step.name.partition(" ")
    return verb == "drop" and any(
        item.lower() in needs
        for other, needs in database.needs.items()
        if module_id_in(other) != module_id_in(user)
    )


def _status(step: Step, chosen: Requested) -> str:
    if step.name in chosen.allowed:
        return ALLOWED
    if step.adds:
        return BY_ITSELF
    if not step.needed:
        return POSSIBLE
    return NEEDED if step.ops else NOT_OURS


def _hint(step: Step, steps: Iterable[Step]) -> str:
    if step.adds or not step.ops:
        return "" if step.ops else "write a migration: modframe db revision"
    if step.fill_only:
        fill = f"fill={{'{step.table}.{step.column}': ...}}"
        renames = (f"rename={{'{old}': '{step.column}'}}" for old in _renames(step, steps))
        return " or ".join([fill, *renames])
    return f"allow=[{step.name!r}]"


def _renames(step: Step, steps: Iterable[Step]) -> tuple[str, ...]:
    """Return the columns that a new one may be, since the models lack them."""
    if not step.name.startswith("add column "):
        return ()
    head = f"drop column {step.table}."
    return tuple(other.name[12:] for other in steps if other.name.startswith(head))


async def _carry_out(
    connection: AsyncConnection, database: Database, chosen: Requested, metadata: MetaData
) -> None:
    try:
        await connection.run_sync(_in_transaction, database, chosen, metadata)
    except DBAPIError as exc:
        what = f"the migration of database {database.name!r}"
        error = error_of(database.backend, exc, database=database.name, what=what)
        reason = str(exc.orig).partition("\n")[0].replace("_alembic_tmp_", "")
        raise (error or _refused(database, reason)) from exc
    except (CommandError, NotImplementedError, StatementError) as exc:
        raise _refused(database, str(exc).partition("\n")[0]) from exc


@contextmanager
def _first_error(connection: Connection) -> Iterator[None]:
    """Raise the error that came first: what is cleaned up after it may fail as well."""
    noted: list[DBAPIError] = []

    def note(context: ExceptionContext) -> None:
        if context.connection is connection and isinstance(
            context.sqlalchemy_exception, DBAPIError
        ):
            noted.append(context.sqlalchemy_exception)

    event.listen(connection.engine, "handle_error", note)
    try:
        yield
    except DBAPIError as last:
        first = (noted or [last])[0]
        raise first from first.orig
    finally:
        event.remove(connection.engine, "handle_error", note)


def _in_transaction(
    connection: Connection, database: Database, chosen: Requested, metadata: MetaData
) -> None:
    alterations = database.backend.alterations
    with alterations.spelled(connection, metadata):
        copying = copies(connection, chosen.ops, alterations)
        connection.rollback()
        with _first_error(connection), alterations.transaction(connection, copying=copying):
            perform(connection, chosen.ops, alterations, metadata=metadata, fill=chosen.fill)
            left = [step for step in compare(connection, metadata, alterations) if step.needed]
            if left:
                raise _refused(database, "; ".join(step.sentence or step.name for step in left))


def no_models(database: str, known: Iterable[str]) -> MigrationError:
    """Make the error for a database whose models nobody has loaded."""
    return MigrationError(
        f"no models are known for database {database!r}",
        cure=f"{near(database, known)}Load the module that has them first: a load that is refused "
        "makes them known as well",
        database=database,
    )


def _not_allowed(plan: MigrationPlan) -> MigrationError:
    lines = [f"{step.name} ({step.hint})" for step in plan.missing]
    return MigrationError(
        f"the models of database {plan.database!r} need more than is allowed: {'; '.join(lines)}",
        cure="nothing was changed: allow it as well, or change the models; "
        f"app.database.migrate({plan.database!r}, plan=True) shows what each step loses",
        database=plan.database,
    )


def _refused(database: Database, reason: str) -> MigrationError:
    return MigrationError(
        f"{database.backend.title} refuses the migration of database {database.name!r}: {reason}",
        cure="nothing was changed: mend the rows or the models, or give values by fill=, then "
        "migrate again",
        database=database.name,
    )
