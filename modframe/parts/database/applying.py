"""Adds to a database what its models need, and takes it back; called by `Databases`.

One transaction: all of a plan or nothing. Sessions with open changes are waited for first, since
a change of their table would make their commit fail; new sessions wait meanwhile.
"""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import Column, Connection, MetaData, literal
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import CreateIndex, CreateSchema, CreateSequence, CreateTable

from .catalog import Catalog
from .errors import DatabaseBusyError, SchemaConflictError
from .names import quoted
from .schema import Difference, Plan, SchemaChange, make_plan, scalar_default
from .tables import full_name

POLL = 0.01
"""Seconds between two looks at the sessions in the way."""


async def apply(catalog: Catalog, metadata: MetaData, *, wait: float) -> SchemaChange:
    """Add what the models have and the database hasn't.

    Args:
        catalog: The database.
        metadata: The models' tables.
        wait: Seconds to wait for sessions with open changes.
    """
    async with catalog.gate, catalog.use() as engine, engine.connect() as connection:
        plan = await connection.run_sync(make_plan, metadata)
        await connection.rollback()
        if plan.differences:
            raise _conflict(catalog.name, plan.differences)
        if plan.touches:
            await _drain_writers(catalog, wait)
        change = await _carry_out(connection, catalog.name, plan)
        catalog.tables = tuple(sorted({*catalog.tables, *change.tables}))
        return change


async def _carry_out(connection: AsyncConnection, database: str, plan: Plan) -> SchemaChange:
    try:
        await connection.run_sync(execute, plan)
        await connection.commit()
    except DBAPIError as exc:
        text = f"DuckDB refuses: {exc.orig}"
        tables: list[Any] = [*plan.tables, *(index.table for index in plan.indexes)]
        tables += [column.table for column, _ in plan.columns]
        name = full_name(tables[0]) if tables else ""
        raise _conflict(database, [Difference(name, "", text)]) from exc
    return SchemaChange(
        database,
        tables=tuple(full_name(table) for table in plan.tables),
        columns=tuple(f"{column.table.name}.{column.name}" for column, _ in plan.columns),
        indexes=tuple(str(index.name) for index in plan.indexes),
        sequences=tuple(
            f"{one.schema}.{one.name}" if one.schema else one.name for one in plan.sequences
        ),
        notes=tuple(plan.notes),
    )


def execute(connection: Connection, plan: Plan) -> None:
    """Run a plan's statements in the connection's transaction."""
    for schema in plan.schemas:
        connection.execute(CreateSchema(schema))
    for sequence in plan.sequences:
        connection.execute(CreateSequence(sequence))
    for table in plan.tables:
        connection.execute(CreateTable(table))
        for index in sorted(table.indexes, key=lambda one: str(one.name)):
            connection.execute(CreateIndex(index))
    for column, strict in plan.columns:
        connection.exec_driver_sql(_add_column(connection, column, strict=strict))
    for index in plan.indexes:
        connection.execute(CreateIndex(index))


def _add_column(connection: Connection, column: Column[object], *, strict: bool) -> str:
    dialect = connection.dialect
    preparer = dialect.identifier_preparer
    compiler = dialect.ddl_compiler(dialect, None)  # type: ignore[arg-type]  # as Alembic does
    default = compiler.get_column_default_string(column)
    if default is None and (given := scalar_default(column)) is not None:
        value = literal(given.arg, column.type)
        default = str(value.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    kind = dialect.type_compiler_instance.process(column.type)
    table = preparer.format_table(column.table)
    text = f"ALTER TABLE {table} ADD COLUMN {preparer.format_column(column)} {kind}"
    text += f" DEFAULT {default}" if default is not None else ""
    return text + (" NOT NULL" if strict else "")


async def _drain_writers(catalog: Catalog, wait: float) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    while writers := tuple(one.purpose for one in catalog.sessions if one.writing):
        if loop.time() >= deadline:
            raise DatabaseBusyError(
                f"database {catalog.name!r} can't be changed while sessions have uncommitted "
                f"changes: {', '.join(map(repr, writers))} (waited {wait:.1f} s)",
                cure="commit them or let them end, then load the module again",
                database=catalog.name,
                purposes=writers,
            )
        await asyncio.sleep(POLL)


def _conflict(database: str, differences: list[Difference]) -> SchemaConflictError:
    sentences = tuple(
        f"{one.table}.{one.column}: {one.text}" if one.column else f"{one.table}: {one.text}"
        for one in differences
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


async def revert(catalog: Catalog, change: SchemaChange) -> tuple[str, ...]:
    """Drop a change's new tables that are empty, and their sequences; name what stays."""
    stays = [f"column {name}" for name in change.columns]
    stays += [f"index {name}" for name in change.indexes]
    if not change.tables and not change.sequences:
        return tuple(stays)
    async with catalog.gate, catalog.use() as engine, engine.connect() as connection:
        for table in reversed(change.tables):
            name = _full(table)
            rows = (await connection.exec_driver_sql(f"SELECT 1 FROM {name} LIMIT 1")).first()
            text = f"DROP TABLE {name}"
            if rows is not None or not await _try(connection, text):
                stays.append(f"table {table}")
            else:
                catalog.tables = tuple(one for one in catalog.tables if one != table)
        for sequence in change.sequences:
            if not await _try(connection, f"DROP SEQUENCE {_full(sequence)}"):
                stays.append(f"sequence {sequence}")
    return tuple(stays)


def _full(name: str) -> str:
    return ".".join(quoted(part) for part in name.split("."))


async def _try(connection: AsyncConnection, statement: str) -> bool:
    """One statement in a transaction of its own; whether DuckDB let it be done."""
    try:
        await connection.exec_driver_sql(statement)
        await connection.commit()
    except DBAPIError:
        await connection.rollback()
        return False
    return True
