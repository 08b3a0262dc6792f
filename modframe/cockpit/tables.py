"""`StoredTable`: one table of a module database as it is, read on a connection of a session.

In come a connection, names, and the models of live modules; out go the table's columns and one page
of its rows, which the engine has sorted and counted. Called by the operations of the tab *Data*,
which import it when they run: it needs SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.exc import CompileError, NoSuchTableError

from ..errors import FormError
from ..wording import near
from .cells import Cells

DEEP = 20_000
"""Rows before a sorted page from which on rows are numbered: SQLite's OFFSET gets slower, then."""
_PLACE = "modframe_place"
Where = Mapping[str, str | None]
"""Column → the text of its value, ``None`` for NULL; a row has to have all of them."""
Reference = tuple[str, str, str]
"""A column, and the table and the column that it refers to."""


@dataclass(frozen=True, slots=True)
class Paging:
    """Which rows are wanted, and how they are sorted.

    Attributes:
        sort: The column that they are sorted by; the key if it is empty. ``down``: backwards.
    """

    sort: str = ""
    down: bool = False
    offset: int = 0
    limit: int = 100


class StoredTable:
    """One table.

    Args:
        models: Those of the live modules that use the database.

    Attributes:
        engine: The name of what keeps it.
        key: The columns of its primary key.
        references: What its columns refer to; on DuckDB only the models tell.

    Raises:
        FormError: If there is no table of that name.
    """

    def __init__(self, connection: sa.Connection, name: str, models: Iterable[sa.MetaData]) -> None:
        # A statement that is kept would keep the types of a module's generation alive.
        self._connection = connection.execution_options(compiled_cache=None)
        self.engine = connection.dialect.name
        self._models = [model.tables[name] for model in models if name in model.tables]
        inspector = sa.inspect(connection)
        try:
            self._reflected = inspector.get_columns(name)
        except NoSuchTableError:
            hint = near(name, inspector.get_table_names())
            raise FormError(
                f"there is no table {name!r} in this database any more; {hint}".rstrip("; "),
                field="table",
            ) from None
        self.key = list(inspector.get_pk_constraint(name)["constrained_columns"])
        modelled = {column.name: column for model in self._models for column in model.columns}
        self._table = sa.table(
            name,
            *(
                sa.column(each["name"], _type_of(each, modelled.get(each["name"])))
                for each in self._reflected
            ),
        )
        self.references = sorted(
            {*_referred(inspector.get_foreign_keys(name)), *_modelled(self._models)}
        )

    def columns(self) -> list[dict[str, Any]]:
        """Return the facts of its columns, in their order."""
        refers = {column: (table, other) for column, table, other in self.references}
        return [
            {
                "name": each["name"],
                "type": self._type_text(each["type"]),
                "null": bool(each["nullable"]),
                "key": each["name"] in self.key,
                "default": each["default"],
                "refers": refers.get(each["name"]),
                "modelled": not self._models
                or any(each["name"] in model.columns for model in self._models),
            }
            for each in self._reflected
        ]

    def path_in(self, database: str) -> str:
        """Return how a query names it; what isn't plain is quoted."""
        quote = self._connection.dialect.identifier_preparer.quote
        return f"{quote(database)}.{quote(self._table.name)}"

    def _type_text(self, kind: Any) -> str:
        try:
            return str(kind.compile(self._connection.dialect))
        except CompileError:  # a type that SQLAlchemy has no name for
            return ""

    def count(self, where: Where) -> int:
        """Return how many rows fit."""
        query = sa.select(sa.func.count()).select_from(self._table).where(*self._conditions(where))
        return int(self._connection.execute(query).scalar_one())

    def page(self, page: Paging, where: Where, cells: Cells) -> tuple[list[Any], Sequence[Any]]:
        """Return one page of the rows that fit: their cells, and their values.

        Of long texts the engine sends the beginning, with their length.
        """
        columns, paged = self._paged(page, where)
        long = [place for place, column in enumerate(columns) if type(column.type) in _TEXTS]
        chosen = [
            sa.func.substr(column, 1, cells.longest + 1).label(None)
            if place in long
            else column.label(None)
            for place, column in enumerate(columns)
        ]
        lengths = [sa.func.length(columns[place]).label(None) for place in long]
        rows = self._connection.execute(paged(sa.select(*chosen, *lengths))).all()
        width = len(columns)
        made = []
        for row in rows:
            sizes = dict(zip(long, row[width:], strict=True))
            made.append(
                [cells.cell(value, sizes.get(place)) for place, value in enumerate(row[:width])]
            )
        return made, [row[:width] for row in rows]

    def value(self, column: str, page: Paging, where: Where) -> object:
        """Return one value whole; ``None`` also if the row is gone."""
        columns, paged = self._paged(page, where)
        chosen = next(one for one in columns if one.name == self._column(column).name)
        return self._connection.execute(paged(sa.select(chosen))).scalars().first()

    def _paged(self, page: Paging, where: Where) -> tuple[list[Any], Callable[[Any], Any]]:
        """Return the columns to choose from, and what makes a query of some of them that page."""
        conditions, order = self._conditions(where), self._order(page)
        columns = list(self._table.columns)
        if not page.sort or page.offset < DEEP:
            return (
                columns,
                lambda query: (
                    query.where(*conditions).order_by(*order).limit(page.limit).offset(page.offset)
                ),
            )
        place = sa.func.row_number().over(order_by=order).label(_PLACE)
        numbered = sa.select(*columns, place).where(*conditions).subquery()
        at = numbered.columns[_PLACE]
        return list(numbered.columns)[:-1], lambda query: query.where(
            at > page.offset, at <= page.offset + page.limit
        ).order_by(at)

    def _column(self, name: str) -> Any:
        if name not in self._table.columns:
            raise FormError(
                f"the table {self._table.name!r} has no column {name!r}; "
                f"{near(name, self._table.columns.keys())}".rstrip("; "),
                field="column",
            )
        return self._table.columns[name]

    def _order(self, page: Paging) -> list[Any]:
        """Return what rows are sorted by: NULL last, and by the key where they are equal."""
        key = [self._table.columns[name] for name in self.key]
        if not page.sort:
            return [column.desc() for column in key] if page.down else key
        column = self._column(page.sort)
        if isinstance(column.type, sa.JSON):
            column = sa.cast(column, sa.Text)  # PostgreSQL has no order of documents
        first = column.desc() if page.down else column.asc()
        return [first.nulls_last(), *key]

    def _conditions(self, where: Where) -> list[Any]:
        return [_equals(self._column(name), text) for name, text in where.items()]


