"""Checks references of tables after all rows are written; for `Postgres.references_later`.

Rows of a table may refer to later rows of it. A constraint can be checked at the end only if it is
deferrable, so those that aren't are made so for the transaction.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ..names import quoted

_STRICT = text("""
SELECT r.relname, c.conname FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid
JOIN pg_namespace n ON n.oid = r.relnamespace
WHERE c.contype = 'f' AND NOT c.condeferrable AND c.conparentid = 0
AND n.nspname = current_schema() AND r.relname = ANY(:tables) ORDER BY 1, 2
""")


@asynccontextmanager
async def references_later(
    connection: AsyncConnection, tables: Sequence[Table]
) -> AsyncIterator[None]:
    """Check the foreign keys of tables at the end of the block; the caller rolls an error back."""
    names = [table.name for table in tables]
    strict = (await connection.execute(_STRICT, {"tables": names})).all()

    async def alter(how: str) -> None:
        for table, constraint in strict:
            await connection.exec_driver_sql(
                f"ALTER TABLE {quoted(table)} ALTER CONSTRAINT {quoted(constraint)} {how}"
            )

    await alter("DEFERRABLE")
    await connection.exec_driver_sql("SET CONSTRAINTS ALL DEFERRED")
    yield
    await connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
    await alter("NOT DEFERRABLE")
