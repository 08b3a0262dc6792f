"""How DuckDB alters tables: indexes are dropped and made again, and some changes copy the table.

DuckDB alters no table that an index depends on; without its indexes it can, in the same
transaction. It can't drop a column that an indexed one follows, nor change the type of an indexed
one, nor add a check: then the table is copied. It ignores the case of names, and so does all here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from alembic.ddl.impl import DefaultImpl
from alembic.operations import ops
from sqlalchemy import Connection, Index, MetaData, Table, UniqueConstraint, cast
from sqlalchemy import types as sqltypes
from sqlalchemy.types import TypeEngine

from ..alterations import Alterations, is_constant, only_by_copy
from ..names import quoted
from .reflection import index_parts
from .spelling import by_lower, spelled

_STATE = """
SELECT md5(coalesce(string_agg(entry, ';' ORDER BY entry), '')) FROM (
    SELECT schema_name || '.' || sql AS entry FROM duckdb_tables()
    WHERE database_name = current_database()
    UNION ALL SELECT schema_name || '.' || sql FROM duckdb_indexes()
    WHERE database_name = current_database()
    UNION ALL SELECT schema_name || '.' || sequence_name FROM duckdb_sequences()
    WHERE database_name = current_database())
"""
_INDEXES = """
SELECT index_name, is_unique, expressions FROM duckdb_indexes()
WHERE database_name = current_database()
AND lower(schema_name) = lower(?) AND lower(table_name) = lower(?)
"""
_DEFAULTS = """
SELECT column_name, column_default FROM duckdb_columns()
WHERE database_name = current_database()
AND lower(schema_name) = lower(?) AND lower(table_name) = lower(?)
AND column_default LIKE 'nextval(%'
"""


class DuckDBImpl(DefaultImpl):
    """What alembic has to know; it finds this class by the dialect's name."""

    __dialect__ = "duckdb"
    transactional_ddl = True

    def requires_recreate_in_batch(self, batch_op: Any) -> bool:
        """Return whether a revision's batch copies the table: unless it only adds columns."""
        return any(
            op[0] not in ("add_column", "create_index", "drop_index") for op in batch_op.batch
        )

    def cast_for_batch_migrate(
        self, existing: Any, existing_transfer: Any, new_type: TypeEngine[Any]
    ) -> None:
        """Let a copy convert a column whose type changes."""
        if existing.type._type_affinity is not new_type._type_affinity:
            existing_transfer["expr"] = cast(existing_transfer["expr"], new_type)


