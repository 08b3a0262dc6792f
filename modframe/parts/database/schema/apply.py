"""Adds to a database what its models need; called by `Databases`. `reverting` takes it back.

A plan is carried out in one transaction. If a session writes to a table that is changed, its commit
fails; so sessions in a transaction are waited for first, briefly for those that have only read,
longer for those with uncommitted changes. New sessions wait meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import Column, Connection, MetaData, literal
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import CreateIndex, CreateSchema, CreateSequence, CreateTable

from ..database import Database
from ..errors import DatabaseBusyError, SchemaConflictError
from ..faults import error_of
from ..reference import Reference, references_of
from .compare import (
    Difference,
    SchemaChange,
    SchemaPlan,
    compare_schema,
    index_name,
    needed_by,
    scalar_default,
    sequence_name,
)
from .creating import create_tables, is_compared
from .tables import full_name

POLL = 0.01
"""Seconds between two checks of the open sessions."""
QUIET = 0.5
"""Seconds to wait for sessions that have only read; others begin no transaction meanwhile."""


async def apply(
    database: Database, metadata: MetaData, *, wait: float, user: str = ""
) -> SchemaChange:
    """Add what the models have and the database lacks; a database that was deleted begins anew.

    Args:
        wait: Seconds to wait for sessions with open changes.
        user: The generation that needs the tables, until it is removed from ``database.needs``.
    """
    await database.begin_anew_if_lost()
    async with (
        database.gate,
        database.use() as engine,
        engine.connect() as connection,
        database.backend.alone(connection),
    ):
        enforced = database.backend.enforces_references
        plan = await connection.run_sync(compare_schema, metadata, references=enforced)
        await connection.rollback()
        if plan.differences:
            raise _schema_conflict(database.name, plan.differences)
        with database.changing():
            quiet = not plan.touches or not await busy_after(database, min(wait, QUIET))
            change = await _carry_out(connection, database, plan) if quiet else None
        if change is None:  # a long read, or writers that wait for each other: let writers finish
            await _let_writers_out(database, wait)
            with database.changing():
                change = await _carry_out(connection, database, plan)
        if user:
            database.needs[user] = needed_by(metadata) | database.needs.get(user, frozenset())
        references = references_of(metadata)
        if not enforced:
            orphans = await _notes_on_orphans(connection, database, references)
            change = replace(change, notes=(*change.notes, *orphans))
        database.refer(user, references)
        database.tables = tuple(sorted({*database.tables, *change.tables}))
        return change


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


async def _carry_out(
    connection: AsyncConnection, database: Database, plan: SchemaPlan
) -> SchemaChange:
    try:
        await connection.run_sync(execute, plan)
        await connection.commit()
    except DBAPIError as exc:
        what = f"a change of the tables of database {database.name!r}"
        if (
            error := error_of(database.backend, exc, database=database.name, what=what)
        ) is not None:
            raise error from exc
        text = f"{database.backend.title} refuses: {exc.orig}"
        tables: list[Any] = [*plan.tables, *(index.table for index in plan.indexes)]
        tables += [column.table for column, _ in plan.columns]
        name = full_name(tables[0]) if tables else ""
        raise _schema_conflict(database.name, [Difference(name, "", text)]) from exc
    return SchemaChange(
        database.name,
        tables=tuple(full_name(table) for table in plan.tables),
        columns=tuple(f"{full_name(column.table)}.{column.name}" for column, _ in plan.columns),
        indexes=tuple(
            index_name(index.name, index.table) for index in plan.indexes if index.table is not None
        ),
        sequences=tuple(map(sequence_name, plan.sequences)),
        schemas=tuple(plan.schemas),
        notes=tuple(plan.notes),
        engine=database.backend.name,
    )


def execute(connection: Connection, plan: SchemaPlan) -> None:
    if not is_compared(connection):  # TEMPORARY
        create_tables(connection, plan.tables)
        return
    for schema in plan.schemas:
        connection.execute(CreateSchema(schema))
    for sequence in plan.sequences:
        connection.execute(CreateSequence(sequence))
    for table in plan.tables:
        connection.execute(CreateTable(table))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            connection.execute(CreateIndex(index))
    for column, strict in plan.columns:
        connection.exec_driver_sql(_add_column_statement(connection, column, strict=strict))
    for index in plan.indexes:
        connection.execute(CreateIndex(index))


def _add_column_statement(connection: Connection, column: Column[object], *, strict: bool) -> str:
    dialect = connection.dialect
    preparer = dialect.identifier_preparer
    compiler = dialect.ddl_compiler(dialect, None)  # type: ignore[arg-type]  # as Alembic does
    default = compiler.get_column_default_string(column)
    if default is None and (scalar := scalar_default(column)) is not None:
        value = literal(scalar.arg, column.type)
        default = str(value.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    kind = dialect.type_compiler_instance.process(column.type)
    table = preparer.format_table(column.table)
    text = f"ALTER TABLE {table} ADD COLUMN {preparer.format_column(column)} {kind}"
    text += f" DEFAULT {default}" if default is not None else ""
    return text + (" NOT NULL" if strict else "")


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


def _schema_conflict(database: str, differences: list[Difference]) -> SchemaConflictError:
    sentences = tuple(
        f"{difference.table}.{difference.column}: {difference.text}"
        if difference.column
        else f"{difference.table}: {difference.text}"
        for difference in differences
    )
    first = differences[0]
    return SchemaConflictError(
        f"database {database!r} doesn't fit the models, and adding to it won't mend that: "
        + "; ".join(sentences),
        cure="nothing was changed: let the model say what the table has (a new column wants "
        "nullable=True or a default), give the model another __tablename__, or drop the table "
        "with its rows yourself",
        database=database,
        table=first.table,
        column=first.column,
        differences=sentences,
    )
