"""Takes the foreign keys out of a file that an earlier version made; called by `Catalog`.

Comes in: a connection with the file attached. Goes out: the same tables without them, in one
transaction: after a crash the file is as before or as after. DuckDB can't drop a constraint, so
tables are copied, those that others refer to last.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import duckdb

from ..names import literal, quoted

logger = logging.getLogger("modframe.database")

_NEW = "modframe_copy_without_references"


@dataclass(frozen=True, slots=True)
class _Table:
    """A table with foreign keys: the texts of those, and the tables that they refer to."""

    schema: str
    name: str
    text: str
    comment: str | None
    references: tuple[str, ...]
    parents: frozenset[tuple[str, str]]


def take_references_out(connection: duckdb.DuckDBPyConnection, catalog: str) -> list[str]:
    """Copy all tables of a catalog that have foreign keys; return their names.

    The connection is in no transaction.

    Raises:
        duckdb.Error: If it can't be done; nothing was changed.
    """
    tables = _with_references(connection, catalog)
    if not tables:
        return []
    cursor = connection.cursor()
    try:
        cursor.execute(f"USE {quoted(catalog)}.main")
        cursor.begin()
        for table in _children_first(tables):
            _copy(cursor, table)
        cursor.commit()
    finally:
        cursor.close()
    names = [table.name for table in tables]
    logger.info(
        "database %r: its foreign keys were taken out of %s; sessions check references now",
        catalog,
        ", ".join(names),
    )
    return names


def _with_references(connection: duckdb.DuckDBPyConnection, catalog: str) -> list[_Table]:
    rows = connection.execute(
        "SELECT schema_name, table_name, any_value(sql), any_value(comment), "
        "list(constraint_text), list(referenced_table) "
        "FROM duckdb_constraints() JOIN duckdb_tables() "
        "USING (database_name, schema_name, table_name) "
        "WHERE database_name = ? AND constraint_type = 'FOREIGN KEY' GROUP BY ALL",
        [catalog],
    ).fetchall()
    return [
        _Table(
            schema,
            name,
            text,
            comment,
            tuple(references),
            frozenset((schema, parent) for parent in parents),
        )
        for schema, name, text, comment, references, parents in rows
    ]


def _children_first(tables: list[_Table]) -> list[_Table]:
    """Return tables so that none comes before one that refers to it; there are no circles."""
    left, ordered = list(tables), []
    while left:
        for table in left:
            others = (other.parents for other in left if other is not table)
            if not any((table.schema, table.name) in parents for parents in others):
                break
        left.remove(table)
        ordered.append(table)
    return ordered


def _copy(cursor: duckdb.DuckDBPyConnection, table: _Table) -> None:
    """Copy a table, give the copy its name, and make its indexes and comments again."""
    schema = quoted(table.schema)
    old, new = f"{schema}.{quoted(table.name)}", f"{schema}.{quoted(_NEW)}"
    rows = cursor.execute(
        "SELECT column_name, comment FROM duckdb_columns() "
        "WHERE database_name = current_database() AND schema_name = ? AND table_name = ?",
        [table.schema, table.name],
    ).fetchall()
    comments = [(f"COLUMN {old}.{quoted(column)}", comment) for column, comment in rows]
    comments.append((f"TABLE {old}", table.comment))
    stored = ", ".join(quoted(column) for column in _stored_columns(cursor, table))
    indexes = cursor.execute(
        "SELECT sql FROM duckdb_indexes() WHERE database_name = current_database() "
        "AND schema_name = ? AND table_name = ? ORDER BY index_name",
        [table.schema, table.name],
    ).fetchall()
    cursor.execute(f"CREATE TABLE {new}{_body_without_references(table)}")
    cursor.execute(f"INSERT INTO {new} ({stored}) SELECT {stored} FROM {old}")
    cursor.execute(f"DROP TABLE {old}")
    cursor.execute(f"ALTER TABLE {new} RENAME TO {quoted(table.name)}")
    for (statement,) in indexes:
        cursor.execute(statement)
    for item, comment in comments:
        if comment is not None:
            cursor.execute(f"COMMENT ON {item} IS {literal(comment)}")


def _stored_columns(cursor: duckdb.DuckDBPyConnection, table: _Table) -> list[str]:
    """Return the columns that hold something; the others are computed."""
    rows = cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE is_generated = 'NEVER' "
        "AND table_catalog = current_database() AND table_schema = ? AND table_name = ? "
        "ORDER BY ordinal_position",
        [table.schema, table.name],
    ).fetchall()
    return [column for (column,) in rows]


def _body_without_references(table: _Table) -> str:
    """Return what follows the name in the table's CREATE statement, without foreign keys."""
    text = table.text
    for reference in table.references:
        text = text.replace(f", {reference}", "", 1)
    heads = (table.name, quoted(table.name))
    start = min(text.find(f"{head}(") + len(head) for head in heads if f"{head}(" in text)
    return text[start:]