class DuckDBAlterations(Alterations):
    """How DuckDB alters tables."""

    title = "DuckDB"
    sequences = True
    in_place = "in place; its indexes are made again"

    def __init__(self, *, references: bool) -> None:
        super().__init__(references=references)
        self._names: dict[str, str] = {}

    # -- comparing ------------------------------------------------------------------------

    def same_type(
        self, connection: Connection, there: TypeEngine[Any], wanted: TypeEngine[Any]
    ) -> bool | None:
        """Return whether DuckDB has one name for both: it ignores lengths of texts, for example."""
        if isinstance(there, sqltypes.NullType) or isinstance(wanted, sqltypes.NullType):
            return None
        return self.type_name(connection, there) == self.type_name(connection, wanted)

    def type_name(self, connection: Connection, kind: TypeEngine[Any]) -> str:
        """Return DuckDB's own name of a type; each is asked for once."""
        name = super().type_name(connection, kind)
        if name not in self._names:
            query = f"SELECT typeof(CAST(NULL AS {name}))"
            self._names[name] = str(connection.exec_driver_sql(query).scalar_one())
        return self._names[name]

    def spelled(self, connection: Connection, metadata: MetaData) -> AbstractContextManager[None]:
        return spelled(connection, metadata)

    def state(self, connection: Connection, schemas: Collection[str]) -> str:
        return str(connection.exec_driver_sql(_STATE).scalar_one())

    # -- adding ---------------------------------------------------------------------------

    def additive(
        self, op: ops.MigrateOperation, table: Table
    ) -> tuple[ops.MigrateOperation, ...] | str:
        """Return an operation as it is, but for what DuckDB can't add to a table."""
        if isinstance(op, ops.AddColumnOp) and op.column.computed is not None:
            return only_by_copy(self.title, "a computed column")
        if isinstance(op, ops.AddColumnOp) and op.inline_references:
            return (
                "the model has it as a foreign key, the table has it not, and DuckDB can't add one"
            )
        return (op,)

    # -- altering -------------------------------------------------------------------------

    def copies(self, op: ops.MigrateOperation, table: Table) -> bool:
        if isinstance(op, ops.AddConstraintOp | ops.DropConstraintOp):
            return True
        if isinstance(op, ops.AddColumnOp):
            default = op.column.server_default
            computed = op.column.computed is not None
            return computed or (not op.column.nullable and not is_constant(default))
        indexed = _indexed(table)
        if isinstance(op, ops.DropColumnOp):
            names = [column.name.lower() for column in table.columns]
            return bool(indexed & set(names[names.index(op.column_name.lower()) :]))
        if isinstance(op, ops.AlterColumnOp):
            filled = op.modify_nullable is False
            return (op.modify_type is not None and op.column_name.lower() in indexed) or filled
        return False

    @contextmanager
    def detached(
        self,
        connection: Connection,
        table: Table,
        operations: Sequence[ops.MigrateOperation],
        *,
        copying: bool,
    ) -> Iterator[None]:
        """Drop the table's indexes, and make them again, with the new names of columns."""
        if not copying and all(map(_is_harmless, operations)):
            yield
            return
        rows = connection.exec_driver_sql(_INDEXES, (table.schema or "main", table.name)).all()
        indexes = [(str(name), bool(unique), index_parts(parts)) for name, unique, parts in rows]
        prefix = f"{quoted(table.schema)}." if table.schema else ""
        for name, _, _ in indexes:
            connection.exec_driver_sql(f"DROP INDEX {prefix}{quoted(name)}")
        yield
        gone = {op.column_name.lower() for op in operations if isinstance(op, ops.DropColumnOp)}
        renamed = {
            op.column_name.lower(): str(op.modify_name)
            for op in operations
            if isinstance(op, ops.AlterColumnOp) and op.modify_name is not None
        }
        columns = by_lower(column.name for column in table.columns)
        tables = [op.new_table_name for op in operations if isinstance(op, ops.RenameTableOp)]
        target = f"{prefix}{quoted(str((tables or [table.name])[-1]))}"
        for name, unique, parts in indexes:
            if any(gone & _words(part) for part in parts):
                continue
            shown = ", ".join(_part(part, columns, renamed) for part in parts)
            kind = "UNIQUE INDEX" if unique else "INDEX"
            connection.exec_driver_sql(f"CREATE {kind} {quoted(name)} ON {target} ({shown})")

    def renamed(self, connection: Connection, key: tuple[str | None, str]) -> None:
        """Number keys from a sequence that is named after them; it goes on where the old one is."""
        schema, table = key
        prefix = f"{quoted(schema)}." if schema else ""
        target = f"{prefix}{quoted(table)}"
        rows = connection.exec_driver_sql(_DEFAULTS, (schema or "main", table)).all()
        for column, default in rows:
            old, new = str(default).split("'")[1], f"{table}_{column}_seq"
            if old.rpartition(".")[2].strip('"').lower() == new.lower():
                continue
            query = f"SELECT coalesce(max({quoted(column)}), 0) + 1 FROM {target}"
            first = connection.exec_driver_sql(query).scalar_one()
            sequence = f"{prefix}{quoted(new)}"
            connection.exec_driver_sql(f"CREATE SEQUENCE {sequence} START {first}")
            connection.exec_driver_sql(
                f"ALTER TABLE {target} ALTER COLUMN {quoted(column)} "
                f"SET DEFAULT nextval('{sequence}')"
            )
            connection.exec_driver_sql(f"DROP SEQUENCE {old}")


def _is_harmless(op: ops.MigrateOperation) -> bool:
    """Return whether DuckDB carries an operation out beside indexes."""
    if isinstance(op, ops.AddColumnOp):
        return bool(op.column.nullable)
    return isinstance(op, ops.CreateIndexOp | ops.DropIndexOp)


def _indexed(table: Table) -> set[str]:
    """Return the columns that an index of a table depends on, those of constraints included.

    They are in lower case.
    """
    found = {column.name for column in table.primary_key.columns}
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            found |= {column.name for column in constraint.columns}
    for index in table.indexes:
        found |= _index_columns(index, table)
    return {name.lower() for name in found}


def _index_columns(index: Index, table: Table) -> set[str]:
    names = {column.name.lower() for column in table.columns}
    return {word for part in index.expressions for word in _words(str(part))} & names


def _words(part: str) -> set[str]:
    return set(re.findall(r"\w+", part.lower()))


def _part(part: str, columns: dict[str, str], renamed: dict[str, str]) -> str:
    """Return a part of an index as SQL: a quoted column, or an expression in brackets."""
    if part.lower() in columns:
        return quoted(renamed.get(part.lower(), columns[part.lower()]))
    for old, new in renamed.items():
        part = re.sub(rf"\b{re.escape(old)}\b", new, part, flags=re.IGNORECASE)
    return f"({part})"


ALTERATIONS = DuckDBAlterations
