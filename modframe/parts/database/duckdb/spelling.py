"""`Spelling`: names of a file as models spell them; DuckDB ignores case, and who compares doesn't.

Comes in: the models that a connection's tables are compared with. Goes out: what `Reflection` shows
on that connection meanwhile. A name that no model has stays as it is in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, MetaData, Table

_KEY = "modframe_spelling"


class Spelling:
    """The names of models, to be found by their lower case; without models any name stays."""

    def __init__(self, metadata: MetaData) -> None:
        self._metadata = metadata

    @cached_property
    def _tables(self) -> dict[tuple[str, str], Table]:
        tables = self._metadata.tables.values()
        return {(_lower(table.schema), table.name.lower()): table for table in tables}

    @cached_property
    def schemas(self) -> dict[str, str]:
        """Schemas: lower case → name."""
        every = (*self._metadata.tables.values(), *self._metadata._sequences.values())
        return by_lower(each.schema for each in every if each.schema)

    def sequences(self, schema: str | None) -> dict[str, str]:
        """Return the sequences of a schema: lower case → name."""
        every = self._metadata._sequences.values()
        return by_lower(each.name for each in every if _lower(each.schema) == _lower(schema))

    def table(self, schema: str | None, name: str) -> str:
        """Return the name of a table."""
        known = self._tables.get((_lower(schema), name.lower()))
        return name if known is None else known.name

    def columns(self, schema: str | None, table: str) -> dict[str, str]:
        """Return the columns of a table: lower case → name."""
        known = self._tables.get((_lower(schema), table.lower()))
        return {} if known is None else by_lower(column.name for column in known.columns)

    def parts(self, schema: str | None, table: str) -> dict[str, str]:
        """Return the indexes and the constraints of a table: lower case → name."""
        known = self._tables.get((_lower(schema), table.lower()))
        every: tuple[Any, ...] = ()
        if known is not None:
            every = (*known.indexes, *known.constraints)
        return by_lower(each.name for each in every if isinstance(each.name, str))


def by_lower(names: Iterable[str]) -> dict[str, str]:
    """Return names by their lower case."""
    return {name.lower(): name for name in names}


def spell(name: str, names: dict[str, str]) -> str:
    """Return a name as it is among others, or as it is given."""
    return names.get(name.lower(), name)


def _lower(schema: str | None) -> str:
    return (schema or "main").lower()


@contextmanager
def spelled(connection: Connection, metadata: MetaData) -> Iterator[None]:
    """Let a connection show the names of its tables as models spell them."""
    info = connection.info
    info[_KEY] = Spelling(metadata)
    try:
        yield
    finally:
        del info[_KEY]


def spelling_of(connection: Any) -> Spelling:
    """Return how a connection spells names."""
    found: Spelling = connection.info.get(_KEY) or Spelling(MetaData())
    return found
