"""Read-only SQL over all databases: one statement comes in, frozen `Rows` go out.

``BEGIN TRANSACTION READ ONLY`` alone prevents neither ATTACH nor ``COMMIT; INSERT``. So the text is
parsed first, and has to be exactly one reading statement. Called by `Databases.sql`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import duckdb

from .... import html
from ....wording import count
from ..duckdb.adapter import fetch
from ..duckdb.instance import Instance
from ..duckdb.worker import DatabaseWorker
from ..errors import DatabaseError, QueryRefusedError
from ..names import quoted

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]  # ships no annotations

SHOWN = 50
"""Rows that a notebook shows."""
_READS = ("SELECT", "EXPLAIN")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, repr=False)
class Rows:
    """The result of a query.

    Attributes:
        rows: The rows, as tuples.
        columns: The columns' names.
    """

    rows: list[tuple[Any, ...]]
    columns: tuple[str, ...]

    def df(self) -> DataFrame:
        """Return the rows as a pandas DataFrame.

        Raises:
            DatabaseError: If pandas isn't installed.
        """
        try:
            import pandas as pd
        except ImportError as exc:
            raise DatabaseError(
                "df() needs pandas, which isn't installed",
                cure="run `pip install pandas`, or use .rows and .columns",
                database="",
            ) from exc
        return pd.DataFrame.from_records(self.rows, columns=list(self.columns))

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)

    def __repr__(self) -> str:
        return f"<Rows: {count(len(self.rows), 'row')} of {', '.join(self.columns)}>"

    def _repr_html_(self) -> str:
        table = html.table(
            [["NULL" if cell is None else cell for cell in row] for row in self.rows[:SHOWN]],
            head=self.columns,
        )
        hidden = len(self.rows) - SHOWN
        return f"{table}<div>… {escape(str(hidden))} more</div>" if hidden > 0 else table


def names_in(query: str, names: Iterable[str]) -> set[str]:
    """Return the databases that a query may read: those whose names are words in it.

    >>> sorted(names_in("SELECT * FROM orders.items", ["items", "orders", "users"]))
    ['items', 'orders']
    """
    words = {word.lower() for word in _WORD.findall(query)}
    return {name for name in names if name.lower() in words}


async def read(
    instance: Instance, query: str, params: Sequence[Any], *, database: str | None
) -> Rows:
    """Run one reading statement on a cursor and thread of its own; its files are attached."""
    worker = DatabaseWorker("sql")
    native = await instance.run(lambda: instance.root.cursor())  # noqa: PLW0108 - DuckDB may be opened only by this job
    worker.interrupt = native.interrupt
    try:
        return await worker.run(
            lambda: _read(native, query, params, database=database), interrupt=native.interrupt
        )
    finally:
        worker.run_unattended(native.close)
        worker.close()


def _read(
    native: duckdb.DuckDBPyConnection, query: str, params: Sequence[Any], *, database: str | None
) -> Rows:
    statement = _parse_statement(native, query)
    values: Any = list(params)
    if len(params) == 1 and isinstance(params[0], Mapping):
        values = dict(params[0])
    if database is not None:
        native.execute(f"USE {quoted(database)}.main")
    native.execute("BEGIN TRANSACTION READ ONLY")
    try:
        native.execute(statement, values or None)
        columns = tuple(str(column[0]) for column in native.description or ())
        return Rows(fetch(native), columns)
    except duckdb.TransactionException as exc:
        if "read-only" not in str(exc):
            raise _refusal(query, str(exc)) from exc
        raise _refusal(query, "it would write") from exc
    except duckdb.InterruptException:
        raise
    except duckdb.Error as exc:
        raise QueryRefusedError(
            f"DuckDB refuses the query: {exc}",
            cure="tables are named <database>.<table>; SHOW ALL TABLES lists them",
            database=database or "",
            query=query,
        ) from exc
    finally:
        native.rollback()


def _parse_statement(native: duckdb.DuckDBPyConnection, query: str) -> duckdb.Statement:
    try:
        statements = native.extract_statements(query)
    except duckdb.Error as exc:
        raise QueryRefusedError(
            f"DuckDB can't read the query: {exc}",
            cure="mend it where the arrow points",
            database="",
            query=query,
        ) from exc
    if len(statements) != 1:
        raise _refusal(query, f"it holds {len(statements)} statements, not one")
    kind = str(statements[0].type).rpartition(".")[2]
    if kind not in _READS:
        raise _refusal(query, f"it is a {kind} statement")
    return statements[0]


def _refusal(query: str, why: str) -> QueryRefusedError:
    shortened = query if len(query) <= 60 else f"{query[:57]}..."
    return QueryRefusedError(
        f"sql() only reads, and refuses {shortened!r}: {why}",
        cure="give it one SELECT, EXPLAIN, DESCRIBE or SHOW; to change data use "
        "integrity_session(...)",
        database="",
        query=query,
    )
