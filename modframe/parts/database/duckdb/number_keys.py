"""Numbers integer keys: DuckDB has no SERIAL, so each key gets a sequence; for `DuckDB.adapt`."""

from __future__ import annotations

from sqlalchemy import DefaultClause, Integer, MetaData, Sequence, Table


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
