"""Copies of a database in DuckDB while it is used; called by `DuckDB`, on the instance's thread."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from ..names import literal, quoted


def save(
    root: duckdb.DuckDBPyConnection,
    database: str,
    path: Path,
    *,
    confined: Sequence[Path] | None = None,
) -> dict[str, int]:
    """Write what is committed into a new file; return table → how many rows it has.

    If DuckDB is ``confined`` to folders, it writes beside the database's own file (that of one in
    memory in the first of them), and the file is moved from there.
    """
    if confined is None:
        return _write(root, database, path)
    folder = _folder(root, database) or confined[0]
    with TemporaryDirectory(prefix=".backup-", dir=folder) as beside:
        written = Path(beside) / path.name
        counts = _write(root, database, written)
        shutil.move(written, path)
    return counts


def _folder(root: duckdb.DuckDBPyConnection, database: str) -> Path | None:
    with root.cursor() as native:
        query = "SELECT path FROM duckdb_databases() WHERE database_name = ?"
        row = native.execute(query, [database]).fetchone()
    return Path(row[0]).parent if row is not None and row[0] else None


def _write(root: duckdb.DuckDBPyConnection, database: str, path: Path) -> dict[str, int]:
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
