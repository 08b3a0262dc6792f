"""`Query`: read-only SQL over all databases: one statement comes in, frozen `Rows` go out.

The text is parsed first, then the databases that it names are opened, and only then is it run, on
a cursor and a thread of its own. What keeps it from doing more than reading is in `duckdb.reading`.
Called by `Databases.sql`.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import MetaData

from ....wording import one_line
from ..arrow import ArrowSource, Types
from ..duckdb.foreign import types_of
from ..duckdb.instance import Instance
from ..duckdb.reading import Reading, parse
from ..duckdb.running import Answer, prepare, run
from ..duckdb.tree import QueryTree
from ..duckdb.worker import DatabaseWorker
from ..errors import DatabaseError
from ..waiting import finish
from .rows import Rows

_CATALOGUES = {"information_schema", "pg_catalog", "system"}
LIMIT = 1_000_000
"""Rows that a query returns unless it is told otherwise: some 100 MB of tuples."""


class Query:
    """One query of a person; used as ``async with``."""

    def __init__(self, instance: Instance, text: str) -> None:
        self._instance = instance
        self._text = text
        self._worker = DatabaseWorker("sql")
        self._started = time.perf_counter()

    async def __aenter__(self) -> Query:
        """Parse it.

        Raises:
            QueryRefusedError: If it isn't one statement that reads.
        """
        try:
            self._native = await self._instance.run(lambda: prepare(self._instance.root))
        except BaseException:
            self._worker.close()
            raise
        self._worker.interrupt = self._native.interrupt
        try:
            self._reading: Reading = await self._worker.run(lambda: parse(self._native, self._text))
        except BaseException:
            self._close()
            raise
        return self

    def needs(self, known: Iterable[str], database: str | None) -> set[str]:
        """Return the databases that it reads."""
        return _needed_by(self._reading.tree, known, database)

    async def run(
        self,
        params: Sequence[Any],
        *,
        database: str | None,
        limit: int,
        foreign: Mapping[str, ArrowSource],
        models: Mapping[str, Sequence[MetaData]],
        others: Collection[str],
    ) -> Rows:
        """Run it; the databases that it needs are open.

        Args:
            params: Its parameters.
            database: The database that bare names belong to.
            limit: How many rows are returned at most.
            foreign: The databases among those that DuckDB doesn't keep, each with its source.
            models: The models of each, for the types of columns.
            others: All databases that DuckDB doesn't keep.
        """
        native, tables = self._native, self._instance.foreign

        def job() -> Answer:
            tables.forget(native, others)
            for name, source in foreign.items():
                with _reading(name):
                    source.open()
                    existing = source.tables()
                    wanted = self._wanted(name, existing, bare=name == database)
                    read = source.read(wanted, _types(models.get(name, ())))
                    tables.show(native, name, read, existing=existing)
            return run(
                native, self._reading, params, database=database, foreign=tables, limit=limit
            )

        def interrupt() -> None:
            native.interrupt()
            for source in foreign.values():
                source.interrupt()

        self._worker.interrupt = interrupt
        try:
            answer = await self._worker.run(job, interrupt=interrupt)
        finally:
            await finish(self._worker.run(lambda: self._end(foreign.values())))
        took = time.perf_counter() - self._started
        return Rows(answer.rows, answer.columns, answer.types, took, answer.cut)

    def _wanted(
        self, database: str, existing: Sequence[str], *, bare: bool
    ) -> dict[str, str | None]:
        """Return the tables of a database that the query reads: name → where columns are named."""
        tree = self._reading.tree
        paths = [tuple(part.lower() for part in table.path) for table in tree.tables]
        named = {path[-1] for path in paths if database.lower() in path[:-1]}
        named |= {path[0] for path in paths if bare and len(path) == 1}
        every = bool(_lists(tree))
        text = None if tree.every_column else self._text.lower()
        return {table: text for table in existing if every or table.lower() in named}

    def _end(self, sources: Iterable[ArrowSource]) -> None:
        """Close the connections; first DuckDB's, which may still hold streams of the others."""
        self._native.close()
        for source in sources:
            source.close()

    async def __aexit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        self._worker.run_unattended(self._native.close)
        self._worker.close()


@contextmanager
def _reading(database: str) -> Iterator[None]:
    """Name the database in errors of its driver."""
    try:
        yield
    except Exception as exc:  # each driver has its own
        raise DatabaseError(
            f"the tables of {database!r} can't be read: {one_line(exc)}",
            cure="see that the database is there and can be reached, and run the query again",
            database=database,
        ) from exc


def _types(models: Iterable[MetaData]) -> Types:
    return {table.name: types_of(table) for one in models for table in one.sorted_tables}


def _lists(tree: QueryTree) -> bool:
    """Return whether a query lists what there is, or calls what may read any table."""
    return (
        bool(tree.shows)
        or any(
            function.qualified or function.name.startswith("duckdb_") for function in tree.functions
        )
        or any({part.lower() for part in table.path[:-1]} & _CATALOGUES for table in tree.tables)
    )


def _needed_by(tree: QueryTree, known: Iterable[str], database: str | None) -> set[str]:
    """Return the databases that a query reads; all of them where it doesn't say which."""
    names = {name.lower(): name for name in known}
    found = set() if database is None else {names[database.lower()]}
    unclear = _lists(tree)
    for table in tree.tables:
        *before, last = (part.lower() for part in table.path)
        named = {names[part] for part in before if part in names}
        found |= named
        inner = not before and (last in tree.inner or database is not None)
        unclear = unclear or not (named or inner)
    return set(names.values()) if unclear else found
