"""Reflection from DuckDB's own catalog functions; a mixin of the dialect, called by the inspector.

Comes in: a connection with a catalog in use. Goes out: SQLAlchemy's reflection dictionaries, all of
that catalog (``current_database()``), of the schema ``main`` unless another is given.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import exc, text
from sqlalchemy import types as sqltypes
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.engine.reflection import Inspector

_HERE = "database_name = current_database() AND schema_name = :schema"
_PART = re.compile(r"'((?:[^']|'')*)'|([^,\[\]'\s][^,\[\]]*)")
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)\Z")
_TYPES: dict[str, type[sqltypes.TypeEngine[Any]]] = {
    "BIGINT": sqltypes.BigInteger,
    "BLOB": sqltypes.LargeBinary,
    "BOOLEAN": sqltypes.Boolean,
    "DATE": sqltypes.Date,
    "DOUBLE": sqltypes.Double,
    "FLOAT": sqltypes.REAL,
    "HUGEINT": sqltypes.BigInteger,
    "INTEGER": sqltypes.Integer,
    "INTERVAL": sqltypes.Interval,
    "JSON": sqltypes.JSON,
    "SMALLINT": sqltypes.SmallInteger,
    "TIME": sqltypes.Time,
    "TIMESTAMP": sqltypes.DateTime,
    "TINYINT": sqltypes.SmallInteger,
    "UBIGINT": sqltypes.BigInteger,
    "UHUGEINT": sqltypes.BigInteger,
    "UINTEGER": sqltypes.BigInteger,
    "USMALLINT": sqltypes.Integer,
    "UTINYINT": sqltypes.SmallInteger,
    "UUID": sqltypes.Uuid,
    "VARCHAR": sqltypes.String,
}


def type_of(name: str) -> sqltypes.TypeEngine[Any]:
    """Return SQLAlchemy's type for the name of a DuckDB type.

    >>> type_of("DECIMAL(10,2)")
    Numeric(precision=10, scale=2)
    """
    if name.endswith("[]"):
        return sqltypes.ARRAY(type_of(name[:-2]))
    if name == "TIMESTAMP WITH TIME ZONE":
        return sqltypes.DateTime(timezone=True)
    if decimal := _DECIMAL.match(name):
        return sqltypes.Numeric(int(decimal[1]), int(decimal[2]))
    if name.startswith("TIMESTAMP"):
        return sqltypes.DateTime()
    if name.startswith("ENUM("):
        return sqltypes.Enum(*_labels(name), native_enum=False)
    return _TYPES.get(name, sqltypes.NullType)()


def _labels(name: str) -> list[str]:
    return [label.replace("''", "'") for label in re.findall(r"'((?:[^']|'')*)'", name)]


class Reflection:
    """The methods of a dialect that the inspector calls, over ``duckdb_tables()`` and its like."""

    inspector = Inspector
    get_multi_columns = DefaultDialect.get_multi_columns
    get_multi_pk_constraint = DefaultDialect.get_multi_pk_constraint
    get_multi_foreign_keys = DefaultDialect.get_multi_foreign_keys
    get_multi_indexes = DefaultDialect.get_multi_indexes
    get_multi_unique_constraints = DefaultDialect.get_multi_unique_constraints
    get_multi_check_constraints = DefaultDialect.get_multi_check_constraints
    get_multi_table_comment = DefaultDialect.get_multi_table_comment
    get_multi_table_options = DefaultDialect.get_multi_table_options
    has_multi_table = DefaultDialect.has_multi_table

    def _rows(self, connection: Any, query: str, schema: str | None, **values: str) -> list[Any]:
        schema = schema or "main"
        return list(connection.execute(text(query), {"schema": schema, **values}))

    def _names(self, connection: Any, kind: str, schema: str | None, *, temporary: bool) -> Any:
        where = "temporary" if temporary else f"{_HERE} AND NOT temporary"
        query = f"SELECT {kind}_name FROM duckdb_{kind}s() WHERE {where} AND NOT internal"
        if kind == "sequence":
            query = query.removesuffix(" AND NOT internal")
        return [name for (name,) in self._rows(connection, f"{query} ORDER BY 1", schema)]

    def get_schema_names(self, connection: Any, **_: Any) -> list[str]:
        query = (
            "SELECT schema_name FROM duckdb_schemas() "
            "WHERE database_name = current_database() AND NOT internal AND :schema != '' ORDER BY 1"
        )
        return [name for (name,) in self._rows(connection, query, None)] or ["main"]

    def has_schema(self, connection: Any, schema_name: str, **_: Any) -> bool:
        return schema_name == "main" or schema_name in self.get_schema_names(connection)

    def get_table_names(self, connection: Any, schema: str | None = None, **_: Any) -> list[str]:
        return list(self._names(connection, "table", schema, temporary=False))

    def get_temp_table_names(self, connection: Any, **_: Any) -> list[str]:
        return list(self._names(connection, "table", None, temporary=True))

    def get_view_names(self, connection: Any, schema: str | None = None, **_: Any) -> list[str]:
        return list(self._names(connection, "view", schema, temporary=False))

    def get_temp_view_names(self, connection: Any, **_: Any) -> list[str]:
        return list(self._names(connection, "view", None, temporary=True))

    def get_materialized_view_names(self, connection: Any, **_: Any) -> list[str]:
        """Return none: DuckDB has no materialized views."""
        return []

    def get_sequence_names(self, connection: Any, schema: str | None = None, **_: Any) -> Any:
        return self._names(connection, "sequence", schema, temporary=False)

    def get_view_definition(
        self, connection: Any, view_name: str, schema: str | None = None, **_: Any
    ) -> str:
        query = f"SELECT sql FROM duckdb_views() WHERE {_HERE} AND view_name = :name"
        rows = self._rows(connection, query, schema, name=view_name)
        if not rows:
            raise exc.NoSuchTableError(view_name)
        return str(rows[0][0])

    def has_table(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> bool:
        """Return whether there is such a table or view, temporary ones included."""
        query = (
            f"SELECT table_name FROM duckdb_tables() WHERE table_name = :name AND ({_HERE} "
            f"OR temporary) UNION ALL SELECT view_name FROM duckdb_views() "
            f"WHERE view_name = :name AND ({_HERE} OR temporary)"
        )
        return bool(self._rows(connection, query, schema, name=table_name))

    def has_sequence(
        self, connection: Any, sequence_name: str, schema: str | None = None, **_: Any
    ) -> bool:
        return sequence_name in self.get_sequence_names(connection, schema)

    def has_type(self, connection: Any, type_name: str, *_: Any, **__: Any) -> bool:
        query = "SELECT 1 FROM duckdb_types() WHERE type_name = :name AND :schema != ''"
        return bool(self._rows(connection, query, None, name=type_name))

    def get_columns(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> list[dict[str, Any]]:
        query = (
            "SELECT column_name, data_type, is_nullable, column_default, comment "
            f"FROM duckdb_columns() WHERE {_HERE} AND table_name = :name ORDER BY column_index"
        )
        rows = self._rows(connection, query, schema, name=table_name)
        if not rows:
            raise exc.NoSuchTableError(table_name)
        return [
            {
                "name": name,
                "type": type_of(kind),
                "nullable": nullable,
                "default": default,
                "autoincrement": bool(default and "nextval(" in default),
                "comment": comment,
            }
            for name, kind, nullable, default, comment in rows
        ]

    def _constraints(
        self, connection: Any, kind: str, table_name: str, schema: str | None
    ) -> list[Any]:
        if not self.has_table(connection, table_name, schema):
            raise exc.NoSuchTableError(table_name)
        query = (
            "SELECT constraint_name, constraint_column_names, referenced_table, "
            f"referenced_column_names, expression FROM duckdb_constraints() WHERE {_HERE} "
            "AND table_name = :name AND constraint_type = :kind ORDER BY constraint_index"
        )
        return self._rows(connection, query, schema, name=table_name, kind=kind)

    def get_pk_constraint(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> dict[str, Any]:
        for name, columns, *_rest in self._constraints(
            connection, "PRIMARY KEY", table_name, schema
        ):
            return {"name": name, "constrained_columns": list(columns)}
        return {"name": None, "constrained_columns": []}

    def get_foreign_keys(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> list[dict[str, Any]]:
        """Return a table's foreign keys; in DuckDB they refer to the same schema."""
        rows = self._constraints(connection, "FOREIGN KEY", table_name, schema)
        return [
            {
                "name": name,
                "constrained_columns": list(columns),
                "referred_schema": schema,
                "referred_table": table,
                "referred_columns": list(others),
                "options": {},
            }
            for name, columns, table, others, _expression in rows
        ]

    def get_unique_constraints(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> list[dict[str, Any]]:
        rows = self._constraints(connection, "UNIQUE", table_name, schema)
        return [{"name": name, "column_names": list(columns)} for name, columns, *_rest in rows]

    def get_check_constraints(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> list[dict[str, Any]]:
        rows = self._constraints(connection, "CHECK", table_name, schema)
        return [{"name": name, "sqltext": rest[-1]} for name, *rest in rows]

    def get_indexes(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> list[dict[str, Any]]:
        """Return a table's indexes, without those of its constraints."""
        if not self.has_table(connection, table_name, schema):
            raise exc.NoSuchTableError(table_name)
        query = (
            "SELECT index_name, is_unique, expressions FROM duckdb_indexes() "
            f"WHERE {_HERE} AND table_name = :name ORDER BY index_name"
        )
        rows = self._rows(connection, query, schema, name=table_name)
        columns = {column["name"] for column in self.get_columns(connection, table_name, schema)}
        return [_index(name, unique, parts, columns) for name, unique, parts in rows]

    def get_table_comment(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> dict[str, Any]:
        query = f"SELECT comment FROM duckdb_tables() WHERE {_HERE} AND table_name = :name"
        rows = self._rows(connection, query, schema, name=table_name)
        if not rows:
            raise exc.NoSuchTableError(table_name)
        return {"text": rows[0][0]}

    def get_table_options(self, *_: Any, **__: Any) -> dict[str, Any]:
        """Return none: DuckDB has no table options."""
        return {}


def _index(name: str, unique: object, parts: str, columns: set[str]) -> dict[str, Any]:
    """Make an index of DuckDB's text for its parts, such as ``[a, '"by"', '(a + 1)']``."""
    expressions = [_part(part) for part in _PART.findall(parts)]
    names: list[str | None] = [part if part in columns else None for part in expressions]
    index: dict[str, Any] = {"name": name, "unique": bool(unique), "column_names": names}
    if None in names:
        index["expressions"] = expressions
    return index


def _part(groups: tuple[str, str]) -> str:
    part = (groups[0].replace("''", "'") or groups[1]).strip()
    return part[1:-1].replace('""', '"') if part.startswith('"') else part
