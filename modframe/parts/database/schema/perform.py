"""Carries out alembic's operations, the engine's way: connection and operations come in.

Called by `apply`, `revert`, `migrate` and the revisions, in a transaction that they hold. What
concerns one table goes together, in rounds: columns get their new names, columns are added, rows
are filled, and then the rest, for which an engine may have to copy the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from alembic.operations import Operations, ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection, Inspector, MetaData, Table, inspect, text
from sqlalchemy.sql.ddl import CheckFirst
from sqlalchemy.types import SchemaType

from ..alterations import Alterations
from .changes import in_schema
from .compare import Key, checks_of, column_names, key_of
from .operations import DropSchemaOp, DropSequenceOp

Fill = Mapping[tuple[Key, str], object]
"""Table and column → the value for its rows that have NULL."""


def perform(
    connection: Connection,
    operations: Iterable[ops.MigrateOperation],
    alterations: Alterations,
    *,
    metadata: MetaData | None = None,
    fill: Fill | None = None,
) -> None:
    """Carry out operations in the current transaction; the caller commits.

    New tables are made as ``metadata`` says, with all that alembic's copies leave out. ``fill``
    is what columns get in rows that have NULL, before they become NOT NULL.
    """
    alembic = Operations(MigrationContext.configure(connection))
    first: list[ops.MigrateOperation] = []
    tables: list[ops.CreateTableOp] = []
    changes: dict[Key, list[ops.MigrateOperation]] = {}
    last: list[ops.MigrateOperation] = []
    for op in operations:
        if isinstance(op, ops.CreateTableOp):
            tables.append(op)
        elif isinstance(op, ops.DropTableOp | DropSequenceOp | DropSchemaOp):
            last.append(op)
        elif not key_of(op)[1]:
            first.append(op)
        else:
            changes.setdefault(key_of(op), []).append(op)
    for op in first:
        alembic.invoke(op)
    _create_tables(connection, alembic, tables, metadata)
    inspector = inspect(connection)
    for key, group in changes.items():
        before = there = _reflect(inspector, key)
        for number, part in enumerate(_rounds(group)):
            there = _reflect(connection, key) if number else before
            # an index that was dropped in this transaction may still be in the way
            copying = any(alterations.copies(op, one) for op in part for one in (before, there))
            _change_table(alembic, alterations, there, part, copying=copying, fill=fill or {})
        for op in group:
            if new := _new_name(op, key):
                alterations.renamed(connection, new)
    for op in last:
        alembic.invoke(op)


def copies(
    connection: Connection, operations: Iterable[ops.MigrateOperation], alterations: Alterations
) -> bool:
    """Return whether the engine has to copy a table for one of the operations."""
    inspector = inspect(connection)  # it reads the catalogue once
    return any(
        alterations.copies(op, _reflect(inspector, key_of(op)))
        for op in operations
        if key_of(op)[1] and not isinstance(op, ops.CreateTableOp | ops.DropTableOp)
    )


def _create_tables(
    connection: Connection,
    alembic: Operations,
    operations: Sequence[ops.CreateTableOp],
    metadata: MetaData | None,
) -> None:
    if metadata is None:
        for op in operations:
            alembic.invoke(op)
    elif operations:
        tables = [metadata.tables[in_schema(op.schema, op.table_name)] for op in operations]
        there = CheckFirst.SEQUENCES | CheckFirst.TYPES
        metadata.create_all(connection, tables=tables, checkfirst=there)


def _change_table(
    alembic: Operations,
    alterations: Alterations,
    there: Table,
    part: Sequence[ops.MigrateOperation],
    *,
    copying: bool,
    fill: Fill,
) -> None:
    connection = alembic.get_bind()
    with alterations.detached(connection, there, part, copying=copying):
        for op in part:
            _fill_rows(connection, there, op, fill)
        if copying:
            _copy(alembic, there, part)
        else:
            for op in part:
                _make_type(connection, op)
                alembic.invoke(alterations.native(connection, op))


def _new_name(op: ops.MigrateOperation, key: Key) -> Key | None:
    """Return the table in which an operation gives something a new name, by its name then."""
    if isinstance(op, ops.RenameTableOp):
        return key[0], str(op.new_table_name)
    return key if isinstance(op, ops.AlterColumnOp) and op.modify_name is not None else None


def _rounds(group: Sequence[ops.MigrateOperation]) -> Iterator[list[ops.MigrateOperation]]:
    """Yield the operations on a table in rounds: indexes are made last, dropped before the rest."""
    rounds: list[list[ops.MigrateOperation]] = [[], [], [], [], []]
    for op in group:
        if isinstance(op, ops.AlterColumnOp) and op.modify_name is not None:
            rounds[0].append(op)
        elif isinstance(op, ops.AddColumnOp):
            rounds[1].append(op)
        elif isinstance(op, ops.DropIndexOp):
            rounds[2].append(op)
        elif isinstance(op, ops.CreateIndexOp):
            rounds[4].append(op)
        else:
            rounds[3].append(op)
    yield from (each for each in rounds if each)


def _reflect(there: Connection | Inspector, key: Key) -> Table:
    inspector: Any = there  # SQLAlchemy takes both
    return Table(key[1], MetaData(), schema=key[0], autoload_with=inspector, resolve_fks=False)


def _fill_rows(connection: Connection, there: Table, op: Any, fill: Fill) -> None:
    if not isinstance(op, ops.AlterColumnOp) or op.modify_nullable is not False:
        return
    column = there.columns[op.column_name]
    value = fill.get((key_of(op), op.column_name))
    if value is not None:
        connection.execute(there.update().where(column.is_(None)).values({column: value}))


def _make_type(connection: Connection, op: ops.MigrateOperation) -> None:
    """Make the type of a column, where the engine has types of their own for enums."""
    kind = (
        op.column.type
        if isinstance(op, ops.AddColumnOp)
        else op.modify_type
        if isinstance(op, ops.AlterColumnOp)
        else None
    )
    if isinstance(kind, SchemaType):
        kind.create(connection, checkfirst=True)


def _copy(alembic: Operations, there: Table, part: Sequence[ops.MigrateOperation]) -> None:
    """Let alembic copy a table; checks without a name come along, but for those of what goes."""
    gone = {op.column_name for op in part if isinstance(op, ops.DropColumnOp)}
    checks = [check for check in checks_of(there) if not _mentions(check, gone)]
    arguments = [
        CheckConstraint(text(_escaped(check)), name=check.name or None) for check in checks
    ]
    for check in checks_of(there):
        there.constraints.discard(check)
    unnamed = [op for op in part if isinstance(op, ops.DropConstraintOp) and not op.constraint_name]
    for drop in unnamed:
        _leave_out(there, drop)
    there.indexes.clear()  # they are put back by whoever took them away
    with alembic.batch_alter_table(
        there.name,
        schema=there.schema,
        recreate="always",
        copy_from=there,
        table_args=tuple(arguments),
    ) as batch:
        for op in part:
            if op not in unnamed:
                batch.invoke(op)


def _leave_out(there: Table, op: ops.DropConstraintOp) -> None:
    """Take a constraint without a name, which alembic can't drop, out of a table to be copied."""
    gone: Any = op.to_constraint()
    for constraint in list(there.constraints):
        same_kind = isinstance(constraint, type(gone)) and not constraint.name
        if same_kind and column_names(constraint) == column_names(gone):
            there.constraints.discard(constraint)


def _escaped(check: CheckConstraint) -> str:
    return str(check.sqltext).replace(":", "\\:")


def _mentions(check: CheckConstraint, columns: set[str]) -> bool:
    words = set(re.findall(r"\w+", str(check.sqltext)))
    return bool(words & columns)
