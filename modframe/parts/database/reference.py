"""`Reference`: a foreign key between two tables; `ReferenceIndex`: those of a database by table.

Comes in: models' metadata, whose tables `apply` made. Goes out: what sessions check where the
engine doesn't. `Database` keeps the index, and the models with it, until their generation ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Delete,
    ForeignKeyConstraint,
    MetaData,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    not_,
    select,
    tuple_,
    update,
)

Key = tuple[Any, ...]
KEYS = "keys"
"""The parameter of statements that look for given keys."""
MOST_ENDED = 10_000
"""Ended transactions that are kept while an older one is open; what older ones touched counts as
any key."""


@dataclass(frozen=True, eq=False)
class Reference:
    """One foreign key: ``columns`` of ``child`` hold ``keys`` of ``parent``, or NULL.

    Attributes:
        ondelete: What happens to the children of a deleted parent: ``"CASCADE"``, ``"SET NULL"`` or
            ``"SET DEFAULT"``; empty if that is an error.
    """

    child: Table
    columns: tuple[Column[Any], ...]
    parent: Table
    keys: tuple[Column[Any], ...]
    ondelete: str = ""

    @cached_property
    def name(self) -> str:
        """Its name, the same in all generations: ``comments.article_id -> articles.id``."""
        columns, keys = (",".join(c.name for c in side) for side in (self.columns, self.keys))
        return f"{self.child.fullname}.{columns} -> {self.parent.fullname}.{keys}"

    @cached_property
    def found(self) -> Select[Any]:
        """Select those of given keys that are there."""
        return select(*self.keys).where(_among(self.keys))

    @cached_property
    def orphans(self) -> Select[Any]:
        """Select children without parent: first their primary key, then what they refer to."""
        keys = tuple(self.child.primary_key.columns)
        return select(*keys, *self.columns).select_from(self.child).where(self._orphaned)

    @cached_property
    def orphans_of(self) -> Select[Any]:
        """Select the same, of given keys alone."""
        return self.orphans.where(_among(self.columns))

    @cached_property
    def action(self) -> Any:
        """Do to all children without parent what ``ondelete`` says."""
        if self.ondelete == "CASCADE":
            statement: Delete = delete(self.child).where(self._orphaned)
            return statement
        values: dict[Column[Any], Any] = dict.fromkeys(self.columns)
        if self.ondelete == "SET DEFAULT":
            values = {column: _default(column) for column in self.columns}
        return update(self.child).where(self._orphaned).values(values)

    @cached_property
    def action_of(self) -> Any:
        """Do the same to the children of given keys."""
        return self.action.where(_among(self.columns))

    def sentence(self, orphan: Key) -> str:
        """Return what is wrong with a row of `orphans`; it names both rows."""
        own = [column.name for column in self.child.primary_key.columns]
        columns = ", ".join(column.name for column in self.columns)
        columns = f"({columns})" if len(self.columns) > 1 else columns
        child = _row(self.child, own, orphan[: len(own)])
        parent = _row(self.parent, [key.name for key in self.keys], orphan[len(own) :])
        return f"{child}.{columns} refers to {parent}, which isn't there"

    @cached_property
    def _orphaned(self) -> ColumnElement[bool]:
        parent = self.parent.alias("referred")
        there = [parent.c[key.key] == own for key, own in zip(self.keys, self.columns, strict=True)]
        given = [column.is_not(None) for column in self.columns]
        return and_(*given, not_(exists().select_from(parent).where(*there)))


def _row(table: Table, names: list[str], values: Key) -> str:
    pairs = zip(names, values, strict=True)
    return f"{table.fullname}({', '.join(f'{name}={value!r}' for name, value in pairs)})"


def _among(columns: tuple[Column[Any], ...]) -> ColumnElement[bool]:
    if len(columns) == 1:
        return columns[0].in_(bindparam(KEYS, expanding=True))
    return tuple_(*columns).in_(bindparam(KEYS, expanding=True))


def given(keys: Iterable[Key]) -> dict[str, Any]:
    """Return keys as the parameter of `Reference.found`, `orphans_of` and `action_of`."""
    return {KEYS: [key[0] if len(key) == 1 else key for key in keys]}


def _default(column: Column[Any]) -> Any:
    """Return the value or the SQL of a column's server default; ``None`` without one."""
    default: Any = column.server_default
    return getattr(default, "arg", None)


