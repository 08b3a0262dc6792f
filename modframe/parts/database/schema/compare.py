"""Compares models with tables: metadata and a connection come in, alembic's operations go out.

`produce` returns all operations that would make the tables what the models say, those that take
away included. Nothing is changed here. Called by `steps`, which says which of them only add.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from alembic.autogenerate import produce_migrations
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Index,
    MetaData,
    Table,
    UniqueConstraint,
    inspect,
)
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql import quoted_name

from ..alterations import Alterations
from .operations import CreateSchemaOp, CreateSequenceOp

OWN = ("alembic_version", "modframe_")
"""How the names of tables begin that are not the models' but modframe's and alembic's."""
_NONE: Any = object()
Key = tuple[str | None, str]
"""Schema, if a model names one, and table."""


@dataclass(frozen=True, slots=True)
class Produced:
    """What `produce` found.

    Attributes:
        ops: The operations, flat, in the order in which they can be carried out.
        here: The tables of the models that exist: key → as it is in the database.
        keys: Tables whose primary key differs: key → (the model's columns, the table's).
    """

    ops: tuple[ops.MigrateOperation, ...]
    here: dict[Key, Table]
    keys: dict[Key, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)


def produce(connection: Connection, metadata: MetaData, alterations: Alterations) -> Produced:
    """Return what would make the tables what the models say, also what takes something away."""
    here: dict[Key, Table] = {}
    name_indexes(metadata)
    schemas = {table.schema for table in metadata.tables.values()} | {None}

    def include_name(name: str | None, kind: str, _parent: Any) -> bool:
        if kind == "schema":
            return name in schemas
        return kind != "table" or not str(name).startswith(OWN)

    def include_object(item: Any, _name: Any, kind: str, reflected: bool, there: Any) -> bool:  # noqa: FBT001  # alembic's
        if kind == "table" and isinstance(there, Table):
            here[there.schema, there.name] = there
        if kind == "foreign_key_constraint" and not alterations.references:
            return False
        return reflected or _made_here(connection, item)

    def compare_type(_context: Any, _there: Any, _column: Any, there: Any, wanted: Any) -> Any:
        same = alterations.same_type(connection, there, wanted)
        return None if same is None else not same

    context = MigrationContext.configure(
        connection,
        opts={
            "target_metadata": metadata,
            "include_schemas": len(schemas) > 1,
            "include_name": include_name,
            "include_object": include_object,
            "compare_type": compare_type,
        },
    )
    with warnings.catch_warnings():  # `_missing_expressions` finds those that alembic can't compare
        warnings.filterwarnings("ignore", message="autogenerate skipping .* expression-based index")
        upgrade = produce_migrations(context, metadata).upgrade_ops
    found = list(_flat(upgrade.ops)) if upgrade is not None else []
    found = _without_satisfied(found, here)
    found += _missing_checks(connection, metadata, here)
    found += _missing_expressions(connection, metadata, here, alterations)
    first = _schemas_and_sequences(connection, metadata, alterations)
    return Produced((*first, *_in_order(found, metadata)), here, dict(_other_keys(metadata, here)))


def _flat(found: list[ops.MigrateOperation]) -> Iterator[ops.MigrateOperation]:
    """Yield single operations: those of a table one after another, comments left out."""
    for op in found:
        if isinstance(op, ops.ModifyTableOps):
            yield from _flat(op.ops)
        elif isinstance(op, ops.AlterColumnOp):
            yield from _split(op)
        elif not isinstance(op, ops.CreateTableCommentOp | ops.DropTableCommentOp):
            yield op


def _split(op: ops.AlterColumnOp) -> Iterator[ops.AlterColumnOp]:
    """Yield one operation for the type and one for NOT NULL of a column, where they change."""
    facts: dict[str, Any] = {
        "schema": op.schema,
        "existing_type": op.existing_type,
        "existing_nullable": op.existing_nullable,
        "existing_server_default": op.existing_server_default,
    }
    if op.modify_type is not None:
        yield ops.AlterColumnOp(op.table_name, op.column_name, modify_type=op.modify_type, **facts)
    if op.modify_nullable is not None:
        facts["existing_type"] = op.modify_type if op.modify_type is not None else op.existing_type
        yield ops.AlterColumnOp(
            op.table_name, op.column_name, modify_nullable=op.modify_nullable, **facts
        )


