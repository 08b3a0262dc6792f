"""What SQLite can't do of what models say; called by `SQLite.remarks`."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Column, MetaData, Sequence
from sqlalchemy.exc import CompileError
from sqlalchemy.types import ARRAY

from ..backend import Remark
from .dialect import DBAPI, ModframeSQLite

_types = ModframeSQLite(dbapi=DBAPI).type_compiler_instance


def remarks_on(metadata: MetaData) -> Iterator[Remark]:
    """Yield what SQLite can't do."""
    known: set[type] = set()
    for table in metadata.tables.values():
        if table.schema is not None:
            text = f"SQLite has no schemas: leave out schema={table.schema!r}"
            yield Remark(table.fullname, "", text)
        for column in table.columns:
            if isinstance(column.default, Sequence) and column is not table.autoincrement_column:
                text = "SQLite has no sequences: use a default that is a function"
                yield Remark(table.fullname, column.name, text)
            if type(column.type) not in known:
                if text := _without_type(column):
                    yield Remark(table.fullname, column.name, text)
                else:
                    known.add(type(column.type))


def _without_type(column: Column[object]) -> str:
    """Return why SQLite can't keep values of a column's type; empty if it can."""
    kind = column.type.dialect_impl(_types.dialect)
    if isinstance(kind, ARRAY):
        return "SQLite has no arrays: use JSON, or a table of its own for the elements"
    try:
        _types.process(column.type)
    except CompileError:
        return f"SQLite has nothing for the type {column.type!r}: use JSON, String or LargeBinary"
    return ""
