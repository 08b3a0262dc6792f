"""TEMPORARY: compares models with tables until `schema` speaks alembic."""

from __future__ import annotations

from alembic.autogenerate import produce_migrations
from alembic.operations import MigrateOperation, ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData


def difference(connection: Connection, metadata: MetaData) -> list[MigrateOperation]:
    """Return what would make the tables what the models say."""
    context = MigrationContext.configure(
        connection,
        opts={
            "target_metadata": metadata,
            "include_name": lambda name, kind, _: (
                kind != "table" or not str(name).startswith("modframe_")
            ),
        },
    )
    upgrade = produce_migrations(context, metadata).upgrade_ops
    found: list[MigrateOperation] = []
    for one in upgrade.ops if upgrade else ():
        found += one.ops if isinstance(one, ops.ModifyTableOps) else [one]
    return found
