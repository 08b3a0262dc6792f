"""Numbers integer keys: DuckDB has no SERIAL, so each key gets a sequence; for `DuckDB.adapt`."""

from __future__ import annotations

from sqlalchemy import (
    Connection,
    DefaultClause,
    Integer,
    MetaData,
    Sequence,
    Table,
    func,
    select,
    text,
)

_LAST = text("""
    SELECT last_value, start_value - 1 FROM duckdb_sequences()
    WHERE database_name = current_database() AND sequence_name = :name
""")


def number_keys(metadata: MetaData) -> None:
    """Give each table's integer key a sequence and a server default, where it has neither."""
    for table in metadata.tables.values():
        _number_key(table, metadata)


def _number_key(table: Table, metadata: MetaData) -> None:
    column = table.autoincrement_column
    if column is None or column.default is not None or not isinstance(column.type, Integer):
        return
    if column.server_default is not None and column.identity is None:
        return
    sequence = Sequence(f"{table.name}_{column.name}_seq", metadata=metadata, schema=table.schema)
    sequence.column = column
    column.default = sequence  # part of an INSERT, so that the keys of a batch keep their order
    column.identity = None
    column.server_default = DefaultClause(sequence.next_value())  # for an INSERT in plain SQL
    column.server_default.column = column
    column.autoincrement = True


def last_key(connection: Connection, table: Table) -> int:
    """Return the number that a key's sequence gave last; 0 if it gave none."""
    if (column := table.autoincrement_column) is None:
        return 0
    name = f"{table.name}_{column.name}_seq"  # as `number_keys` calls it, unless the model does
    if isinstance(column.default, Sequence):
        name = column.default.name
    found = connection.execute(_LAST, {"name": name}).first()
    return (found[0] or 0) if found is not None else 0


def continue_keys(connection: Connection, table: Table, after: int) -> None:
    """Take numbers from a key's sequence, until the next one is above all keys of the table.

    DuckDB has no way to set a sequence that a table uses.
    """
    column = table.autoincrement_column
    if column is None or not isinstance(column.default, Sequence):
        return
    highest: int = max(connection.scalar(select(func.max(column))) or 0, after)
    found = connection.execute(_LAST, {"name": column.default.name}).first()
    if found is None:
        return
    last, first = found
    behind = highest - (first if last is None else last)
    if behind > 0:
        name = connection.dialect.identifier_preparer.format_sequence(column.default)
        connection.exec_driver_sql("SELECT count(nextval($1)) FROM range($2)", (name, int(behind)))
