"""`create`: makes the tables of models in a database that has none.

Called by `Databases.apply` for the databases of tests, and for the files of a backup. `apply`
compares first, and so takes longer.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, MetaData
from sqlalchemy.engine.mock import MockConnection
from sqlalchemy.schema import CreateSchema

from ..database import Database
from .changes import SchemaChange


async def create(database: Database, metadata: MetaData) -> SchemaChange:
    """Make all tables of models, with their sequences and indexes, in one transaction."""
    together = database.backend.takes_scripts
    async with database.use() as engine, engine.begin() as connection:
        await connection.run_sync(_create, metadata, together=together)
    database.tables = tuple(sorted(metadata.tables))
    return SchemaChange(database.name, tables=database.tables, engine=database.backend.name)


def _create(connection: Connection, metadata: MetaData, *, together: bool) -> None:
    for schema in sorted({table.schema for table in metadata.tables.values() if table.schema}):
        connection.execute(CreateSchema(schema))
    if not together:
        metadata.create_all(connection, checkfirst=False)
        return
    texts: list[str] = []

    def collect(statement: Any, *_: Any, **__: Any) -> None:
        texts.append(str(statement.compile(dialect=connection.dialect)))

    metadata.create_all(MockConnection(connection.dialect, collect), checkfirst=False)
    if texts:
        connection.exec_driver_sql(";".join(texts))
