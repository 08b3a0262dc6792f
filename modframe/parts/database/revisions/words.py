"""TEMPORARY: what an operation does, in words, until `schema` says it."""

from __future__ import annotations

from alembic.operations import MigrateOperation, ops


def words_of(operation: MigrateOperation) -> str:
    """Return what an operation does, in a few words."""
    table = getattr(operation, "table_name", "")
    match operation:
        case ops.CreateTableOp():
            return f"create table {table}"
        case ops.DropTableOp():
            return f"drop table {table}"
        case ops.RenameTableOp():
            return f"rename table {table} to {operation.new_table_name}"
        case ops.AddColumnOp():
            return f"add column {table}.{operation.column.name}"
        case ops.DropColumnOp():
            return f"drop column {table}.{operation.column_name}"
        case ops.AlterColumnOp(modify_name=str()):
            return f"rename column {table}.{operation.column_name} to {operation.modify_name}"
        case ops.AlterColumnOp():
            return f"alter column {table}.{operation.column_name}"
        case ops.CreateIndexOp():
            return f"create index {operation.index_name}"
        case ops.DropIndexOp():
            return f"drop index {operation.index_name}"
        case _:
            return type(operation).__name__.removesuffix("Op")