def references_of(metadata: MetaData) -> tuple[Reference, ...]:
    """Return the foreign keys of models."""
    return tuple(
        _reference(constraint)
        for table in metadata.tables.values()
        for constraint in table.foreign_key_constraints
    )


def _reference(constraint: ForeignKeyConstraint) -> Reference:
    action = (constraint.ondelete or "").upper()
    return Reference(
        constraint.table,
        tuple(constraint.columns),
        constraint.referred_table,
        tuple(element.column for element in constraint.elements),
        "" if action in ("RESTRICT", "NO ACTION") else action,
    )


class ReferenceIndex:
    """References by table. Names are in lower case, without schema: one too many is no harm.

    Attributes:
        by_child: Table → the references that its rows hold.
        by_parent: Table → the references that point to its rows.
        all: All of them.
    """

    def __init__(self, references: Iterable[Reference]) -> None:
        newest = {reference.name: reference for reference in references}
        self._names = frozenset(newest)
        self.all = tuple(newest.values())
        self.by_child: dict[str, list[Reference]] = {}
        self.by_parent: dict[str, list[Reference]] = {}
        for reference in self.all:
            self.by_child.setdefault(reference.child.name.lower(), []).append(reference)
            self.by_parent.setdefault(reference.parent.name.lower(), []).append(reference)

    def has(self, reference: Reference) -> bool:
        """Return whether it has a reference of the same columns."""
        return reference.name in self._names

    def __bool__(self) -> bool:
        return bool(self.all)


@dataclass(slots=True, eq=False)
class _Ended:
    """A transaction that committed as the ``number``-th, and what it touched."""

    number: int
    referred: Touched
    removed: Touched


class Crossings:
    """Finds two transactions, side by side, of which one refers to what the other removes.

    Each sees the rows as they were when it began, so both find their own rows right. The one that
    commits later is refused. All transactions of a database that needs this are in this process.
    """

    def __init__(self) -> None:
        self._clock = 0
        self._open: dict[object, int] = {}  # transaction → the clock when it began, oldest first
        self._ended: deque[_Ended] = deque()
        self._admitted: dict[object, _Ended] = {}

    def begin(self, transaction: object) -> None:
        """Note that a transaction begins, and so sees the rows as they are now."""
        self._open[transaction] = self._clock

    def admit(self, transaction: object, referred: Touched, removed: Touched) -> str | None:
        """Let a transaction commit; or return the name of the reference that prevents it."""
        began = self._open.get(transaction, self._clock)
        for other in reversed(self._ended):
            if other.number <= began:
                break
            if crossed := referred.meets(other.removed) or removed.meets(other.referred):
                return crossed
        if referred or removed:
            self._clock += 1
            ended = self._admitted[transaction] = _Ended(self._clock, referred, removed)
            self._ended.append(ended)
        return None

    def end(self, transaction: object, *, committed: bool) -> None:
        """Forget a transaction, and what no open one needs any more."""
        self._open.pop(transaction, None)
        ended = self._admitted.pop(transaction, None)
        if ended is not None and not committed and ended in self._ended:
            self._ended.remove(ended)
        oldest = next(iter(self._open.values()), self._clock)
        while self._ended and self._ended[0].number <= oldest:
            self._ended.popleft()
        while len(self._ended) > MOST_ENDED:  # one transaction has been open for very long
            first = self._ended.popleft()
            self._ended[0].referred.update(dict.fromkeys(first.referred))
            self._ended[0].removed.update(dict.fromkeys(first.removed))


class Touched(dict[str, "set[Key] | None"]):
    """Reference → the keys that a transaction touched; ``None`` for any."""

    def add(self, name: str, keys: set[Key] | None) -> None:
        """Add keys of a reference; ``None`` for any."""
        if keys is None or self.get(name, ()) is None:
            self[name] = None
        else:
            self[name] = keys | (self.get(name) or set())

    def meets(self, other: Touched) -> str | None:
        """Return the name of a reference of which both have a key."""
        for name, keys in self.items():
            if name in other:
                others = other[name]
                if keys is None or others is None or keys & others:
                    return name
        return None
