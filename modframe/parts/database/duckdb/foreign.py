"""`ForeignTables`: tables of other engines as DuckDB's people see them: ``orders.items``.

Comes in: Arrow streams. Goes out: a view for each table, in a schema with the database's name. The
views stay, and are the same for all queries; the stream that one reads is registered with the
query's own connection, so that queries side by side each see their own. `Instance` has the one
object of it; called on queries' threads.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from contextlib import suppress

import duckdb
from sqlalchemy import Table
from sqlalchemy.exc import CompileError

from ..arrow import ArrowTable
from ..names import quoted
from .dialect import ModframeDuckDB


class ForeignTables:
    """The schemas and views of the instance that stand for tables of other engines."""

    def __init__(self) -> None:
        self._views: dict[tuple[str, str], str] = {}
        self._turn = threading.Lock()  # two threads that make one schema would be a conflict
        self.schemas: set[str] = set()

    @property
    def names(self) -> Collection[tuple[str, str]]:
        """The views: schema and table."""
        return tuple(self._views)

    def show(
        self,
        native: duckdb.DuckDBPyConnection,
        schema: str,
        tables: Mapping[str, ArrowTable],
        *,
        existing: Collection[str],
    ) -> None:
        """Let a connection read tables; views of those that don't exist any more are dropped."""
        with self._turn:
            if schema not in self.schemas:
                native.execute(f"CREATE SCHEMA IF NOT EXISTS memory.{quoted(schema)}")
                self.schemas.add(schema)
            for table, arrow in tables.items():
                self._show_table(native, (schema, table), arrow)
            for view in [view for view in self._views if view[0] == schema]:
                if view[1] not in existing:
                    native.execute(f"DROP VIEW IF EXISTS memory.{_place(view)}")
                    del self._views[view]

    def forget(self, native: duckdb.DuckDBPyConnection, others: Collection[str]) -> None:
        """Drop the schemas of all databases but ``others``: DuckDB keeps those itself now."""
        with self._turn:
            for schema in self.schemas - set(others):
                native.execute(f"DROP SCHEMA IF EXISTS memory.{quoted(schema)} CASCADE")
                self.schemas.discard(schema)
                for view in [view for view in self._views if view[0] == schema]:
                    del self._views[view]

    def _show_table(
        self, native: duckdb.DuckDBPyConnection, view: tuple[str, str], arrow: ArrowTable
    ) -> None:
        name = ".".join(view)
        native.register(name, arrow.stream)
        select = arrow.select.replace("{source}", f"temp.main.{quoted(name)}")
        if self._views.get(view) != select:
            native.execute(f"CREATE OR REPLACE VIEW memory.{_place(view)} AS {select}")
            self._views[view] = select


def types_of(table: Table) -> dict[str, str]:
    """Return what DuckDB calls the types of a model's columns, where it has them."""
    dialect, found = ModframeDuckDB(), {}
    for column in table.columns:
        with suppress(CompileError, NotImplementedError):
            found[column.name] = column.type.compile(dialect=dialect)
    return found


def _place(view: tuple[str, str]) -> str:
    return ".".join(map(quoted, view))
