"""Takes back what a failed load added to a database, where that loses nothing; for `Databases`.

A `SchemaChange` comes in; what stays goes out, with reasons. Nothing that another generation relies
on is dropped, and no commit of an open session fails for it: sessions in a transaction are waited
for, and others begin theirs afterwards.
"""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from ....names import module_id_in
from ....wording import count
from ..database import Database
from ..names import quoted
from .apply import QUIET, busy_after
from .compare import SchemaChange

_ON_OLD_TABLES = ("index", "column")
"""Kinds of things that were added to tables which existed before, and may be in use."""


async def revert(database: Database, change: SchemaChange, *, user: str = "") -> tuple[str, ...]:
    """Drop what a change added for ``user``, where nothing was written to it.

    Return what stays, with the reason in brackets. ``user`` no longer relies on anything.
    """
    database.needs.pop(user, None)
    if not change:
        return ()
    stays: list[str] = []
    async with database.gate, database.use() as engine, engine.connect() as connection:
        with database.changing():
            busy = await _blocking_sessions(database, change)
            for item in change.items:
                kind, _, name = item.partition(" ")
                reason = _user_of(database, item) or (busy if kind in _ON_OLD_TABLES else "")
                reason = reason or await _drop(connection, kind, name)
                if reason:
                    stays.append(f"{item} ({reason})")
                elif kind == "table":
                    database.tables = tuple(table for table in database.tables if table != name)
    return tuple(stays)


async def _blocking_sessions(database: Database, change: SchemaChange) -> str:
    """Wait for open transactions; return the reason why those that go on prevent a drop."""
    if not change.columns and not change.indexes:
        return ""
    busy = await busy_after(database, QUIET)
    return f"in the way: {count(len(busy), 'session')}, {', '.join(map(repr, busy))}" * bool(busy)


def _user_of(database: Database, item: str) -> str:
    for user, needs in database.needs.items():
        if item.lower() in needs:
            return f"{module_id_in(user)} relies on it"
    return ""


async def _drop(connection: AsyncConnection, kind: str, name: str) -> str:
    """Drop one thing in a transaction of its own; return the reason if it stays."""
    try:
        reason = await _contents(connection, kind, name)
        if not reason:
            await connection.exec_driver_sql(_drop_statement(kind, name))
            await connection.commit()
    except DBAPIError as exc:
        reason = _refusal_reason(str(exc.orig))
    await connection.rollback()
    return reason


def _drop_statement(kind: str, name: str) -> str:
    if kind == "column":
        table, _, column = name.rpartition(".")
        return f"ALTER TABLE {_quote_parts(table)} DROP COLUMN {quoted(column)}"
    return f"DROP {kind.upper()} {_quote_parts(name)}"


async def _contents(connection: AsyncConnection, kind: str, name: str) -> str:
    """Return what was written to a new table or column; empty if nothing was."""
    if kind == "table":
        rows = await connection.exec_driver_sql(f"SELECT count(*) FROM {_quote_parts(name)}")
        return f"it holds {count(number, 'row')}" if (number := rows.scalar_one()) else ""
    if kind != "column":
        return ""
    table, _, column = name.rpartition(".")
    schema, _, bare = table.rpartition(".")
    facts = await connection.exec_driver_sql(
        "SELECT column_default, data_type FROM duckdb_columns() WHERE database_name = "
        "current_database() AND lower(schema_name) = ? AND lower(table_name) = ? "
        "AND lower(column_name) = ?",
        (schema.lower() or "main", bare.lower(), column.lower()),
    )
    if (column_facts := facts.mappings().first()) is None:
        return "it is not to be found"
    default, data_type = column_facts["column_default"], column_facts["data_type"]
    text = f"SELECT count(*) FROM {_quote_parts(table)} WHERE {quoted(column)} IS NOT NULL"
    if default is not None:
        text += f" AND {quoted(column)} IS DISTINCT FROM CAST(({default}) AS {data_type})"
    number = (await connection.exec_driver_sql(text)).scalar_one()
    what = "a value" if default is None else "a value other than the default"
    return f"{count(number, 'row')} with {what}" if number else ""


def _refusal_reason(text: str) -> str:
    if "depend" in text:
        return "DuckDB can't, for an index or a reference depends on it"
    return f"DuckDB refuses: {text.partition(chr(10))[0]}"


def _quote_parts(name: str) -> str:
    return ".".join(quoted(part) for part in name.split("."))
