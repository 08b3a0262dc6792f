"""How SQLite alters tables: names in place, new columns in place, all the rest by a copy.

For a copy foreign keys are switched off, which SQLite ignores inside a transaction, and checked
before the commit. Indexes and triggers, which go with the old table, are made again.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from alembic.operations import ops
from sqlalchemy import Column, Connection, Select, Table, Text, cast, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.types import TypeEngine

from ..alterations import Alterations, is_constant, only_by_copy
from ..names import quoted

_STATE = "SELECT coalesce(sql, name) FROM sqlite_master ORDER BY type, name"
_INDEXES = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = :table"
_PARTS = (
    "SELECT type, name, sql FROM sqlite_master "
    "WHERE type IN ('index', 'trigger') AND tbl_name = :table AND sql IS NOT NULL"
)
_SAME = {
    "BIGINT": "INTEGER",
    "SMALLINT": "INTEGER",
    "DOUBLE": "FLOAT",
    "DOUBLE_PRECISION": "FLOAT",
    "REAL": "FLOAT",
    "TEXT": "VARCHAR",
    "NVARCHAR": "VARCHAR",
}
"""Names of types that mean the same to SQLite."""
_SIZED = ("VARCHAR", "CHAR", "FLOAT")
"""Types whose sizes SQLite ignores."""


class SQLiteAlterations(Alterations):
    """How SQLite alters tables."""

    title = "SQLite"

    # -- comparing ------------------------------------------------------------------------

    def same_type(
        self, connection: Connection, there: TypeEngine[Any], wanted: TypeEngine[Any]
    ) -> bool | None:
        return self._meaning(connection, there) == self._meaning(connection, wanted)

    def _meaning(self, connection: Connection, kind: TypeEngine[Any]) -> str:
        name = self.type_name(connection, kind).upper()
        word, bracket, size = name.partition("(")
        word = _SAME.get(word.strip(), word.strip())
        return word if word in _SIZED or not bracket else f"{word}({size.replace(' ', '')}"

    def index_names(self, connection: Connection, table: Table) -> set[str]:
        rows = connection.execute(text(_INDEXES), {"table": table.name})
        return {str(name) for (name,) in rows}

    def state(self, connection: Connection, schemas: Collection[str]) -> str:
        rows = connection.exec_driver_sql(_STATE)
        return hashlib.sha256("\0".join(str(row) for (row,) in rows).encode()).hexdigest()

    # -- adding ---------------------------------------------------------------------------

    def additive(
        self, op: ops.MigrateOperation, table: Table
    ) -> tuple[ops.MigrateOperation, ...] | str:
        """Return an operation as it is; a unique index is made in place of a constraint.

        A computed column can be added if it is computed whenever it is read.
        """
        if isinstance(op, ops.CreateUniqueConstraintOp):
            columns = [str(column) for column in op.columns]
            name = str(op.constraint_name)
            return (ops.CreateIndexOp(name, op.table_name, columns, schema=op.schema, unique=True),)
        if isinstance(op, ops.AddColumnOp) and _is_stored(op):
            return only_by_copy(self.title, "a computed column that is stored")
        return (op,)

    # -- altering -------------------------------------------------------------------------

    def copies(self, op: ops.MigrateOperation, table: Table) -> bool:
        if isinstance(op, ops.AddColumnOp):
            if _is_stored(op):
                return True
            default = op.column.server_default
            return not is_constant(default) or (default is not None and bool(op.inline_references))
        if isinstance(op, ops.AlterColumnOp):
            return op.modify_name is None
        return isinstance(op, ops.DropColumnOp | ops.AddConstraintOp | ops.DropConstraintOp)

    def changed_by_type(self, column: Column[Any], op: ops.AlterColumnOp) -> Select[Any] | None:
        """Return the query: SQLite converts whatever it can't, such as a word to 0."""
        if op.modify_type is None or column.type._type_affinity is op.modify_type._type_affinity:
            return None
        there = cast(cast(column, op.modify_type), Text)
        return select(func.count()).where(column.is_not(None), there != cast(column, Text))

    @contextmanager
    def transaction(self, connection: Connection, *, copying: bool) -> Iterator[None]:
        if not copying:
            with connection.begin():
                yield
            return
        _set_foreign_keys(connection, "OFF")
        try:
            with connection.begin():
                before = _violations(connection)
                yield
                if broken := _violations(connection) - before:
                    raise _violation(min(broken))
        finally:
            _set_foreign_keys(connection, "ON")

    @contextmanager
    def detached(
        self,
        connection: Connection,
        table: Table,
        operations: Sequence[ops.MigrateOperation],
        *,
        copying: bool,
    ) -> Iterator[None]:
        """Drop the indexes of a table that is copied, and make them and its triggers again."""
        if not copying:
            yield
            return
        parts = connection.execute(text(_PARTS), {"table": table.name}).all()
        for part in parts:
            connection.exec_driver_sql(f"DROP {part.type.upper()} {quoted(part.name)}")
        connection.exec_driver_sql("PRAGMA legacy_alter_table=ON")  # views are not looked at
        yield
        connection.exec_driver_sql("PRAGMA legacy_alter_table=OFF")
        gone = {op.column_name for op in operations if isinstance(op, ops.DropColumnOp)}
        for part in parts:
            if part.type == "trigger" or not gone & _columns_in(part.sql):
                connection.exec_driver_sql(part.sql)


def _is_stored(op: ops.AddColumnOp) -> bool:
    computed = op.column.computed
    return computed is not None and bool(computed.persisted)


def _columns_in(sql: str) -> set[str]:
    """Return the words after the table in the text of an index."""
    return set(re.findall(r"\w+", sql.partition("(")[2]))


def _set_foreign_keys(connection: Connection, how: str) -> None:
    """Switch foreign keys on or off, on the driver's connection and in no transaction."""
    connection.rollback()
    cursor = connection.connection.cursor()
    try:
        cursor.execute(f"PRAGMA foreign_keys={how}")
    finally:
        cursor.close()


def _violations(connection: Connection) -> set[tuple[str, ...]]:
    """Return the rows whose reference leads nowhere: table, row, table that is referred to."""
    rows = connection.exec_driver_sql("PRAGMA foreign_key_check")
    return {tuple(map(str, row[:3])) for row in rows}


def _violation(row: tuple[str, ...]) -> IntegrityError:
    child, number, parent = row
    message = f"FOREIGN KEY constraint failed: row {number} of {child} refers to no row of {parent}"
    return IntegrityError("PRAGMA foreign_key_check", None, sqlite3.IntegrityError(message))


ALTERATIONS = SQLiteAlterations
