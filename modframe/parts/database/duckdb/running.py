"""Runs one query of a person on a cursor of its own; called by `sql.query` on the query's thread.

Comes in: a `Reading`, parameters and the tables of other engines. Goes out: an `Answer`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from ..names import quoted
from .adapter import CHUNK
from .foreign import ForeignTables
from .reading import Check, Reading
from .refusing import from_driver, refusal, wrong_parameters


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query answered; ``cut``: there are more rows than the limit let through."""

    rows: list[tuple[Any, ...]]
    columns: tuple[str, ...]
    types: tuple[str, ...]
    cut: bool


def prepare(root: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Return a cursor whose errors say where in the text they are."""
    native = root.cursor()
    native.execute("SET errors_as_json = true")
    return native


def run(
    native: duckdb.DuckDBPyConnection,
    reading: Reading,
    params: Sequence[Any],
    *,
    database: str | None,
    foreign: ForeignTables,
    limit: int,
) -> Answer:
    """Check the query, and run it in a transaction that only reads.

    Raises:
        QueryRefusedError: If it does more than read, or DuckDB refuses it.
    """
    _set_path(native, database, foreign.schemas)
    Check(native, reading, database=database, foreign=foreign.names).run()
    values = _values(reading, params)
    native.execute("BEGIN TRANSACTION READ ONLY")
    try:
        native.execute(reading.statement, values or None)
        described = native.description or ()
        rows = _fetch(native, limit + 1)
        return Answer(
            rows=rows[:limit],
            columns=tuple(str(column[0]) for column in described),
            types=tuple(str(column[1]) for column in described),
            cut=len(rows) > limit,
        )
    except duckdb.InterruptException:
        raise
    except duckdb.TransactionException as exc:
        if "read-only" in str(exc):
            raise refusal(reading.text, "it would write") from exc
        raise from_driver(reading.text, exc, "DuckDB refuses the query") from exc
    except duckdb.Error as exc:
        raise from_driver(reading.text, exc, "DuckDB refuses the query") from exc
    finally:
        native.rollback()


def _values(reading: Reading, params: Sequence[Any]) -> list[Any] | dict[str, Any]:
    """Return the parameters as DuckDB takes them.

    Raises:
        QueryRefusedError: If the query takes others.
    """
    named = len(params) == 1 and isinstance(params[0], Mapping)
    values = {str(key): value for key, value in params[0].items()} if named else list(params)
    given = list(values) if named else [str(number + 1) for number in range(len(params))]
    wanted = reading.statement.named_parameters
    if {name.lower() for name in wanted} != {name.lower() for name in given}:
        raise wrong_parameters(reading.text, wanted, given)
    return values


def _set_path(native: duckdb.DuckDBPyConnection, database: str | None, schemas: set[str]) -> None:
    """Say where names are looked up. DuckDB's own functions come first, so that no macro of a
    module takes the place of one."""
    places = ["system.main"]
    if database is not None and database not in schemas:
        places.append(f"{quoted(database)}.main")
    places.append("memory.main")
    ordered = sorted(schemas, key=lambda schema: schema != database)
    places += [f"memory.{quoted(schema)}" for schema in ordered]
    native.execute(f"SET search_path = '{','.join(places)}'")


def _fetch(native: duckdb.DuckDBPyConnection, limit: int) -> list[tuple[Any, ...]]:
    """Return the rows up to a limit; between chunks other threads get the interpreter."""
    rows: list[tuple[Any, ...]] = []
    while len(rows) < limit and (chunk := native.fetchmany(min(CHUNK, limit - len(rows)))):
        rows += chunk
    return rows
