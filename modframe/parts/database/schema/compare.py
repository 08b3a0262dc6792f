"""Compares models with tables: metadata and a connection come in, a `SchemaPlan` goes out.

Nothing is changed here; `applying` carries the plan out. Tables are in the schema ``main`` unless a
model names another.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    ForeignKeyConstraint,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    UniqueConstraint,
)
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from .creating import is_compared, missing_tables
from .tables import TableFacts, ask, canonical_types, full_name, key_of, lower, read_tables


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """What was added to a database; false if nothing was.

    Attributes:
        database: The database's name. ``engine``: the engine that keeps it.
        tables: The new tables. ``columns``: new columns of older tables, ``<table>.<column>``.
        indexes: The new indexes of older tables. ``sequences``: the new sequences.
        schemas: The new schemas.
        notes: What the models demand and the database does not enforce.
    """

    database: str
    tables: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    sequences: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    engine: str | None = field(default=None, compare=False)

    def __bool__(self) -> bool:
        return any((self.tables, self.columns, self.indexes, self.sequences, self.schemas))

    @property
    def items(self) -> tuple[str, ...]:
        """All of it, such as ``column orders.note``, in the order in which it can be dropped."""
        kinds = {
            "index": self.indexes,
            "column": self.columns,
            "table": self.tables,
            "sequence": self.sequences,
            "schema": self.schemas,
        }
        return tuple(f"{kind} {name}" for kind, names in kinds.items() for name in names[::-1])


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference that adding can't solve: table, column (or empty), and a sentence about it."""

    table: str
    column: str
    text: str


@dataclass(slots=True)
class SchemaPlan:
    """What to add to a database, and the differences that prevent it.

    ``references`` says whether the engine enforces foreign keys; else they aren't compared.
    """

    references: bool = True

    schemas: list[str] = field(default_factory=list)
    sequences: list[Sequence] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    columns: list[tuple[Column[object], bool]] = field(default_factory=list)
    indexes: list[Index] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    @property
    def touches(self) -> bool:
        """Whether tables change that exist already."""
        return bool(self.columns or self.indexes)


def needed_by(metadata: MetaData) -> frozenset[str]:
    """Return what models rely on, named as in `SchemaChange.items` and in lower case."""
    items = {f"sequence {sequence_name(sequence)}" for sequence in metadata._sequences.values()}
    for table in metadata.tables.values():
        name = full_name(table)
        items.add(f"table {name}")
        items |= {f"column {name}.{column.name}" for column in table.columns}
        items |= {f"index {index_name(index.name, table)}" for index in table.indexes}
        items |= {
            f"index {index_name(_unique_index(table, constraint), table)}"
            for constraint in table.constraints
            if isinstance(constraint, UniqueConstraint)
        }
        items |= {f"schema {table.schema}"} if table.schema else set()
    return frozenset(item.lower() for item in items)


def sequence_name(sequence: Sequence) -> str:
    """Return a sequence's name with its schema, if it names one."""
    return f"{sequence.schema}.{sequence.name}" if sequence.schema else sequence.name


def index_name(name: object, table: Table) -> str:
    """Return an index's name with the schema of its table, if that names one."""
    return f"{table.schema}.{name}" if table.schema else str(name)


def compare_schema(
    connection: Connection, metadata: MetaData, *, references: bool = True
) -> SchemaPlan:
    """Compare models with the tables of the catalog that the connection has in use.

    ``references`` says whether the engine enforces foreign keys; else they aren't compared.
    """
    plan = SchemaPlan(references)
    if not is_compared(connection):  # TEMPORARY
        plan.tables = missing_tables(connection, metadata)
        return plan
    tables = read_tables(connection)
    schemas = {str(name) for (name,) in ask(connection, "schemas", "lower(schema_name)")}
    names = "lower(schema_name), lower(sequence_name)"
    sequences = {(str(schema), str(name)) for schema, name in ask(connection, "sequences", names)}
    for sequence in metadata._sequences.values():
        if ((sequence.schema or "main").lower(), sequence.name.lower()) not in sequences:
            plan.sequences.append(sequence)
    old: list[tuple[Table, TableFacts]] = []
    for table in metadata.sorted_tables:
        here = tables.get(key_of(table))
        if here is None:
            plan.tables.append(table)
        else:
            old.append((table, here))
    wanted = {item.schema for item in (*plan.tables, *plan.sequences) if item.schema}
    plan.schemas = sorted(name for name in wanted if name.lower() not in schemas)
    both = [
        column
        for table, here in old
        for column in table.columns
        if column.name.lower() in here.columns
    ]
    types = dict(zip(both, canonical_types(connection, both), strict=True))
    for table, here in old:
        _compare_columns(connection, plan, table, here, types=types)
        _compare_constraints(plan, table, here)
    return plan


