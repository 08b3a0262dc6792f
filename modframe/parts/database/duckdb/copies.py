"""Copies of a database in DuckDB while it is used; called by `DuckDB`, on the instance's thread."""

from __future__ import annotations

from pathlib import Path

import duckdb

from ..names import literal, quoted


def save(root: duckdb.DuckDBPyConnection, database: str, path: Path) -> dict[str, int]:
    """Write what is committed into a new file; return table → how many rows it has."""
    copy = f"{database}_modframe_copy"
    with root.cursor() as native:
        native.execute(f"ATTACH {literal(str(path))} AS {quoted(copy)}")
        try:
            # One statement, so one moment; it keeps sequences, indexes and constraints.
            native.execute(f"COPY FROM DATABASE {quoted(database)} TO {quoted(copy)}")
            return _count_rows(native, copy)
        finally:
            native.execute(f"DETACH {quoted(copy)}")


def _count_rows(native: duckdb.DuckDBPyConnection, catalog: str) -> dict[str, int]:
    """Return the tables of a catalog, with a schema that is not ``main``, and their rows."""
    tables = native.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY 1, 2",
        [catalog],
    ).fetchall()
    counts = {}
    for schema, table in tables:
        name = ".".join(map(quoted, (catalog, schema, table)))
        row = native.execute(f"SELECT count(*) FROM {name}").fetchone() or (0,)
        counts[table if schema == "main" else f"{schema}.{table}"] = int(row[0])
    return counts
