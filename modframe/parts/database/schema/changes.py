"""What was added to a database: `SchemaChange`; and the names that things have in messages.

Made by `apply`, read by `revert` and by the database part. Names are those of people:
``column orders.note``, with the schema of a table if a model names one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from alembic.operations import ops
from sqlalchemy import MetaData, Sequence, Table, UniqueConstraint

from .operations import CreateSchemaOp, CreateSequenceOp

KINDS = ("index", "column", "table", "sequence", "schema")
"""What is added, in the order in which it can be dropped."""


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """What was added to a database; false if nothing was.

    Attributes:
        database: The database's name. ``engine``: the engine that keeps it.
        tables: The new tables. ``columns``: new columns of older tables, ``<table>.<column>``.
        indexes: The new indexes of older tables. ``sequences``: the new sequences.
        schemas: The new schemas.
        notes: What the models demand and the database does not enforce.
        ops: What was done, in order; ``op.reverse()`` takes it back.
    """

    database: str
    tables: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    sequences: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    engine: str | None = field(default=None, compare=False)
    ops: tuple[ops.MigrateOperation, ...] = field(default=(), compare=False, repr=False)

    def __bool__(self) -> bool:
        return any((self.tables, self.columns, self.indexes, self.sequences, self.schemas))

    @property
    def items(self) -> tuple[str, ...]:
        """All of it, such as ``column orders.note``, in the order in which it can be dropped."""
        kinds = (self.indexes, self.columns, self.tables, self.sequences, self.schemas)
        return tuple(
            f"{kind} {name}"
            for kind, names in zip(KINDS, kinds, strict=True)
            for name in names[::-1]
        )

    def said(self, metadata: MetaData) -> tuple[str, ...]:
        """Return what the line of a load says: nothing of a database whose tables are all new."""
        if len(self.tables) == len(metadata.tables):
            return ()
        return tuple(item for item in self.items[::-1] if not item.startswith("sequence "))


def change_of(
    database: str,
    done: Iterable[ops.MigrateOperation],
    *,
    engine: str,
    notes: Iterable[str] = (),
) -> SchemaChange:
    """Return what operations that were carried out have added."""
    done = tuple(done)
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for op in done:
        if (item := item_of(op)) is not None:
            found[item[0]].append(item[1])
    return SchemaChange(
        database,
        tables=tuple(found["table"]),
        columns=tuple(found["column"]),
        indexes=tuple(found["index"]),
        sequences=tuple(found["sequence"]),
        schemas=tuple(found["schema"]),
        notes=tuple(notes),
        engine=engine,
        ops=done,
    )


def item_of(op: ops.MigrateOperation) -> tuple[str, str] | None:
    """Return what an operation adds: its kind and its name; ``None`` if it adds nothing."""
    if isinstance(op, ops.CreateTableOp):
        return "table", in_schema(op.schema, op.table_name)
    if isinstance(op, ops.AddColumnOp):
        return "column", f"{in_schema(op.schema, op.table_name)}.{op.column.name}"
    if isinstance(op, ops.CreateIndexOp):
        return "index", in_schema(op.schema, str(op.index_name))
    if isinstance(op, ops.CreateUniqueConstraintOp):
        return "index", in_schema(op.schema, str(op.constraint_name))
    if isinstance(op, CreateSequenceOp):
        return "sequence", op.full_name
    if isinstance(op, CreateSchemaOp):
        return "schema", op.name
    return None


def in_schema(schema: str | None, name: str) -> str:
    """Return a name with the schema that a model names, if it names one."""
    return f"{schema}.{name}" if schema else name


def full_name(table: Table) -> str:
    """Return a table's name with its schema, if it names one."""
    return in_schema(table.schema, table.name)


def needed_by(metadata: MetaData) -> frozenset[str]:
    """Return what models rely on, named as in `SchemaChange.items` and in lower case."""
    items = {f"sequence {sequence_name(sequence)}" for sequence in metadata._sequences.values()}
    for table in metadata.tables.values():
        name = full_name(table)
        items.add(f"table {name}")
        items |= {f"column {name}.{column.name}" for column in table.columns}
        items |= {f"index {in_schema(table.schema, str(index.name))}" for index in table.indexes}
        items |= {
            f"index {in_schema(table.schema, unique_name(constraint))}"
            for constraint in table.constraints
            if isinstance(constraint, UniqueConstraint)
        }
        items |= {f"schema {table.schema}"} if table.schema else set()
    return frozenset(item.lower() for item in items)


def sequence_name(sequence: Sequence) -> str:
    """Return a sequence's name with its schema, if it names one."""
    return in_schema(sequence.schema, sequence.name)


def unique_name(constraint: UniqueConstraint) -> str:
    """Return the name of a unique constraint, or the one that it gets."""
    columns = "_".join(column.name.lower() for column in constraint.columns)
    named = isinstance(constraint.name, str) and constraint.name
    return str(constraint.name) if named else f"{constraint.table.name}_{columns}_key"
