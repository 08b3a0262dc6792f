"""Makes missing tables on engines that `compare` can't read yet; called by `compare` and `apply`.

TEMPORARY: it goes away with a comparison that speaks to every engine. Until then a table that
exists is taken as it is.
"""

from __future__ import annotations

from sqlalchemy import Connection, MetaData, Table, inspect


def is_compared(connection: Connection) -> bool:
    """Return whether `compare` reads the catalogue of a connection's engine."""
    return connection.dialect.name not in ("postgresql", "sqlite")


def missing_tables(connection: Connection, metadata: MetaData) -> list[Table]:
    """Return the tables of models that a database lacks, referred ones first."""
    inspector = inspect(connection)
    return [
        table
        for table in metadata.sorted_tables
        if not inspector.has_table(table.name, schema=table.schema)
    ]


def create_tables(connection: Connection, tables: list[Table]) -> None:
    """Make tables with all that belongs to them, such as types and indexes."""
    if tables:
        tables[0].metadata.create_all(connection, tables=tables, checkfirst=True)
