"""`fingerprint_of`: what of models matters to tables, as a short text.

Two generations with the same fingerprint need the same tables, so that a database which fits one
fits the other. Called by `apply`, at each load: it asks no database and compiles no statement.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, MetaData, Table


def fingerprint_of(metadata: MetaData) -> str:
    """Return the fingerprint of models; equal for models that need the same tables."""
    facts = [_table(table) for table in metadata.tables.values()]
    facts += sorted((item.schema or "", item.name) for item in metadata._sequences.values())
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _table(table: Table) -> tuple[Any, ...]:
    return (
        table.schema,
        table.name,
        [_column(column) for column in table.columns],
        sorted(repr(tuple(_constraint(each))) for each in _constraints(table)),
        sorted(
            repr(
                (
                    index.name,
                    index.unique,
                    list(map(str, index.expressions)),
                    dict(index.dialect_kwargs),
                    getattr(index, "_ddl_if", None),
                )
            )
            for index in table.indexes
        ),
    )


def _constraints(table: Table) -> Iterator[Any]:
    """Yield the constraints of a table, and the checks that stand in its columns."""
    yield from table.constraints
    for column in table.columns:
        yield from column.constraints


def _column(column: Column[Any]) -> tuple[Any, ...]:
    default = column.default
    server_default = column.server_default
    return (
        column.name,
        repr(column.type),
        repr(getattr(column.type, "_variant_mapping", None) or ""),
        column.nullable,
        repr(getattr(default, "arg", "")) if getattr(default, "is_scalar", False) else "",
        str(getattr(server_default, "arg", "")) if server_default is not None else None,
        str(column.computed.sqltext) if column.computed is not None else None,
    )


def _constraint(constraint: Any) -> Iterator[Any]:
    yield type(constraint).__name__
    yield constraint.name if isinstance(constraint.name, str) else None
    yield getattr(constraint, "_ddl_if", None)
    if isinstance(constraint, CheckConstraint):
        yield str(constraint.sqltext)
        return
    yield [column.name for column in constraint.columns]
    if isinstance(constraint, ForeignKeyConstraint):
        yield [element.target_fullname for element in constraint.elements]
        yield constraint.ondelete, constraint.onupdate
