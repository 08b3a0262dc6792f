"""`Step`: one difference between models and tables, and what solves it.

`compare` returns all of them. A load carries out those that add and refuses those that stand in its
way; `migrate` carries out those that a person allows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from alembic.operations import ops
from sqlalchemy import Column, Computed, Connection, ForeignKey, MetaData, Table, literal, text
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from ..alterations import Alterations
from .changes import in_schema
from .compare import Produced, checks_of, column_names, key_of, produce
from .operations import CreateSchemaOp, CreateSequenceOp


@dataclass(frozen=True, slots=True)
class Step:
    """One difference.

    Attributes:
        name: What solves it, such as ``drop column orders.note``: its name in ``allow``.
        table: The table, with its schema if a model names one. ``column``: the column, or empty.
        refused: Why a load doesn't do it by itself; empty if it only adds.
        needed: Whether the models don't work without it.
        ops: What carries it out; none if modframe can't.
    """

    name: str
    table: str
    column: str = ""
    refused: str = ""
    needed: bool = True
    ops: tuple[ops.MigrateOperation, ...] = ()

    @property
    def adds(self) -> bool:
        """Whether it only adds, so that a load does it by itself."""
        return not self.refused

    @property
    def takes_fill(self) -> bool:
        """Whether a value can be given for rows that have none."""
        return bool(self.ops) and (self.fill_only or self.name.startswith("set not null "))

    @property
    def fill_only(self) -> bool:
        """Whether it can't be done without such a value."""
        return bool(self.refused) and any(
            isinstance(op, ops.AddColumnOp) and op.column.computed is None for op in self.ops
        )

    @property
    def sentence(self) -> str:
        """What differs, for the error of a load."""
        place = f"{self.table}.{self.column}" if self.column else self.table
        return f"{place}: {self.refused}"


def compare(connection: Connection, metadata: MetaData, alterations: Alterations) -> list[Step]:
    """Compare models with tables; nothing is changed."""
    produced = produce(connection, metadata, alterations)
    reader = _Reader(connection, metadata, alterations, produced)
    steps = [reader.step(op) for op in produced.ops]
    steps += [
        Step(
            f"change key {in_schema(*key)}",
            in_schema(*key),
            refused=f"the model's primary key is {wanted}, the table's {there}",
        )
        for key, (wanted, there) in produced.keys.items()
    ]
    return [step for step in steps if step is not None]


