"""Adds to a database what its models need; called by `Databases`. `revert` takes it back.

Models are compared with the tables unless both are what they were at the last comparison. What only
adds is carried out in one transaction; if anything else differs, nothing is.
"""

from __future__ import annotations

from dataclasses import replace

from alembic.operations import ops
from sqlalchemy import Connection, MetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from ....names import module_id_in
from ..alterations import Alterations
from ..database import Database
from ..errors import RevisionMissingError, SchemaConflictError
from ..faults import error_of
from ..reference import Reference, references_of
from .changes import SchemaChange, change_of, needed_by
from .fingerprint import fingerprint_of
from .perform import copies, perform
from .quiet import when_quiet
from .steps import Step, compare

ADDED_TO_OLD = ("add column", "add index", "add unique")
"""How the names of steps begin that change tables which exist already."""


async def apply(
    database: Database, metadata: MetaData, *, wait: float, user: str = "", fixed: bool = False
) -> SchemaChange:
    """Add what the models have and the database lacks; a database that was deleted begins anew.

    Args:
        wait: Seconds to wait for sessions with open changes.
        user: The generation that needs the tables, until it is removed from ``database.needs``.
        fixed: Whether revisions alone change the tables: what is lacking is then an error.
    """
    await database.begin_anew_if_lost()
    async with (
        database.gate,
        database.use() as engine,
        engine.connect() as connection,
        database.backend.alone(connection),
    ):
        fingerprint = fingerprint_of(metadata)
        steps = await connection.run_sync(_compare, database, metadata, fingerprint)
        await connection.rollback()
        if refused := [step for step in steps if step.refused and step.needed]:
            database.refused = (user, metadata)
            raise schema_conflict(database.name, refused)
        adding = [step for step in steps if step.adds]
        if adding and fixed:
            raise _no_revision(database.name, adding, module_id_in(user))
        change = SchemaChange(database.name, engine=database.backend.name)
        if adding:
            change = await when_quiet(
                database,
                lambda: _carry_out(connection, database, adding, metadata),
                touches=any(step.name.startswith(ADDED_TO_OLD) for step in adding),
                wait=wait,
            )
            await connection.run_sync(_note_fitting, database, metadata, fingerprint)
            await connection.rollback()
        database.live[user] = metadata
        if user:
            database.needs[user] = needed_by(metadata) | database.needs.get(user, frozenset())
        references = references_of(metadata)
        if not database.backend.enforces_references:
            orphans = await _notes_on_orphans(connection, database, references)
            change = replace(change, notes=(*change.notes, *orphans))
        database.refer(user, references)
        database.refused = None
        database.tables = tuple(sorted({*database.tables, *change.tables}))
        return change


async def unfit(database: Database) -> dict[str, tuple[str, ...]]:
    """Return the modules whose live models don't fit the tables any more, with the steps that lack.

    They don't after a migration towards other models, until these are loaded.
    """
    found = {}
    newest = {module_id_in(user): models for user, models in database.live.items() if user}
    async with database.use() as engine, engine.connect() as connection:
        for module_id, metadata in newest.items():
            steps = await connection.run_sync(_spelled_steps, database, metadata)
            if names := tuple(step.name for step in steps if step.adds or step.needed):
                found[module_id] = names
    return found


def _spelled_steps(connection: Connection, database: Database, metadata: MetaData) -> list[Step]:
    """Return how models and tables differ, whose names may differ in letter case."""
    alterations = database.backend.alterations
    with alterations.spelled(connection, metadata):
        return compare(connection, metadata, alterations)


async def _notes_on_orphans(
    connection: AsyncConnection, database: Database, references: tuple[Reference, ...]
) -> list[str]:
    """Return a note for each reference that nobody had before and that rows there break."""
    notes = []
    for reference in references:
        if database.references.has(reference):
            continue
        try:
            row = (await connection.execute(reference.orphans.limit(1))).first()
        except DBAPIError as error:  # texts that are no numbers, for example
            notes.append(f"{reference.name} can't be checked: {error.orig}")
            await connection.rollback()
            continue
        if row is not None:
            notes.append(
                f"{reference.sentence(tuple(row))}: sessions that write to "
                f"{reference.child.fullname} may fail until its rows are mended"
            )
    await connection.rollback()
    return notes


