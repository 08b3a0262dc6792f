"""Sets the counter of an integer key after keys that were written; for `Postgres.continue_keys`."""

from __future__ import annotations

from sqlalchemy import Column, Connection, Sequence, Table, func, select, text

_BEHIND = text("""
    SELECT (:highest - coalesce(pg_sequence_last_value(seqrelid), seqmin - 1)) / seqincrement
    FROM pg_sequence
    WHERE seqrelid = CAST(:sequence AS regclass) AND seqincrement > 0 AND seqmax >= :highest
""")
_LAST = text("""
    SELECT pg_sequence_last_value(coalesce(
        to_regclass(pg_get_serial_sequence(:table, :column)), to_regclass(:named)))
""")
_TAKE = text("SELECT count(nextval(CAST(:sequence AS regclass))) FROM generate_series(1, :behind)")
_SET = text("SELECT setval(CAST(:sequence AS regclass), :highest)")
_FEW = 1_000
"""Numbers that are taken one by one: others may take some at the same time, and none twice."""


def last_key(connection: Connection, table: Table) -> int:
    """Return the number that a key's sequence gave last; 0 if it gave none."""
    if (column := table.autoincrement_column) is None:
        return 0
    preparer = connection.dialect.identifier_preparer
    named = ""
    if isinstance(column.default, Sequence):
        named = preparer.format_sequence(column.default)
    known = {"table": preparer.format_table(table), "column": column.name, "named": named}
    return connection.scalar(_LAST, known) or 0


def continue_keys(connection: Connection, table: Table, after: int) -> None:
    """Let the key's sequence go on after the highest key of the table; it never goes back.

    The sequence is that of SERIAL or of an identity, or the model's own. One that counts down, or
    ends before that key, is left as it is.
    """
    column = table.autoincrement_column
    if column is None:
        return
    sequence = _sequence_of(connection, table, column)
    highest = max(connection.scalar(select(func.max(column))) or 0, after)
    if sequence is None or highest < 1:
        return
    known = {"sequence": sequence, "highest": highest}
    behind = connection.scalar(_BEHIND, known) or 0
    if behind > _FEW:
        connection.execute(_SET, known)
    elif behind > 0:
        connection.execute(_TAKE, {"sequence": sequence, "behind": behind})


def _sequence_of(connection: Connection, table: Table, column: Column[int]) -> str | None:
    """Return the quoted name of a key's sequence; ``None`` if it has none."""
    preparer = connection.dialect.identifier_preparer
    if isinstance(column.default, Sequence):
        return preparer.format_sequence(column.default)
    name = func.pg_get_serial_sequence(preparer.format_table(table), column.name)
    return connection.scalar(select(name))
