"""The tab *Data*: tables and their rows, and SQL that only reads.

Rows are read in sessions of `app.database`, one page at a time; queries of a person go through
`app.database.sql`, which refuses whatever doesn't read. A question that is cancelled ends its
query.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import Field

from ...parts.database.part import declared_by
from ...parts.database.sql.completing import begun, keywords_for, names_for
from ..asks import Ask, Operation
from ..cells import Cell, Cells, numeric_columns

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData

    from ..tables import StoredTable

T = TypeVar("T")
PURPOSE = "show rows in the cockpit"
_IN_PAGE, _IN_ANSWER, _WHOLE = 2_000, 20_000, 2_000_000
"""Characters of the longest value that is sent whole: of a table, of a query, and if asked for."""
_ROOM = 4_000_000
"""Characters of all values of one answer."""
_COMPLETIONS = 8
Limit = Annotated[int, Field(ge=1, le=1_000)]
Bound = Annotated[int, Field(ge=1, le=10_000)]
Offset = Annotated[int, Field(ge=0)]
Where = Mapping[str, str | None]


def databases(ask: Ask) -> list[dict[str, Any]]:
    """Return the databases with their tables, and the modules that have models of each.

    ``refused`` is the module whose last load their tables didn't fit.
    """
    users: dict[str, list[str]] = {}
    for module_id, spec in declared_by(ask.facts.live.generations.values()):
        users.setdefault(spec.name, []).append(module_id)
    known = {facts.database: facts for facts in ask.facts.databases.describe()}
    tables = ask.app.database.tables()
    return [
        {
            "name": name,
            "engine": known[name].engine if name in known else "",
            "path": known[name].path if name in known else "",
            "tables": sorted(tables.get(name, ())),
            "modules": users.get(name, []),
            "refused": known[name].refused if name in known else "",
        }
        for name in sorted({*tables, *known})
    ]


def table(ask: Ask, database: str, table: str) -> dict[str, Any]:
    """Return what is known of a table: its columns, keys, relations, and a query of its rows."""
    from ..tables import referring_to

    models = _models(ask, database)

    def read(stored: StoredTable) -> dict[str, Any]:
        return {
            "engine": stored.engine,
            "columns": stored.columns(),
            "key": stored.key,
            "referred": referring_to(table, models),
            "query": f"SELECT * FROM {stored.path_in(database)}",
        }

    return _read(ask, database, table, read)


def rows(
    ask: Ask,
    database: str,
    table: str,
    *,
    sort: str = "",
    down: bool = False,
    offset: Offset = 0,
    limit: Limit = 100,
    where: Where | None = None,
) -> dict[str, Any]:
    """Return a page of a table's rows, sorted by a column or else by the key.

    ``keys`` is what each row is found by again; ``None`` for one without a key that is whole.
    """
    from ..tables import Paging

    page = Paging(sort, down, offset, limit)

    def read(stored: StoredTable) -> dict[str, Any]:
        cells, values = stored.page(page, where or {}, Cells(_IN_PAGE, _ROOM))
        names = [column["name"] for column in stored.columns()]
        keys = [_key_of(dict(zip(names, row, strict=True)), stored.key) for row in cells]
        return {"rows": cells, "keys": keys, "numeric": numeric_columns(values, len(names))}

    return _read(ask, database, table, read)


def _key_of(row: Mapping[str, Cell], key: list[str]) -> dict[str, Cell] | None:
    found = {name: row[name] for name in key}
    return found if found and all(isinstance(cell, str) for cell in found.values()) else None


def count_rows(ask: Ask, database: str, table: str, where: Where | None = None) -> int:
    """Return how many rows of a table fit."""
    return _read(ask, database, table, lambda stored: stored.count(where or {}))


def value(
    ask: Ask,
    database: str,
    table: str,
    column: str,
    *,
    sort: str = "",
    down: bool = False,
    offset: Offset = 0,
    where: Where | None = None,
) -> Any:
    """Return one value whole, of the row at a place; up to two million characters of it."""
    from ..tables import Paging

    page = Paging(sort, down, offset, 1)
    found = _read(ask, database, table, lambda stored: stored.value(column, page, where or {}))
    return Cells(_WHOLE, _WHOLE).cell(found)


def sql(ask: Ask, query: str, limit: Bound = 1_000) -> dict[str, Any]:
    """Run one statement that reads; the same as ``app.database.sql``."""
    _end_when_cancelled(ask)
    found = ask.app.database.sql(query, limit=limit)
    numeric = numeric_columns(found.rows, len(found.columns))
    columns = zip(found.columns, found.types, numeric, strict=True)
    return {
        "columns": [
            {"name": name, "type": kind, "numeric": is_number} for name, kind, is_number in columns
        ],
        "rows": Cells(_IN_ANSWER, _ROOM).rows(found.rows),
        "took": found.took,
        "cut": found.cut,
    }


def complete(ask: Ask, query: str, at: Offset) -> dict[str, Any]:
    """Return what the word before a place in a query may become, as ``%%sql`` cells do.

    There is nothing for a word that is whole, but for a database, whose tables come next.
    """
    typed = begun(query[:at])
    names = names_for(typed, query, ask.app.database.tables()) if typed else ()
    found = list(islice(chain(names, keywords_for(typed)), _COMPLETIONS))
    whole = any(name.lower() == typed.lower() and kind != "database" for name, kind in found)
    return {"from": at - len(typed), "items": [] if whole else found}


# -- reading -----------------------------------------------------------------------------------


def _models(ask: Ask, database: str) -> list[MetaData]:
    declared = declared_by(ask.facts.live.generations.values())
    return [spec.metadata for _, spec in declared if spec.name == database]


def _read(ask: Ask, database: str, table: str, read: Callable[[StoredTable], T]) -> T:
    """Return what is read of a table."""
    from ..tables import StoredTable

    models = _models(ask, database)

    def work(connection: Connection) -> T:
        return read(StoredTable(connection, table, models))

    return in_session(ask, database, work)


def in_session(ask: Ask, database: str, work: Callable[[Connection], T]) -> T:
    """Return what is read in a session of its own, which commits nothing."""

    async def run() -> T:
        async with ask.app.database.integrity_session(database, PURPOSE) as session:
            connection = await session.connection()
            found: T = await connection.run_sync(work)
            return found

    _end_when_cancelled(ask)
    return ask.facts.app_loop.wait(run)


def _end_when_cancelled(ask: Ask) -> None:
    """Let what this thread waits for on the app loop end with the question."""
    thread, loop = threading.get_ident(), ask.facts.app_loop
    ask.on_cancel(lambda: loop.cancel_asked_by(thread))


OPERATIONS: Mapping[str, Operation] = {
    "databases": databases,
    "table": table,
    "rows": rows,
    "count_rows": count_rows,
    "value": value,
    "sql": sql,
    "complete": complete,
}
