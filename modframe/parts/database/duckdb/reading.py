"""People's SQL, held to reading: one text comes in, a statement that can only read goes out.

Three walls, each by effect. The syntax tree that DuckDB makes of the text may hold nothing but
queries of known tables and allowed functions, also inside views and macros of modules. The
transaction is READ ONLY. The instance reaches no file outside the folders of `Instance`. What is
run is the text that was looked at. All of it is called on the query's own thread, by `sql.query`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import duckdb

from ....wording import near
from ..errors import QueryRefusedError
from .functions import SOURCES, built_in
from .refusing import from_driver, refusal
from .tree import FunctionName, QueryTree, TableName, tree_of

LISTS = {"__show_tables_expanded", "databases", "schemas", "tables"}
"""What ``SHOW`` may list."""
_FILE_SIGNS = set("./\\:*?[")
_OPTIONS = {"analyze", "format"}


@dataclass(frozen=True, slots=True)
class Reading:
    """A text that is one SELECT or EXPLAIN of a SELECT; its names are not looked up yet.

    Attributes:
        text: The text, as it was given.
        tree: What it names; places count from ``start``.
        start: Where the SELECT begins in the text, in bytes.
    """

    text: str
    statement: duckdb.Statement
    tree: QueryTree
    start: int


def parse(native: duckdb.DuckDBPyConnection, text: str) -> Reading:
    """Return the one reading statement of a text.

    Raises:
        QueryRefusedError: If there are several, or none, or it may do more than read.
    """
    statements = _statements(native, text)
    if len(statements) != 1:
        raise refusal(text, f"it holds {len(statements)} statements, not one")
    kind = _kind(statements[0])
    start = 0
    if kind == "EXPLAIN":
        start = _after_explain(text)
        inner = _statements(native, text.encode()[start:].decode())
        kind = _kind(inner[0]) if len(inner) == 1 else "EXPLAIN"
    if kind == "MULTI":
        raise refusal(text, "PIVOT has to say which values become columns: PIVOT ... ON x IN (...)")
    tree = tree_of(native, text.encode()[start:].decode()) if kind == "SELECT" else None
    if tree is None:
        raise refusal(text, f"{kind} is no query")
    if tree.unknown:
        raise refusal(text, f"it would write, or do more than read: {tree.unknown}")
    return Reading(text, statements[0], tree, start)


def _statements(native: duckdb.DuckDBPyConnection, text: str) -> list[duckdb.Statement]:
    try:
        return native.extract_statements(text)
    except duckdb.Error as exc:
        raise from_driver(text, exc, "DuckDB can't read the query") from exc


def _kind(statement: duckdb.Statement) -> str:
    return str(statement.type).rpartition(".")[2]


def _after_explain(text: str) -> int:
    """Return where the statement begins that is explained: behind EXPLAIN and its options."""
    source = text.encode()
    tokens = [(at, kind) for at, kind in duckdb.tokenize(text) if "comment" not in str(kind)]
    words = [
        source[at:end].split(b"--")[0].split(b"/*")[0].strip().lower().decode()
        for (at, _), (end, _) in zip(tokens, [*tokens[1:], (len(source), None)], strict=True)
    ]
    place = 1
    if words[place : place + 1] == ["analyze"]:
        place += 1
    elif words[place : place + 1] == ["("] and set(words[place + 1 : place + 2]) & _OPTIONS:
        place = words.index(")") + 1
    return tokens[place][0] if place < len(tokens) else len(source)


class Check:
    """Looks up what a query names, in one instance; raises at the first thing it may not read.

    Args:
        native: The connection that will run it.
        database: The database that bare names belong to.
        foreign: Tables of other engines, as DuckDB has them: ``("orders", "items")``.
    """

    def __init__(
        self,
        native: duckdb.DuckDBPyConnection,
        reading: Reading,
        *,
        database: str | None = None,
        foreign: Iterable[tuple[str, str]] = (),
    ) -> None:
        self._native = native
        self._reading = reading
        self._database = (database or "").lower()
        self._foreign = {("memory", schema.lower(), table.lower()) for schema, table in foreign}
        self._relations = dict(_relations(native))
        self._own: dict[str, list[tuple[str, str | None]]] | None = None
        self._seen: set[str] = set()

    def run(self) -> None:
        """Check the query.

        Raises:
            QueryRefusedError: If it names what isn't there, or what it may not read or call.
        """
        tree = self._reading.tree
        for what in tree.shows:
            if what not in LISTS:
                raise self._refusal(f"SHOW {what} lists more than tables")
        for name in tree.tables:
            self._table(name, tree)
        for function in tree.functions:
            self._function(function, via="")

    def _table(self, name: TableName, tree: QueryTree) -> None:
        path = tuple(part.lower() for part in name.path)
        if len(path) == 1 and path[0] in tree.inner and not _FILE_SIGNS & set(path[0]):
            return
        found = [key for key in self._relations if self._fits(path, key)]
        if not found:
            raise self._missing(name)
        for key in found:
            self._view(key)

    def _fits(self, path: tuple[str, ...], key: tuple[str, str, str]) -> bool:
        """Return whether DuckDB takes a path for a table; if for none, it would look for files."""
        database, schema, table = key
        if path[-1] != table or len(path) > 3:
            return False
        if len(path) == 3:
            return path == key
        here = {"system", self._database}
        if len(path) == 2:
            return (path[0], "main") == (database, schema) or (
                path[0] == schema and database in here | {"memory"}
            )
        return database in here or (database, schema) == ("memory", self._database)

    def _view(self, key: tuple[str, str, str]) -> None:
        """Check the query that a view stands for."""
        text = self._relations[key]
        if text is None or key in self._foreign:
            return
        at = next(
            (at for at, _ in duckdb.tokenize(text) if text.encode()[at : at + 3] == b"AS "), 0
        )
        self._inside(text.encode()[at + 3 :].decode(), via=f"the view {key[2]}")

    def _inside(self, text: str, *, via: str) -> None:
        """Check a text that views and macros of modules, or of DuckDB, stand for."""
        if text in self._seen:
            return
        self._seen.add(text)
        tree = tree_of(self._native, text)
        if tree is None or tree.unknown:
            raise self._refusal(f"{via} does more than read tables")
        for name in tree.tables:
            path = tuple(part.lower() for part in name.path)
            found = [
                key for key in self._relations if key[-len(path) :] == path or key[::2] == path
            ]
            if not found and not (len(path) == 1 and path[0] in tree.inner):
                raise self._refusal(f"{via} reads {name}, which is no table")
            for key in found:
                self._view(key)
        for function in tree.functions:
            self._function(function, via=via)

    def _function(self, called: FunctionName, *, via: str) -> None:
        name, known = called.name, built_in()
        own: list[tuple[str, str | None]] = []
        if called.qualified or via or name not in known.names:
            own = self._functions_of_modules().get(name, [])
        macros = (known.table_macros if called.table else known.macros).get(name, ())
        allowed = name in (SOURCES if called.table else known.allowed)
        if not (allowed or macros or own) or any(text is None for _, text in own):
            raise self._refusal(self._why_not(name, via, known.names), called.at)
        texts = [(text, called.table) for text in macros]
        texts += [(text, kind == "table_macro") for kind, text in own if text is not None]
        for text, is_table in texts:
            self._inside(text if is_table else f"SELECT {text}", via=via or f"{name}()")

    @staticmethod
    def _why_not(name: str, via: str, names: Iterable[str]) -> str:
        what = f"{via} calls {name}()" if via else f"it calls {name}()"
        if name in names or via:
            return f"{what}, which may do more than read tables"
        hint = near(name, (one for one in names if one.isidentifier())).rstrip()
        return f"{what}, and there is no such function{f'; {hint}' if hint else ''}"

    def _functions_of_modules(self) -> dict[str, list[tuple[str, str | None]]]:
        """Return the functions and macros that sessions of modules made: name → kind, SQL."""
        if self._own is None:
            self._own = {}
            rows = self._native.execute(
                "SELECT lower(function_name), function_type, macro_definition "
                "FROM duckdb_functions() WHERE NOT internal"
            ).fetchall()
            for name, kind, text in rows:
                self._own.setdefault(name, []).append((kind, text))
        return self._own

    def _missing(self, name: TableName) -> QueryRefusedError:
        tables = [
            f"{schema if database == 'memory' else database}.{table}"
            for database, schema, table in self._relations
            if database not in ("system", "temp")
        ]
        hint = near(str(name), tables, cutoff=0.5).rstrip()
        if not hint:  # the table alone may be near
            hint = near(name.path[-1], {one.rpartition(".")[2] for one in tables}).rstrip()
        why = f"there is no table {name}" + (f"; {hint}" if hint else "")
        return self._refusal(why, name.at)

    def _refusal(self, why: str, at: int | None = None) -> QueryRefusedError:
        place = None if at is None else at + self._reading.start
        return refusal(self._reading.text, why, at=place)


def _relations(
    native: duckdb.DuckDBPyConnection,
) -> Iterator[tuple[tuple[str, str, str], str | None]]:
    """Yield all tables and views: database, schema and name → the SQL of a view."""
    rows = native.execute(
        "SELECT database_name, schema_name, table_name, NULL FROM duckdb_tables() UNION ALL "
        "SELECT database_name, schema_name, view_name, sql FROM duckdb_views()"
    ).fetchall()
    for database, schema, table, text in rows:
        yield (database.lower(), schema.lower(), table.lower()), text