def _compare_columns(
    connection: Connection,
    plan: SchemaPlan,
    table: Table,
    here: TableFacts,
    *,
    types: dict[Column[object], str],
) -> None:
    for column in table.columns:
        there = here.columns.get(column.name.lower())
        if there is None:
            _plan_column(plan, column, here)
            continue
        kind, nullable, default = there
        if types[column] != kind:
            text = f"the model says {types[column]}, the table has {kind}"
        elif column.nullable and not nullable and not column.primary_key:
            text = "the model allows NULL, the table does not"
        elif not column.nullable and nullable and not _filled(connection, column, default):
            text = "the model says NOT NULL, the table allows NULL"
        else:
            continue
        plan.differences.append(Difference(full_name(table), column.name, text))
    modelled = set(lower(column.name for column in table.columns))
    for name, (kind, nullable, default) in here.columns.items():
        if name not in modelled and not nullable and default is None:
            text = f"the table has it as {kind} NOT NULL without default, the model has it not"
            plan.differences.append(Difference(full_name(table), name, text))


def _filled(connection: Connection, column: Column[object], default: str | None) -> bool:
    """Return whether a nullable column counts as NOT NULL: it has a default, and no NULL in it."""
    if default is None:
        return False
    preparer = connection.dialect.identifier_preparer
    text = (
        f"SELECT 1 FROM {preparer.format_table(column.table)} "
        f"WHERE {preparer.format_column(column)} IS NULL LIMIT 1"
    )
    return connection.exec_driver_sql(text).first() is None


def scalar_default(column: Column[object]) -> ScalarElementColumnDefault | None:
    """Return the plain value that a model has as default, which can fill existing rows."""
    default = column.default
    return default if isinstance(default, ScalarElementColumnDefault) else None


def _plan_column(plan: SchemaPlan, column: Column[object], here: TableFacts) -> None:
    table = column.table
    name = full_name(table)
    has_default = column.server_default is not None or scalar_default(column) is not None
    refers = plan.references and bool(column.foreign_keys)
    if column.primary_key or refers or column.computed is not None:
        what = (
            "a primary key"
            if column.primary_key
            else "a foreign key"
            if refers
            else "a computed column"
        )
        text = f"the model has it as {what}, the table has it not, and DuckDB can't add one"
        plan.differences.append(Difference(name, column.name, text))
    elif not column.nullable and not has_default:
        text = "the model says NOT NULL without default, the table has it not"
        plan.differences.append(Difference(name, column.name, text))
    else:
        strict = not column.nullable and not here.indexes and not here.referenced
        strict = strict and not here.uniques
        if not column.nullable and not strict:
            plan.notes.append(
                f"{name}.{column.name} is NOT NULL in the model only: DuckDB can't add that to a "
                "table with an index or a reference"
            )
        plan.columns.append((column, strict))


def _compare_constraints(plan: SchemaPlan, table: Table, here: TableFacts) -> None:
    name = full_name(table)
    checks = 0
    for constraint in table.constraints:
        columns = lower(column.name for column in getattr(constraint, "columns", ()))
        if isinstance(constraint, PrimaryKeyConstraint):
            if set(columns) != set(here.primary):
                text = f"the model's primary key is {columns}, the table's {here.primary}"
                plan.differences.append(Difference(name, "", text))
        elif isinstance(constraint, ForeignKeyConstraint) and plan.references:
            _compare_foreign_key(plan, table, here, constraint=constraint)
        elif isinstance(constraint, UniqueConstraint):
            if frozenset(columns) not in here.uniques and set(columns) != set(here.primary):
                _plan_unique_index(plan, table, here, constraint=constraint)
        elif isinstance(constraint, CheckConstraint):
            checks += 1
    if checks > here.checks:
        text = f"the model has {checks} checks, the table {here.checks}, and DuckDB can't add one"
        plan.differences.append(Difference(name, "", text))
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        if index.name is not None and index.name.lower() not in here.indexes:
            plan.indexes.append(index)


def _compare_foreign_key(
    plan: SchemaPlan, table: Table, here: TableFacts, *, constraint: ForeignKeyConstraint
) -> None:
    columns = lower(column.name for column in constraint.columns)
    if any(column not in here.columns for column in columns):
        return  # the column itself is a difference already
    target = lower([constraint.referred_table.name])[0]
    others = lower(element.column.name for element in constraint.elements)
    if (columns, target, others) not in here.foreign:
        text = f"the model refers to {target}{others}, the table does not, and DuckDB can't add it"
        plan.differences.append(Difference(full_name(table), columns[0], text))


def _unique_index(table: Table, constraint: UniqueConstraint) -> str:
    """Return the name of the index that replaces a unique constraint."""
    return f"{table.name}_{'_'.join(lower(column.name for column in constraint.columns))}_key"


def _plan_unique_index(
    plan: SchemaPlan, table: Table, here: TableFacts, *, constraint: UniqueConstraint
) -> None:
    """Plan a unique index in place of a constraint, which an existing table can't get."""
    name = _unique_index(table, constraint)
    if name.lower() in here.indexes:
        return
    index = Index(name, *constraint.columns, unique=True)
    table.indexes.discard(index)  # it is the database's, not the model's
    plan.indexes.append(index)
