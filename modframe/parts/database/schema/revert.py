"""Takes back what a failed load added to a database, where that loses nothing; for `Databases`.

A `SchemaChange` comes in; what stays goes out, with reasons. Nothing that another generation relies
on is dropped, and no commit of an open session fails for it: sessions in a transaction are waited
for, and others begin theirs afterwards.
"""

from __future__ import annotations

from alembic.operations import ops
from sqlalchemy import Connection, MetaData, Table, cast, func, literal_column, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from ....names import module_id_in
from ....wording import count
from ..database import Database
from .changes import KINDS, SchemaChange, item_of
from .perform import copies, perform
from .quiet import QUIET, busy_after

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
    async with (
        database.gate,
        database.use() as engine,
        engine.connect() as connection,
        database.backend.alone(connection),
    ):
        with database.changing():
            busy = await _blocking_sessions(database, change)
            for kind, name, op in _in_reverse(change):
                item = f"{kind} {name}"
                reason = _user_of(database, item) or (busy if kind in _ON_OLD_TABLES else "")
                reason = reason or await _drop(connection, database, op)
                if reason:
                    stays.append(f"{item} ({reason})")
                elif kind == "table":
                    database.tables = tuple(table for table in database.tables if table != name)
    return tuple(stays)


def _in_reverse(change: SchemaChange) -> list[tuple[str, str, ops.MigrateOperation]]:
    """Return what was added, in the order in which it can be dropped: kind, name, operation."""
    found = [(*item, op) for op in reversed(change.ops) if (item := item_of(op)) is not None]
    return sorted(found, key=lambda each: KINDS.index(each[0]))


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


async def _drop(connection: AsyncConnection, database: Database, op: ops.MigrateOperation) -> str:
    """Drop one thing in a transaction of its own; return the reason if it stays."""
    try:
        reason = await connection.run_sync(_reverse, database, op)
    except DBAPIError as exc:
        reason = _refusal_reason(database.backend.title, str(exc.orig))
    await connection.rollback()
    return reason


def _reverse(connection: Connection, database: Database, op: ops.MigrateOperation) -> str:
    reason = _contents(connection, op)
    alterations = database.backend.alterations
    back = [op.reverse()]
    copying = not reason and copies(connection, back, alterations)
    connection.rollback()
    if not reason:
        with alterations.transaction(connection, copying=copying):
            perform(connection, back, alterations)
    return reason


def _contents(connection: Connection, op: ops.MigrateOperation) -> str:
    """Return what was written to a new table or column; empty if nothing was."""
    if isinstance(op, ops.CreateTableOp):
        table = Table(op.table_name, MetaData(), schema=op.schema)
        number = connection.execute(select(func.count()).select_from(table)).scalar_one()
        return f"it holds {count(number, 'row')}" if number else ""
    if not isinstance(op, ops.AddColumnOp):
        return ""
    table = Table(
        op.table_name, MetaData(), schema=op.schema, autoload_with=connection, resolve_fks=False
    )
    column = table.columns.get(op.column.name)
    if column is None:
        return "it is not to be found"
    query = select(func.count()).select_from(table).where(column.is_not(None))
    default = column.server_default
    if default is not None:
        value = cast(literal_column(str(getattr(default, "arg", "NULL"))), column.type)
        query = query.where(column.is_distinct_from(value))
    number = connection.execute(query).scalar_one()
    what = "a value" if default is None else "a value other than the default"
    return f"{count(number, 'row')} with {what}" if number else ""


def _refusal_reason(title: str, text: str) -> str:
    if "depend" in text:
        return f"{title} can't, for an index or a reference depends on it"
    return f"{title} refuses: {text.partition(chr(10))[0]}"
