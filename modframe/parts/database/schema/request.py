"""`Request`: what a person allows a migration to do; `choose` reads it against the steps.

Every word of it has to mean a step: one that means none is an error, which names the nearest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Connection, MetaData
from sqlalchemy.exc import CompileError

from ....wording import near
from ..alterations import Alterations
from ..errors import MigrationError
from .compare import Key, key_of
from .steps import Step, literal_text, new_column


@dataclass(frozen=True, slots=True)
class Request:
    """What a person allows.

    Attributes:
        allow: Names of steps.
        rename: ``<table>.<column>`` → the column's new name.
        fill: ``<table>.<column>`` → the value for rows that have none.
    """

    allow: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    fill: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Requested:
    """The steps of a migration.

    Attributes:
        steps: All that there are, those of renamed columns put together.
        allowed: The names of those that were allowed.
        fill: Values for rows that have NULL.
    """

    steps: tuple[Step, ...]
    allowed: frozenset[str]
    fill: Mapping[tuple[Key, str], Any]

    @property
    def ops(self) -> tuple[ops.MigrateOperation, ...]:
        """The operations of the steps that are carried out."""
        chosen = (step for step in self.steps if step.adds or step.name in self.allowed)
        return tuple(op for step in chosen for op in step.ops)


def choose(reading: Reading, steps: Iterable[Step], request: Request) -> Requested:
    """Return the steps, and which of them a request allows.

    Raises:
        MigrationError: If it names what there isn't, or what needs no permission.
    """
    found = list(steps)
    allowed: set[str] = set()
    for place, name in request.rename.items():
        found, renamed = reading.renamed(found, place, name)
        allowed.add(renamed)
    fill: dict[tuple[Key, str], Any] = {}
    for place, value in request.fill.items():
        found, filled = reading.filled(found, place, value)
        allowed.add(filled.name)
        fill[key_of(filled.ops[0]), filled.column] = value
    for name in request.allow:
        allowed.add(reading.allowed(found, name).name)
    return Requested(tuple(found), frozenset(allowed), fill)


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads one word of a request after the other, against the models of a database."""

    connection: Connection
    database: str
    metadata: MetaData
    alterations: Alterations

    def allowed(self, steps: list[Step], name: str) -> Step:
        """Return the step that ``allow`` means."""
        wanted = " ".join(name.split()).lower()
        step = next((step for step in steps if step.name.lower() == wanted), None)
        refused = [step.name for step in steps if step.refused and step.ops]
        if step is None:
            raise self._error(f"there is no step {name!r} to allow", name, refused)
        if step.adds:
            raise self._error(f"{step.name!r} needs no permission: it only adds", name, refused)
        if step.fill_only:
            place = f"{step.table}.{step.column}"
            raise MigrationError(
                f"{step.name!r} needs a value for the rows that are there",
                cure=f"give it by fill={{{place!r}: ...}}, or give the model a default",
                database=self.database,
            )
        if not step.ops:
            raise MigrationError(
                f"modframe can't {step.name} by itself",
                cure="write a migration: modframe db revision",
                database=self.database,
            )
        return step

    def filled(self, steps: list[Step], place: str, value: Any) -> tuple[list[Step], Step]:
        """Return the steps with a value for a column that becomes NOT NULL; and that column's."""
        known = [step for step in steps if step.takes_fill]
        step = next((each for each in known if f"{each.table}.{each.column}" == place), None)
        if step is None:
            places = [f"{each.table}.{each.column}" for each in known]
            raise self._error(f"no column {place!r} becomes NOT NULL", place, places)
        (first, *rest) = step.ops
        if isinstance(first, ops.AddColumnOp):
            model = self._model(step.table, step.column)
            default = self._default(step, value, model)
            added = ops.AddColumnOp(
                first.table_name,
                new_column(model, default, refers=bool(first.inline_references)),
                schema=first.schema,
                inline_references=first.inline_references,
            )
            bare = ops.AlterColumnOp(
                first.table_name,
                step.column,
                schema=first.schema,
                existing_type=model.type,
                existing_nullable=False,
                existing_server_default=default,
                modify_server_default=None,
            )
            step = replace(step, ops=(added, bare))
        else:
            step = replace(step, ops=(first, *rest))
        return [step if each.name == step.name else each for each in steps], step

    def _default(self, step: Step, value: Any, model: Column[Any]) -> Any:
        try:
            return literal_text(self.connection, value, model)
        except CompileError as exc:
            place = f"{step.table}.{step.column}"
            raise MigrationError(
                f"database {self.database!r}: {value!r} can't be a value of {place}, which is "
                f"{model.type!r}",
                cure=f"nothing was changed: give another one by fill={{{place!r}: ...}}, or write "
                "a migration: modframe db revision",
                database=self.database,
            ) from exc

    def renamed(self, steps: list[Step], place: str, name: str) -> tuple[list[Step], str]:
        """Return the steps with a column renamed in place of dropped and added; and its name."""
        table, _, old = place.rpartition(".")
        dropped = next((each for each in steps if each.name == f"drop column {place}"), None)
        added = next((each for each in steps if each.name == f"add column {table}.{name}"), None)
        if dropped is None:
            gone = [each.name[12:] for each in steps if each.name.startswith("drop column ")]
            raise self._error(f"there is no column {place!r} that the models lack", place, gone)
        if added is None:
            head = f"add column {table}."
            new = [each.name[len(head) :] for each in steps if each.name.startswith(head)]
            raise self._error(f"the models have no new column {table}.{name}", name, new)
        drop = dropped.ops[0]
        reverse: Any = drop.reverse()
        there: Column[Any] = reverse.column
        facts: dict[str, Any] = {"schema": reverse.schema, "existing_type": there.type}
        facts |= {"existing_nullable": there.nullable}
        operations: list[ops.MigrateOperation] = [
            ops.AlterColumnOp(reverse.table_name, old, modify_name=name, **facts)
        ]
        operations += self._differences(reverse.table_name, there, self._model(table, name), facts)
        text = f"rename column {place} to {name}"
        step = Step(text, table, name, refused="renamed", ops=tuple(operations))
        left = [
            replace(each, refused="") if _is_index_of(each, table, old) else each
            for each in steps
            if each not in (dropped, added)
        ]
        return [step, *left], text

    def _differences(
        self, table: str, there: Column[Any], model: Column[Any], facts: dict[str, Any]
    ) -> list[ops.MigrateOperation]:
        """Return what a renamed column needs besides its name."""
        found: list[ops.MigrateOperation] = []
        same = self.alterations.same_type(self.connection, there.type, model.type)
        if same is None:
            context = MigrationContext.configure(self.connection)
            same = not context.impl.compare_type(there, model)
        if not same:
            found.append(ops.AlterColumnOp(table, model.name, modify_type=model.type, **facts))
        if there.nullable != model.nullable:
            facts = {**facts, "existing_type": model.type}
            found.append(
                ops.AlterColumnOp(table, model.name, modify_nullable=model.nullable, **facts)
            )
        return found

    def _model(self, table: str, name: str) -> Column[Any]:
        columns = self.metadata.tables[table].columns
        return next(column for column in columns if column.name == name)

    def _error(self, what: str, given: str, known: Iterable[str]) -> MigrationError:
        names = list(known)
        plan = f"app.database.migrate({self.database!r}, plan=True) shows what differs"
        listed = f"there are: {', '.join(map(repr, names))}" if names else plan
        return MigrationError(
            f"database {self.database!r}: {what}",
            cure=f"{near(given, names)}Nothing was changed; {listed}",
            database=self.database,
        )


def _is_index_of(step: Step, table: str, column: str) -> bool:
    """Return whether a step drops an index of a column, which the models lack."""
    if not step.name.startswith("drop index ") or step.table != table:
        return False
    index: Any = step.ops[0]
    return column in index.to_index().columns
