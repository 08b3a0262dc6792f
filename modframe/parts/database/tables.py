"""The tables of the catalog in use, read from DuckDB's own catalog functions; called by `schema`.

Names are in lower case, as DuckDB compares them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Column, Connection, Table

Key = tuple[str, str]
"""Schema and table, in lower case."""


@dataclass(slots=True)
class TableFacts:
    """A table as it is: column → (type, nullable, default), and its constraints."""

    columns: dict[str, tuple[str, bool, str | None]] = field(default_factory=dict)
    primary: tuple[str, ...] = ()
    uniques: set[frozenset[str]] = field(default_factory=set)
    foreign: set[tuple[tuple[str, ...], str, tuple[str, ...]]] = field(default_factory=set)
    checks: int = 0
    indexes: dict[str, bool] = field(default_factory=dict)
    referenced: bool = False


def lower(names: Iterable[str]) -> tuple[str, ...]:
    """Names in lower case."""
    return tuple(name.lower() for name in names)


def key_of(table: Table) -> Key:
    """A table's key."""
    return (table.schema or "main").lower(), table.name.lower()


def full_name(table: Table) -> str:
    """A table's name for people."""
    return f"{table.schema}.{table.name}" if table.schema else table.name


def ask(connection: Connection, what: str, columns: str) -> list[tuple[object, ...]]:
    """Rows of ``duckdb_<what>()`` about the catalog in use."""
    where = "database_name = current_database()"
    text = f"SELECT {columns} FROM duckdb_{what}() WHERE {where}"
    return [tuple(row) for row in connection.exec_driver_sql(text)]


def read_tables(connection: Connection) -> dict[Key, TableFacts]:
    """The tables of the catalog in use."""
    found: dict[Key, TableFacts] = {}
    head = "lower(schema_name), lower(table_name)"
    for schema, table in ask(connection, "tables", head):
        found[str(schema), str(table)] = TableFacts()
    columns = f"{head}, lower(column_name), data_type, is_nullable, column_default"
    for schema, table, name, kind, nullable, default in ask(connection, "columns", columns):
        if one := found.get((str(schema), str(table))):
            text = None if default is None else str(default)
            one.columns[str(name)] = (str(kind), bool(nullable), text)
    for schema, table, name, unique in ask(
        connection, "indexes", f"{head}, lower(index_name), is_unique"
    ):
        found[str(schema), str(table)].indexes[str(name)] = bool(unique)
    _read_constraints(connection, found)
    return found


def _read_constraints(connection: Connection, found: dict[Key, TableFacts]) -> None:
    rows = ask(
        connection,
        "constraints",
        "lower(schema_name), lower(table_name), constraint_type, constraint_column_names, "
        "lower(referenced_table), referenced_column_names",
    )
    for schema, table, kind, names, other, others in rows:
        one = found[str(schema), str(table)]
        columns = lower(names)  # type: ignore[arg-type]  # DuckDB's list of texts
        if kind == "PRIMARY KEY":
            one.primary = columns
        elif kind == "UNIQUE":
            one.uniques.add(frozenset(columns))
        elif kind == "CHECK":
            one.checks += 1
        elif kind == "FOREIGN KEY":
            one.foreign.add((columns, str(other), lower(others)))  # type: ignore[arg-type]
            if (target := found.get((str(schema), str(other)))) is not None:
                target.referenced = True


def canonical_types(connection: Connection, columns: list[Column[object]]) -> list[str]:
    """What DuckDB calls the models' types: it knows no lengths of texts, for example."""
    if not columns:
        return []
    compiler = connection.dialect.type_compiler_instance
    nulls = ", ".join(f"typeof(CAST(NULL AS {compiler.process(one.type)}))" for one in columns)
    row = connection.exec_driver_sql(f"SELECT {nulls}").one()
    return [str(kind) for kind in row]
