"""Refuses foreign keys that a module's database can't keep; called when a generation is built.

Comes in: the databases that `discover` found, with their engine. Goes out: an error with file, line
and what to do instead, so that no word of a model is ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import NamedTuple

from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, Table
from sqlalchemy.exc import InvalidRequestError, NoReferenceError

from .backend import Backend
from .base import database_of
from .discover import DatabaseSpec, class_line
from .errors import DatabaseDefinitionError

ACTIONS = ("", "NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT")
_PLAIN = ("", "NO ACTION", "RESTRICT")
_ELSEWHERE = (
    "a plain column with the id, Column(Integer), and a call of that module's service for what "
    "belongs to it"
)


class _Fault(NamedTuple):
    """What is wrong with a foreign key, and what to do instead."""

    message: str
    cure: str


def check_references(
    spec: DatabaseSpec, modules: Mapping[str, ModuleType], engine: type[Backend]
) -> None:
    """Check the foreign keys of a database's models.

    Raises:
        DatabaseDefinitionError: For the first one that leads nowhere or into another database, or
            says something that the engine doesn't do.
    """
    for table in spec.metadata.tables.values():
        for constraint in table.foreign_key_constraints:
            faults: list[_Fault | None] = [
                _target_fault(spec.name, key) for key in constraint.elements
            ]
            if not engine.enforces_references:
                faults += _action_faults(constraint, engine.title)
            for fault in filter(None, faults):
                file, line = _place(table, modules)
                columns = ", ".join(constraint.column_keys)
                raise DatabaseDefinitionError(
                    f"the foreign key of {table.fullname}.{columns} {fault.message}",
                    file=file or spec.file,
                    line=line,
                    cure=fault.cure,
                    database=spec.name,
                )


def _target_fault(database: str, key: ForeignKey) -> _Fault | None:
    try:
        target: Column[object] = key.column
    except (NoReferenceError, InvalidRequestError):
        return _Fault(
            f"refers to {key.target_fullname!r}, which no model of database {database!r} has",
            "mend the name; for a table of another module in the same database import its model "
            f"and write ForeignKey(Model.id); for one of another database have {_ELSEWHERE}",
        )
    other = database_of(target.table.metadata)
    if other == database:
        return None
    return _Fault(
        f"refers to a table of database {other!r}, and rows can't refer to rows of another database"
        if other is not None
        else f"refers to {key.target_fullname!r}, which is in no module's database",
        f"have {_ELSEWHERE}",
    )


def _action_faults(constraint: ForeignKeyConstraint, engine: str) -> Iterator[_Fault]:
    on_delete, on_update = ((a or "").upper() for a in (constraint.ondelete, constraint.onupdate))
    other_engine = "choose another DATABASE_ENGINE"
    if on_delete not in ACTIONS:
        known = ", ".join(ACTIONS[1:])
        yield _Fault(f"has ondelete={constraint.ondelete!r}", f"choose one of: {known}")
    if on_update not in _PLAIN:
        yield _Fault(
            f"has onupdate={constraint.onupdate!r}, which isn't there on {engine}",
            "leave onupdate out, and give a row a new key by inserting it anew, changing what "
            f"refers to it and deleting the old one; or {other_engine}",
        )
    if constraint.deferrable or constraint.initially:
        yield _Fault(
            f"is deferrable, which isn't there on {engine}: a flush is checked at its end, any "
            "other statement at the commit",
            f"leave deferrable and initially out, or {other_engine}",
        )
    if constraint.match and constraint.match.upper() != "SIMPLE":
        yield _Fault(
            f"has match={constraint.match!r}, which isn't there on {engine}: a key with a NULL in "
            "it refers to nothing",
            f"leave match out and make the columns NOT NULL, or {other_engine}",
        )
    if on_delete == "SET NULL" and not all(column.nullable for column in constraint.columns):
        yield _Fault(
            "has ondelete='SET NULL' on a NOT NULL column", "allow NULL, or take ondelete='CASCADE'"
        )


def _place(table: Table, modules: Mapping[str, ModuleType]) -> tuple[str, int]:
    """Return the file and line of a table's model; no file if it has none."""
    for file, module in modules.items():
        for value in vars(module).values():
            if getattr(value, "__module__", "") != module.__name__ or not isinstance(value, type):
                continue
            if vars(value).get("__table__") is table:
                return file, class_line(value, module)
    return "", 0
