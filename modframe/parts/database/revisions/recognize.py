"""`Recognizer`: performs the operations of a revision, but for what the database has already.

In comes one operation of alembic after the other; out goes what was there. A notebook adds tables
and columns by itself, so a revision that adds them finds them. What is there must be what the
revision would make: a column of another type is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from alembic.operations import MigrateOperation, Operations, ops
from sqlalchemy import Column, Connection, Inspector, Table, inspect
from sqlalchemy.types import TypeEngine

from ..database import Database
from ..schema.changes import in_schema
from ..schema.compare import key_of
from ..schema.perform import perform

Invoke = Callable[[MigrateOperation], Any]


class ThereAlreadyError(Exception):
    """Raised when the database has something of a name that a revision makes otherwise."""


class Recognizer:
    """Performs operations on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._alterations = database.backend.alterations
        self._there: list[str] = []
        self._waiting: list[ops.DropIndexOp] = []

    def take_there(self) -> tuple[str, ...]:
        """Return what was there since the last call."""
        there, self._there = tuple(self._there), []
        return there

    def invoke_with(self, operations: Operations) -> Invoke:
        """Return what performs an operation; ``operations`` are alembic's own."""

        def invoke(operation: MigrateOperation) -> Any:
            return self._invoke(operations, operation)

        return invoke

    def _invoke(self, operations: Operations, operation: MigrateOperation) -> Any:
        connection = _connection(operations)
        waiting = self._waiting
        if waiting and key_of(operation) != key_of(waiting[0]):
            self.finish(connection)
        if isinstance(operation, ops.CreateTableOp):
            return self._create_table(operations, operation)
        if isinstance(operation, ops.ExecuteSQLOp | ops.BulkInsertOp):
            return operations.invoke(operation)
        if (name := _there(operations, operation, inspect(connection))) is not None:
            self._there.append(name)
        elif isinstance(operation, ops.DropIndexOp) and operation.table_name is not None:
            waiting.append(operation)
        else:
            self._waiting = []
            perform(connection, [*waiting, operation], self._alterations)
        return None

    def finish(self, connection: Connection) -> None:
        """Perform what waits: an index is dropped together with what comes next on its table.

        An engine may have to know: an index that was dropped before, in the same transaction, can
        still be in the way of dropping its column.
        """
        waiting, self._waiting = self._waiting, []
        if waiting:
            perform(connection, waiting, self._alterations)

    def _create_table(self, operations: Operations, operation: ops.CreateTableOp) -> Table:
        """Make a table, or what it lacks if it is there; keys are numbered as the engine does."""
        table = operation.to_table(operations.migration_context)
        self._database.backend.adapt(table.metadata)
        connection = _connection(operations)
        if not inspect(connection).has_table(table.name, schema=table.schema):
            perform(connection, [operation], self._alterations, metadata=table.metadata)
            return table
        self._there.append(f"table {in_schema(table.schema, table.name)}")
        for part in _parts(table):
            if _there(operations, part, inspect(connection)) is None:
                perform(connection, [part], self._alterations)
        return table


def _connection(operations: Operations) -> Connection:
    connection = operations.migration_context.connection
    if connection is None:
        raise RuntimeError("revisions run on a connection")
    return connection


def _parts(table: Table) -> Iterator[MigrateOperation]:
    """Yield what would add a table's columns and indexes to it."""
    for column in table.columns:
        copied = column._copy()
        yield ops.AddColumnOp(table.name, copied, schema=table.schema)
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        yield ops.CreateIndexOp.from_index(index)


def _there(operations: Operations, operation: MigrateOperation, inspector: Inspector) -> str | None:
    """Return what an operation adds, if it is there already.

    Raises:
        ThereAlreadyError: If it is there and is something else.
    """
    if isinstance(operation, ops.AddColumnOp):
        return _column(operations, operation, inspector)
    if isinstance(operation, ops.CreateIndexOp):
        return _index(operation, inspector)
    if isinstance(operation, ops.CreateUniqueConstraintOp):
        return _unique(operation, inspector)
    if isinstance(operation, ops.CreateForeignKeyOp):
        return _reference(operation, inspector)
    return None


def _column(operations: Operations, operation: ops.AddColumnOp, inspector: Inspector) -> str | None:
    table, column = operation.table_name, operation.column
    if not inspector.has_table(table, schema=operation.schema):
        return None
    columns = inspector.get_columns(table, schema=operation.schema)
    found = next((one for one in columns if one["name"].lower() == column.name.lower()), None)
    if found is None:
        return None
    name = f"{in_schema(operation.schema, table)}.{column.name}"
    if not _same_type(operations, found["type"], column):
        raise ThereAlreadyError(
            f"{name} is there already as {found['type']!r}, and the revision adds it as "
            f"{column.type!r}"
        )
    return f"column {name}"


def _same_type(operations: Operations, there: TypeEngine[Any], column: Column[Any]) -> bool:
    """Return whether a column has a type, as a load would see it."""
    context = operations.migration_context
    same = context.opts["alterations"].same_type(_connection(operations), there, column.type)
    if same is None:
        found: Any = column._copy()
        found.type = there
        same = not context.impl.compare_type(found, column)
    return bool(same)


def _index(operation: ops.CreateIndexOp, inspector: Inspector) -> str | None:
    table, name = operation.table_name, operation.index_name
    if name is None or not inspector.has_table(table, schema=operation.schema):
        return None
    for index in inspector.get_indexes(table, schema=operation.schema):
        if str(index["name"]).lower() == name.lower():
            return f"index {in_schema(operation.schema, name)}"
    return None


def _unique(operation: ops.CreateUniqueConstraintOp, inspector: Inspector) -> str | None:
    table, schema = operation.table_name, operation.schema
    if not inspector.has_table(table, schema=schema):
        return None
    wanted = {str(getattr(column, "name", column)).lower() for column in operation.columns}
    uniques: list[Any] = list(inspector.get_unique_constraints(table, schema=schema))
    uniques += [one for one in inspector.get_indexes(table, schema=schema) if one["unique"]]
    for unique in uniques:
        if {str(name).lower() for name in unique["column_names"]} == wanted:
            return f"unique {in_schema(schema, table)}({', '.join(sorted(wanted))})"
    return None


def _reference(operation: ops.CreateForeignKeyOp, inspector: Inspector) -> str | None:
    table, schema = operation.source_table, operation.kw.get("source_schema")
    if not inspector.has_table(table, schema=schema):
        return None
    wanted = (operation.local_cols, operation.referent_table, operation.remote_cols)
    for key in inspector.get_foreign_keys(table, schema=schema):
        if (key["constrained_columns"], key["referred_table"], key["referred_columns"]) == wanted:
            return f"reference {in_schema(schema, table)}({', '.join(operation.local_cols)})"
    return None