def key_of(op: ops.MigrateOperation) -> Key:
    """Return the table that an operation changes; no table has an empty name."""
    table = getattr(op, "table_name", None) or getattr(op, "source_table", None)
    return getattr(op, "schema", None) or getattr(op, "source_schema", None), str(table or "")


def _made_here(connection: Connection, item: Any) -> bool:
    """Return whether a thing of a model is made on this engine: ``ddl_if`` may say no."""
    rule = getattr(item, "_ddl_if", None)
    if rule is None:
        return True
    ddl: Any = CreateIndex(item) if isinstance(item, Index) else None
    return bool(rule._should_execute(ddl, item, connection))


def name_indexes(metadata: MetaData) -> None:
    """Name the indexes that have no name, since the model's convention has none for them."""
    for table in metadata.tables.values():
        for index in table.indexes:
            if not isinstance(index.name, str):
                columns = "_".join(column.name for column in index.columns)
                index.name = quoted_name(f"ix_{table.name}_{columns}", quote=None)


# -- what alembic sees in another way --------------------------------------------------------


def _without_satisfied(
    found: list[ops.MigrateOperation], here: dict[Key, Table]
) -> list[ops.MigrateOperation]:
    """Leave out what is there under another name or in another form.

    A unique index does what a unique constraint does; an index of expressions can't be compared
    but by name; foreign keys of a new column are part of that.
    """
    created = {
        (key_of(op), str(op.index_name)) for op in found if isinstance(op, ops.CreateIndexOp)
    }
    new = {(key_of(op), op.column.name) for op in found if isinstance(op, ops.AddColumnOp)}
    unique = {key: _unique_sets(table) for key, table in here.items()}
    left: list[ops.MigrateOperation] = []
    for op in found:
        key = key_of(op)
        if isinstance(op, ops.DropIndexOp):
            name = str(op.index_name)
            if (key, name) in created and _has_expressions(op.to_index()):
                continue
        elif isinstance(op, ops.CreateIndexOp):
            if key not in here or _has_expressions(op.to_index()):
                continue  # a new table brings its indexes; those of expressions come later
            if op.unique and _columns_of(op.to_index()) in unique[key]:
                continue
        elif isinstance(op, ops.CreateUniqueConstraintOp):
            if frozenset(op.columns) in unique.get(key, set()):
                continue
        elif isinstance(op, ops.CreateForeignKeyOp) and _belongs_to(op, key, new):
            continue
        left.append(op)
    return left


def _belongs_to(op: ops.CreateForeignKeyOp, key: Key, new: set[tuple[Key, str]]) -> bool:
    """Return whether a foreign key is part of a new column."""
    return len(op.local_cols) == 1 and (key, op.local_cols[0]) in new


def _unique_sets(table: Table) -> set[frozenset[str]]:
    """Return the sets of columns that a table keeps unique."""
    found = {frozenset(column.name for column in table.primary_key.columns)}
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            found.add(frozenset(column.name for column in constraint.columns))
    found |= {_columns_of(index) for index in table.indexes if index.unique}
    return found


def _columns_of(index: Index) -> frozenset[str]:
    """Return the columns of an index; none if it has expressions or covers part of the rows."""
    partial = any(name.endswith("_where") and value is not None for name, value in _kwargs(index))
    return frozenset() if partial or _has_expressions(index) else frozenset(index.columns.keys())


def _kwargs(index: Index) -> Iterator[tuple[str, Any]]:
    yield from index.dialect_kwargs.items()


def _has_expressions(index: Index) -> bool:
    return any(not isinstance(part, Column) for part in index.expressions)


def _missing_checks(
    connection: Connection, metadata: MetaData, here: dict[Key, Table]
) -> Iterator[ops.MigrateOperation]:
    """Yield the checks that tables lack, by name or, where the engine keeps none, by number."""
    for table in metadata.tables.values():
        there = here.get((table.schema, table.name))
        if there is None:
            continue
        wanted = [check for check in checks_of(table) if _is_emitted(connection, check)]
        for number, check in enumerate(_without_counterpart(wanted, checks_of(there)), start=1):
            name = check.name if isinstance(check.name, str) else f"{table.name}_check_{number}"
            condition = str(
                check.sqltext.compile(
                    dialect=connection.dialect, compile_kwargs={"literal_binds": True}
                )
            )
            yield ops.CreateCheckConstraintOp(name, table.name, condition, schema=table.schema)


