"""How PostgreSQL alters tables: in place, in a transaction.

``ALTER TABLE`` waits for whoever uses the table, and others wait behind it; connections have a
``lock_timeout``, after which it gives up.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from alembic.operations import ops
from sqlalchemy import Connection, String, text

from ..alterations import Alterations

_STATE = text("""
WITH spaces AS (
    SELECT oid FROM pg_namespace WHERE nspname = current_schema() OR nspname = ANY(:schemas))
SELECT md5(coalesce(string_agg(entry, ';' ORDER BY entry), '')) FROM (
    SELECT c.oid || '.' || c.relname || '.' || a.attname || ' '
        || format_type(a.atttypid, a.atttypmod) || a.attnotnull || a.atthasdef AS entry
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace IN (SELECT oid FROM spaces) AND c.relkind IN ('r', 'p')
        AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL SELECT conrelid || conname || pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace IN (SELECT oid FROM spaces)
    UNION ALL SELECT pg_get_indexdef(i.indexrelid)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE c.relnamespace IN (SELECT oid FROM spaces)
    UNION ALL SELECT relname FROM pg_class
    WHERE relkind = 'S' AND relnamespace IN (SELECT oid FROM spaces)) AS entries
""")


class PostgresAlterations(Alterations):
    """How PostgreSQL alters tables."""

    title = "PostgreSQL"
    sequences = True

    def state(self, connection: Connection, schemas: Collection[str]) -> str:
        return str(connection.execute(_STATE, {"schemas": list(schemas)}).scalar_one())

    def widens(self, op: ops.AlterColumnOp) -> bool:
        """Return whether a text column gets longer: PostgreSQL enforces lengths."""
        old, new = op.existing_type, op.modify_type
        if not isinstance(old, String) or not isinstance(new, String):
            return False
        return new.length is None or (old.length is not None and old.length <= new.length)

    def native(self, connection: Connection, op: ops.MigrateOperation) -> ops.MigrateOperation:
        """Let a new type convert what is there: PostgreSQL does so by itself for few types."""
        if isinstance(op, ops.AlterColumnOp) and op.modify_type is not None:
            options: dict[str, Any] = op.kw
            column = connection.dialect.identifier_preparer.quote(op.column_name)
            kind = self.type_name(connection, op.modify_type)
            options.setdefault("postgresql_using", f"CAST({column} AS {kind})")
        return op


ALTERATIONS = PostgresAlterations