class _Reader:
    """Turns alembic's operations into steps."""

    def __init__(
        self,
        connection: Connection,
        metadata: MetaData,
        alterations: Alterations,
        produced: Produced,
    ) -> None:
        self._connection = connection
        self._metadata = metadata
        self._alterations = alterations
        self._here = produced.here
        self._new = {
            (key_of(op), op.column.name) for op in produced.ops if isinstance(op, ops.AddColumnOp)
        }

    def step(self, op: Any) -> Step | None:
        """Return the step for an operation; ``None`` if it is no difference."""
        table = in_schema(*key_of(op))
        match op:
            case ops.CreateTableOp():
                return Step(f"add table {table}", table, ops=(op,))
            case CreateSchemaOp() | CreateSequenceOp():
                kind = "schema" if isinstance(op, CreateSchemaOp) else "sequence"
                return Step(f"add {kind} {op.full_name}", "", ops=(op,))
            case ops.AddColumnOp():
                return self._added_column(op, table)
            case ops.AlterColumnOp():
                return self._altered_column(op, table)
            case ops.CreateIndexOp():
                step = Step(f"add index {in_schema(op.schema, str(op.index_name))}", table)
                return self._with_additive(step, op)
            case ops.AddConstraintOp():
                return self._added_constraint(op, table)
            case ops.DropColumnOp():
                return self._dropped_column(op, table)
            case ops.DropTableOp():
                return Step(
                    f"drop table {table}", table, refused=_NOT_IN_MODELS, needed=False, ops=(op,)
                )
            case ops.DropIndexOp():
                name = f"drop index {in_schema(op.schema, str(op.index_name))}"
                return Step(name, table, refused=_NOT_IN_MODELS, needed=False, ops=(op,))
            case ops.DropConstraintOp():
                what = f"drop {_KINDS.get(op.constraint_type or '', 'constraint')}"
                called = op.constraint_name or "_".join(column_names(op.to_constraint()))
                name = f"{what} {table}.{called}"
                return Step(name, table, refused=_NOT_IN_MODELS, needed=False, ops=(op,))
            case _:
                return None

    def _with_additive(self, step: Step, op: ops.MigrateOperation) -> Step:
        """Return a step with what the engine needs to add, or with its reason why it can't."""
        result = self._alterations.additive(op, self._here[key_of(op)])
        if isinstance(result, str):
            return replace(step, refused=result, ops=(op,))
        return replace(step, ops=result)

    def _added_column(self, op: ops.AddColumnOp, table: str) -> Step:
        column = self._model(op).columns[_key(self._model(op), op.column.name)]
        step = Step(f"add column {table}.{column.name}", table, column.name)
        refers = bool(column.foreign_keys) and self._alterations.references
        if column.primary_key:
            return replace(step, refused=self._cannot_add("a primary key"))
        default = default_of(self._connection, column)
        added = ops.AddColumnOp(
            op.table_name,
            new_column(column, default, refers=refers),
            schema=op.schema,
            inline_references=refers or None,
        )
        if not column.nullable and default is None and column.computed is None:
            text = "the model says NOT NULL without default, the table has it not"
            return replace(step, refused=text, ops=(added,))
        return self._with_additive(step, added)

    def _cannot_add(self, what: str) -> str:
        title = self._alterations.title
        return f"the model has it as {what}, the table has it not, and {title} can't add one"

    def _altered_column(self, op: ops.AlterColumnOp, table: str) -> Step | None:
        model = self._model(op)
        column = model.columns[_key(model, op.column_name)]
        there = self._here[key_of(op)].columns[op.column_name]
        place = f"{table}.{column.name}"
        if op.modify_type is not None:
            text = f"the model says {self._name(column)}, the table has {self._name(there)}"
            step = Step(f"change type {place}", table, column.name, refused=text, ops=(op,))
            result = self._alterations.widens(op)
            return replace(step, refused="") if result else step
        if op.modify_nullable:
            if column.primary_key:
                return None
            text = "the model allows NULL, the table does not"
            return Step(f"drop not null {place}", table, column.name, refused=text, ops=(op,))
        if column.primary_key or self._is_filled(op):
            return None
        text = "the model says NOT NULL, the table allows NULL"
        return Step(f"set not null {place}", table, column.name, refused=text, ops=(op,))

    def _is_filled(self, op: ops.AlterColumnOp) -> bool:
        """Return whether a nullable column counts as NOT NULL: it has a default, and no NULL."""
        there = self._here[key_of(op)]
        column = there.columns[op.column_name]
        if column.server_default is None:
            return False
        query = there.select().with_only_columns(literal(1)).where(column.is_(None)).limit(1)
        return self._connection.execute(query).first() is None

    def _added_constraint(self, op: Any, table: str) -> Step:
        if isinstance(op, ops.CreateUniqueConstraintOp):
            columns = "_".join(map(str, op.columns))
            op.constraint_name = op.constraint_name or f"{op.table_name}_{columns.lower()}_key"
            step = Step(f"add unique {table}.{columns}", table)
            return self._with_additive(step, op)
        if isinstance(op, ops.CreateForeignKeyOp):
            column = str(op.local_cols[0])
            target = in_schema(op.kw.get("referent_schema"), op.referent_table)
            text = f"the model refers to {target}{tuple(op.remote_cols)}, the table does not"
            return Step(f"add foreign key {table}.{column}", table, column, refused=text, ops=(op,))
        model = self._metadata.tables[table]
        wanted, there = (len(checks_of(known)) for known in (model, self._here[key_of(op)]))
        text = f"the model has {wanted} checks, the table {there}"
        return Step(f"add check {table}.{op.constraint_name}", table, refused=text, ops=(op,))

    def _dropped_column(self, op: ops.DropColumnOp, table: str) -> Step:
        column = self._here[key_of(op)].columns[op.column_name]
        demanded = not column.nullable and column.server_default is None
        there = f"the table has it as {self._name(column)} NOT NULL without default"
        text = f"{there}, the model has it not"
        return Step(
            f"drop column {table}.{column.name}",
            table,
            column.name,
            refused=text if demanded else _NOT_IN_MODELS,
            needed=demanded,
            ops=(op,),
        )

    def _name(self, column: Column[Any]) -> str:
        return self._alterations.type_name(self._connection, column.type)

    def _model(self, op: Any) -> Table:
        return self._metadata.tables[in_schema(*key_of(op))]


_NOT_IN_MODELS = "the table has it, the models have it not"
_KINDS = {"foreignkey": "foreign key", "unique": "unique", "check": "check", "primary": "key"}


def _key(table: Table, name: str) -> str:
    """Return the key of a column of a model: it may differ from the name in the database."""
    return next(column.key for column in table.columns if column.name == name)


def scalar_default(column: Column[Any]) -> ScalarElementColumnDefault | None:
    """Return the plain value that a model has as default, which can fill existing rows."""
    default = column.default
    return default if isinstance(default, ScalarElementColumnDefault) else None


def default_of(connection: Connection, column: Column[Any]) -> Any:
    """Return the default that fills the rows of a new column, for ``server_default``.

    What computes a column is in its place.
    """
    if column.computed is not None:
        return Computed(column.computed.sqltext, column.computed.persisted)
    if column.server_default is not None:
        return getattr(column.server_default, "arg", None)
    scalar = scalar_default(column)
    return None if scalar is None else literal_text(connection, scalar.arg, column)


def literal_text(connection: Connection, value: object, column: Column[Any]) -> Any:
    """Return a value of a column as SQL."""
    compiled = literal(value, column.type).compile(
        dialect=connection.dialect, compile_kwargs={"literal_binds": True}
    )
    return text(str(compiled).replace(":", "\\:"))


def new_column(column: Column[Any], default: Any, *, refers: bool = False) -> Column[Any]:
    """Return a model's column as it is added to a table: without its table, with a default."""
    keys = [
        ForeignKey(key.target_fullname, ondelete=key.ondelete, onupdate=key.onupdate)
        for key in column.foreign_keys
        if refers
    ]
    return Column(column.name, column.type, *keys, nullable=column.nullable, server_default=default)