_TEXTS = {sa.String, sa.Text, sa.VARCHAR, sa.TEXT, sa.CHAR, sa.Unicode, sa.UnicodeText}
"""The types whose values are cut by the engine."""


def _type_of(reflected: Mapping[str, Any], modelled: Any) -> Any:
    """Return the type that reads a column's values: the model's where there is one."""
    return reflected["type"] if modelled is None else modelled.type


def _referred(keys: Iterable[Mapping[str, Any]]) -> Iterable[Reference]:
    for key in keys:
        pairs = zip(key["constrained_columns"], key["referred_columns"], strict=True)
        for column, other in pairs:
            yield column, key["referred_table"], other


def _modelled(models: Iterable[sa.Table]) -> Iterable[Reference]:
    for model in models:
        for key in model.foreign_keys:
            table, _, other = key.target_fullname.rpartition(".")
            yield key.parent.name, table, other


def referring_to(name: str, models: Iterable[sa.MetaData]) -> list[Reference]:
    """Return what refers to a table, by the models: the other table, its column, and this one's."""
    return sorted(
        {
            (table.name, column, other)
            for model in models
            for table in model.tables.values()
            for column, referred, other in _modelled([table])
            if referred == name
        }
    )


def _equals(column: Any, text: str | None) -> Any:
    """Return the condition that a column has the value of a text, or is NULL."""
    return column.is_(None) if text is None else column == _value_of(column, text)


def _value_of(column: Any, text: str) -> Any:
    """Return the value of a column that a text stands for.

    Raises:
        FormError: If it is the text of no value of that column's type.
    """
    try:
        kind = column.type.python_type
    except NotImplementedError:
        return text
    try:
        if issubclass(kind, Enum):
            return kind[text]
        if kind is bytes:
            return bytes.fromhex(text.removeprefix("\\x"))
        return TypeAdapter(kind).validate_python(text)
    except (ValidationError, ValueError, KeyError):
        raise FormError(f"{text!r} is no value of {column.name}", field=column.name) from None