def _compare(
    connection: Connection, database: Database, metadata: MetaData, fingerprint: str
) -> list[Step]:
    """Return how models and tables differ; nothing is compared that was found to fit before."""
    state = _state(connection, database, metadata)
    if database.fitting.knows(state, fingerprint):
        return []
    steps = _spelled_steps(connection, database, metadata)
    if not any(step.adds or step.needed for step in steps):
        database.fitting.note(state, fingerprint)
    return steps


def _steps(connection: Connection, metadata: MetaData, alterations: Alterations) -> list[Step]:
    """Return how models and tables differ, by names as the models spell them."""
    with alterations.spelled(connection, metadata):
        return compare(connection, metadata, alterations)


def _note_fitting(
    connection: Connection, database: Database, metadata: MetaData, fingerprint: str
) -> None:
    database.fitting.note(_state(connection, database, metadata), fingerprint)


def _state(connection: Connection, database: Database, metadata: MetaData) -> str:
    schemas = {table.schema for table in metadata.tables.values() if table.schema}
    return database.backend.alterations.state(connection, sorted(schemas))


async def _carry_out(
    connection: AsyncConnection, database: Database, steps: list[Step], metadata: MetaData
) -> SchemaChange:
    todo = [op for step in steps for op in step.ops]
    alterations = database.backend.alterations
    try:
        await connection.run_sync(in_transaction, todo, alterations, metadata)
    except DBAPIError as exc:
        what = f"a change of the tables of database {database.name!r}"
        error = error_of(database.backend, exc, database=database.name, what=what)
        if error is not None:
            raise error from exc
        text = f"{database.backend.title} refuses: {exc.orig}"
        table = next((step.table for step in steps if step.table), "")
        raise schema_conflict(database.name, [Step("", table, refused=text)]) from exc
    return change_of(database.name, todo, engine=database.backend.name)


def in_transaction(
    connection: Connection,
    todo: list[ops.MigrateOperation],
    alterations: Alterations,
    metadata: MetaData,
) -> None:
    """Carry out operations in one transaction, the engine's own."""
    with alterations.spelled(connection, metadata):
        copying = copies(connection, todo, alterations)
        connection.rollback()
        with alterations.transaction(connection, copying=copying):
            perform(connection, todo, alterations, metadata=metadata)


def _no_revision(database: str, adding: list[Step], module_id: str) -> RevisionMissingError:
    names = tuple(step.name for step in adding)
    return RevisionMissingError(
        f"the module has revisions, so nothing else changes database {database!r} here, and "
        f"none of them does what its models need: {', '.join(names)}",
        cure=f"run 'modframe db revision {module_id} -m \"...\"', read the file, and start again",
        subject=module_id,
        database=database,
        module_id=module_id,
        differences=names,
    )


def schema_conflict(database: str, refused: list[Step]) -> SchemaConflictError:
    """Make the error for steps that a load doesn't do by itself."""
    sentences = tuple(step.sentence for step in refused)
    first = refused[0]
    ways = ways_on(database, refused)
    return SchemaConflictError(
        f"database {database!r} doesn't fit the models, and adding to it won't mend that: "
        + "; ".join(sentences),
        cure="nothing was changed: let the model say what the table has (a new column wants "
        "nullable=True or a default), give the model another __tablename__"
        + (f"; or {ways}" if ways else ""),
        database=database,
        table=first.table,
        column=first.column,
        differences=sentences,
    )


def ways_on(database: str, refused: list[Step]) -> str:
    """Return how a person can have steps carried out that a load refuses."""
    if not all(step.ops for step in refused):
        return "write a migration: modframe db revision" if any(s.ops for s in refused) else ""
    allow = [step.name for step in refused if not step.fill_only]
    fill = ", ".join(
        f"{f'{step.table}.{step.column}'!r}: ..." for step in refused if step.fill_only
    )
    words = [f"allow={allow!r}"] * bool(allow) + [f"fill={{{fill}}}"] * bool(fill)
    return (
        f"change the table by app.database.migrate({database!r}, {', '.join(words)}), of which "
        "plan=True shows what it loses; or write a migration: modframe db revision"
    )
