"""Reads the tables of the catalog in use from DuckDB's catalog functions; called by `schema`.

Names are in lower case, since DuckDB ignores case.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Column, Connection, Table

Key = tuple[str, str]
"""Schema and table, in lower case."""


@dataclass(slots=True)
class TableFacts:
    """A table in the database: column → (type, nullable, default), and its constraints."""

    columns: dict[str, tuple[str, bool, str | None]] = field(default_factory=dict)
    primary: tuple[str, ...] = ()
    uniques: set[frozenset[str]] = field(default_factory=set)
    foreign: set[tuple[tuple[str, ...], str, tuple[str, ...]]] = field(default_factory=set)
    checks: int = 0
    indexes: dict[str, bool] = field(default_factory=dict)
    referenced: bool = False


def lower(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)


def key_of(table: Table) -> Key:
    return (table.schema or "main").lower(), table.name.lower()


def full_name(table: Table) -> str:
    """Return a table's name with its schema, if it names one."""
    return f"{table.schema}.{table.name}" if table.schema else table.name


def ask(connection: Connection, what: str, columns: str) -> list[tuple[object, ...]]:
    """Return the rows of ``duckdb_<what>()`` for the catalog in use."""
    where = "database_name = current_database()"
    text = f"SELECT {columns} FROM duckdb_{what}() WHERE {where}"
    return [tuple(row) for row in connection.exec_driver_sql(text)]


def read_tables(connection: Connection) -> dict[Key, TableFacts]:
    tables: dict[Key, TableFacts] = {}
    head = "lower(schema_name), lower(table_name)"
    for schema, table in ask(connection, "tables", head):
        tables[str(schema), str(table)] = TableFacts()
    columns = f"{head}, lower(column_name), data_type, is_nullable, column_default"
    for schema, table, name, kind, nullable, default in ask(connection, "columns", columns):
        if facts := tables.get((str(schema), str(table))):
            text = None if default is None else str(default)
            facts.columns[str(name)] = (str(kind), bool(nullable), text)
    for schema, table, name, unique in ask(
        connection, "indexes", f"{head}, lower(index_name), is_unique"
    ):
        tables[str(schema), str(table)].indexes[str(name)] = bool(unique)
    _read_constraints(connection, tables)
    return tables


def _read_constraints(connection: Connection, tables: dict[Key, TableFacts]) -> None:
    rows = ask(
        connection,
        "constraints",
        "lower(schema_name), lower(table_name), constraint_type, constraint_column_names, "
        "lower(referenced_table), referenced_column_names",
    )
    for schema, table, kind, names, other, others in rows:
        facts = tables[str(schema), str(table)]
        columns = lower(names)  # type: ignore[arg-type]  # DuckDB's list of texts
        if kind == "PRIMARY KEY":
            facts.primary = columns
        elif kind == "UNIQUE":
            facts.uniques.add(frozenset(columns))
        elif kind == "CHECK":
            facts.checks += 1
        elif kind == "FOREIGN KEY":
            facts.foreign.add((columns, str(other), lower(others)))  # type: ignore[arg-type]
            if (target := tables.get((str(schema), str(other)))) is not None:
                target.referenced = True


def canonical_types(connection: Connection, columns: list[Column[object]]) -> list[str]:
    """Return DuckDB's names for the types of models; it ignores lengths of texts, for example."""
    if not columns:
        return []
    compiler = connection.dialect.type_compiler_instance
    nulls = ", ".join(
        f"typeof(CAST(NULL AS {compiler.process(column.type)}))" for column in columns
    )
    row = connection.exec_driver_sql(f"SELECT {nulls}").one()
    return [str(kind) for kind in row]
