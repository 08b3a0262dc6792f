"""`BuiltIn`: the functions of DuckDB, and which of them a person's query may call.

Comes in: what a fresh DuckDB says of itself. Goes out: names. A function is allowed by what DuckDB
says of it: one whose value depends on its arguments alone can neither write nor wait. What else is
allowed is named here. Called by `reading`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import duckdb

VALUES = {"error", "gen_random_uuid", "random", "uuid", "uuidv4", "uuidv7"}
"""Allowed, though their value changes from call to call."""
SPREADING = {"unnest"}
"""Stands in expressions too, though DuckDB doesn't list it there."""
CLOSED = {"getvariable", "json_serialize_plan"}
"""Not allowed, though their value doesn't: they read variables, and files to plan a query."""
SOURCES = {
    "duckdb_columns", "duckdb_constraints", "duckdb_databases", "duckdb_dependencies",
    "duckdb_functions", "duckdb_indexes", "duckdb_keywords", "duckdb_schemas", "duckdb_sequences",
    "duckdb_tables", "duckdb_types", "duckdb_views", "generate_series", "icu_calendar_names",
    "json_each", "json_tree", "pg_timezone_names", "pragma_table_info", "range", "repeat",
    "repeat_row", "summary", "unnest",
}  # fmt: skip
"""What may stand where a table does: makers of rows, and lists of what tables there are."""


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """DuckDB's functions.

    Attributes:
        allowed: Those that stand in expressions and that a query may call.
        macros: Name → the SQL that each of them stands for.
        names: All of them.
    """

    allowed: frozenset[str]
    macros: dict[str, tuple[str, ...]]
    table_macros: dict[str, tuple[str, ...]]
    names: frozenset[str]


@lru_cache(maxsize=1)
def built_in() -> BuiltIn:
    """Return DuckDB's own functions, without those that modules or extensions add."""
    with duckdb.connect(":memory:") as instance:
        rows = instance.execute(
            "SELECT lower(function_name), function_type, "
            "bool_or(coalesce(stability, '') = 'VOLATILE'), "
            "list(macro_definition) FILTER (macro_definition IS NOT NULL) "
            "FROM duckdb_functions() GROUP BY ALL"
        ).fetchall()
    changing = {name for name, _, volatile, _ in rows if volatile} - VALUES
    plain = {name for name, kind, _, _ in rows if kind in ("scalar", "aggregate", "window")}
    return BuiltIn(
        allowed=frozenset(
            name
            for name in plain - changing - CLOSED | SPREADING
            if not name.startswith("__internal")
        ),
        macros={name: tuple(texts) for name, kind, _, texts in rows if kind == "macro"},
        table_macros={name: tuple(texts) for name, kind, _, texts in rows if kind == "table_macro"},
        names=frozenset(name for name, *_ in rows),
    )