def _missing_expressions(
    connection: Connection, metadata: MetaData, here: dict[Key, Table], alterations: Alterations
) -> Iterator[ops.MigrateOperation]:
    """Yield the indexes of expressions that tables lack: engines keep those in words of theirs."""
    for table in metadata.tables.values():
        there = here.get((table.schema, table.name))
        indexes = [index for index in table.indexes if _has_expressions(index)]
        if there is not None and indexes:
            names = alterations.index_names(connection, there)
            for index in sorted(indexes, key=lambda each: str(each.name)):
                if index.name not in names and _made_here(connection, index):
                    yield ops.CreateIndexOp.from_index(index)


def _without_counterpart(
    wanted: list[CheckConstraint], there: list[CheckConstraint]
) -> list[CheckConstraint]:
    """Return the checks of a model that a table lacks: one without a name may be any other."""
    names = {check.name for check in wanted}
    others = [check.name for check in there if check.name not in names or not check.name]
    known = {check.name for check in there}
    lacking = []
    for check in (each for each in wanted if not each.name or each.name not in known):
        fits = next((name for name in others if not name or not check.name), _NONE)
        if fits is _NONE:
            lacking.append(check)
        else:
            others.remove(fits)
    return lacking


def checks_of(table: Table) -> list[CheckConstraint]:
    """Return the checks of a table and of its columns, in the order in which they were written."""
    of_columns = (each for column in table.columns for each in column.constraints)
    both = (*table.constraints, *of_columns)
    found = [each for each in both if isinstance(each, CheckConstraint)]
    return sorted(found, key=lambda check: check._creation_order)


def column_names(constraint: Any) -> list[str]:
    """Return the names of a constraint's columns."""
    return [column.name for column in constraint.columns]


def _is_emitted(connection: Connection, check: CheckConstraint) -> bool:
    """Return whether a check is made: a type's own one is, where the engine has no such type."""
    rule = getattr(check, "_create_rule", None)
    compiler = connection.dialect.ddl_compiler(connection.dialect, None)  # type: ignore[arg-type]  # as alembic does
    return _made_here(connection, check) and (rule is None or bool(rule(compiler)))


def _other_keys(
    metadata: MetaData, here: dict[Key, Table]
) -> Iterator[tuple[Key, tuple[tuple[str, ...], tuple[str, ...]]]]:
    for table in metadata.tables.values():
        there = here.get((table.schema, table.name))
        if there is not None:
            wanted = tuple(column.name for column in table.primary_key.columns)
            found = tuple(column.name for column in there.primary_key.columns)
            if set(wanted) != set(found):
                yield (table.schema, table.name), (wanted, found)


def _schemas_and_sequences(
    connection: Connection, metadata: MetaData, alterations: Alterations
) -> Iterator[ops.MigrateOperation]:
    inspector = inspect(connection)
    wanted = {item.schema for item in metadata.tables.values()}
    wanted |= {sequence.schema for sequence in metadata._sequences.values()}
    if named := sorted(schema for schema in wanted if schema):
        there = set(inspector.get_schema_names())
        yield from (CreateSchemaOp(name) for name in named if name not in there)
    if alterations.sequences and metadata._sequences:
        known = {schema: set(inspector.get_sequence_names(schema)) for schema in wanted}
        for sequence in metadata._sequences.values():
            if sequence.name not in known[sequence.schema]:
                yield CreateSequenceOp(sequence.name, sequence.schema)


def _in_order(found: list[ops.MigrateOperation], metadata: MetaData) -> list[ops.MigrateOperation]:
    """Sort: new tables, new columns, what uses them, then what goes away."""
    order = {(table.schema, table.name): n for n, table in enumerate(metadata.sorted_tables)}
    last = len(order)

    def rank(op: ops.MigrateOperation) -> tuple[int, int]:
        place = order.get(key_of(op), last)
        if isinstance(op, ops.CreateTableOp):
            return 0, place
        if isinstance(op, ops.AddColumnOp):
            return 1, place
        if isinstance(op, ops.DropConstraintOp | ops.DropIndexOp):
            return 4, -place
        if isinstance(op, ops.DropColumnOp | ops.DropTableOp):
            return 5, -place
        return 2 if isinstance(op, ops.AlterColumnOp) else 3, place

    return sorted(found, key=rank)
