"""Reflection from DuckDB's own catalog functions; a mixin of the dialect, called by the inspector.

Comes in: a connection with a catalog in use. Goes out: SQLAlchemy's reflection dictionaries, all of
that catalog (``current_database()``), of the schema ``main`` unless another is given. An inspector
reads a schema once, however many tables it is asked about. Like DuckDB it finds names in any case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import exc, text
from sqlalchemy import types as sqltypes
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.engine.reflection import Inspector, cache

from .spelling import Spelling, by_lower, spell, spelling_of

_HERE = "database_name = current_database() AND lower(schema_name) = lower(:schema)"
_HERE_OR_TEMPORARY = f"({_HERE} OR database_name = 'temp')"
_PART = re.compile(r"'((?:[^'\\]|\\.)*)'|([^,\[\]'\s][^,\[\]]*)")
_ESCAPED = re.compile(r"\\(.)")
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


@dataclass(slots=True)
class _Table:
    """What the catalog has about one table, or about the columns of a view."""

    name: str
    is_table: bool = False
    comment: str | None = None
    columns: list[Any] = field(default_factory=list)
    constraints: list[Any] = field(default_factory=list)
    indexes: list[Any] = field(default_factory=list)

    def of_kind(self, kind: str) -> Iterator[Any]:
        """Yield its constraints of one kind, without the kind."""
        return (rest for found, *rest in self.constraints if found == kind)

    def spell(self, schema: str | None, spelling: Spelling) -> None:
        """Name it, its columns, indexes and constraints as models do."""
        columns, parts = spelling.columns(schema, self.name), spelling.parts(schema, self.name)
        self.name = spelling.table(schema, self.name)
        self.columns = [[spell(name, columns), *rest] for name, *rest in self.columns]
        self.indexes = [[spell(name, parts), *rest] for name, *rest in self.indexes]
        self.constraints = [
            [kind, name and spell(name, parts), [spell(each, columns) for each in of], *rest]
            for kind, name, of, *rest in self.constraints
        ]


_Tables = dict[tuple[str, bool], _Table]
"""By the lower case of their names and whether they are temporary."""

_TABLES = (
    "SELECT table_name, temporary, comment "
    f"FROM duckdb_tables() WHERE {_HERE_OR_TEMPORARY} ORDER BY 1"
)
_OF_TABLE = "SELECT table_name, database_name = 'temp'"
_COLUMNS = (
    f"{_OF_TABLE}, column_name, data_type, is_nullable, column_default, comment, "
    "generation_expression "
    f"FROM duckdb_columns() WHERE {_HERE_OR_TEMPORARY} ORDER BY table_name, column_index"
)
_CONSTRAINTS = (
    f"{_OF_TABLE}, constraint_type, constraint_name, constraint_column_names, "
    "referenced_table, referenced_column_names, expression "
    f"FROM duckdb_constraints() WHERE {_HERE_OR_TEMPORARY} ORDER BY table_name, constraint_index"
)
_INDEXES = (
    f"{_OF_TABLE}, index_name, is_unique, expressions "
    f"FROM duckdb_indexes() WHERE {_HERE_OR_TEMPORARY} ORDER BY table_name, index_name"
)
_PARTS = {"columns": _COLUMNS, "constraints": _CONSTRAINTS, "indexes": _INDEXES}


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

    def _tables(
        self,
        connection: Any,
        schema: str | None,
        *,
        info_cache: dict[Any, Any] | None = None,
        **_: Any,
    ) -> _Tables:
        """Return the tables of a schema and the temporary ones, and the columns of views."""
        key = ("modframe_tables", schema or "main")
        if info_cache is not None and key in info_cache:
            known: _Tables = info_cache[key]
            return known
        tables: _Tables = {}
        for name, temporary, comment in self._rows(connection, _TABLES, schema):
            tables[name.lower(), temporary] = _Table(name, is_table=True, comment=comment)
        for part, query in _PARTS.items():
            for name, temporary, *row in self._rows(connection, query, schema):
                table = tables.setdefault((name.lower(), temporary), _Table(name))
                getattr(table, part).append(row)
        for table in tables.values():
            table.spell(schema, spelling_of(connection))
        if info_cache is not None:
            info_cache[key] = tables
        return tables

    def _table(self, connection: Any, name: str, schema: str | None, **kw: Any) -> _Table:
        """Return a table or view; without a schema, a temporary one hides one that stays."""
        tables = self._tables(connection, schema, **kw)
        table = tables.get((name.lower(), True)) if schema is None else None
        table = table or tables.get((name.lower(), False))
        if table is None:
            raise exc.NoSuchTableError(name)
        return table

    def _names(self, connection: Any, kind: str, schema: str | None, *, temporary: bool) -> Any:
        where = "temporary" if temporary else f"{_HERE} AND NOT temporary"
        query = f"SELECT {kind}_name FROM duckdb_{kind}s() WHERE {where} AND NOT internal"
        if kind == "sequence":
            query = query.removesuffix(" AND NOT internal")
        return [name for (name,) in self._rows(connection, f"{query} ORDER BY 1", schema)]

    @cache
    def get_schema_names(self, connection: Any, **_: Any) -> list[str]:
        query = (
            "SELECT schema_name FROM duckdb_schemas() "
            "WHERE database_name = current_database() AND NOT internal AND :schema != '' ORDER BY 1"
        )
        schemas = spelling_of(connection).schemas
        found = [spell(name, schemas) for (name,) in self._rows(connection, query, None)]
        return found or ["main"]

    def has_schema(self, connection: Any, schema_name: str, **kw: Any) -> bool:
        names = by_lower(self.get_schema_names(connection, **kw))
        return schema_name.lower() in {"main", *names}

    def get_table_names(self, connection: Any, schema: str | None = None, **kw: Any) -> list[str]:
        tables = self._tables(connection, schema, **kw)
        return [
            table.name
            for (_, temporary), table in tables.items()
            if table.is_table and not temporary
        ]

    def get_temp_table_names(self, connection: Any, **_: Any) -> list[str]:
        return list(self._names(connection, "table", None, temporary=True))

    def get_view_names(self, connection: Any, schema: str | None = None, **_: Any) -> list[str]:
        return list(self._names(connection, "view", schema, temporary=False))

    def get_temp_view_names(self, connection: Any, **_: Any) -> list[str]:
        return list(self._names(connection, "view", None, temporary=True))

    def get_materialized_view_names(self, *_: Any, **__: Any) -> list[str]:
        """Return none: DuckDB has no materialized views."""
        return []

    def get_sequence_names(self, connection: Any, schema: str | None = None, **_: Any) -> Any:
        found = self._names(connection, "sequence", schema, temporary=False)
        names = spelling_of(connection).sequences(schema)
        return [spell(name, names) for name in found]

    def get_view_definition(
        self, connection: Any, view_name: str, schema: str | None = None, **_: Any
    ) -> str:
        where = _HERE_OR_TEMPORARY if schema is None else _HERE
        query = (
            f"SELECT sql FROM duckdb_views() WHERE {where} AND lower(view_name) = lower(:name) "
            "ORDER BY temporary DESC"
        )
        rows = self._rows(connection, query, schema, name=view_name)
        if not rows:
            raise exc.NoSuchTableError(view_name)
        return str(rows[0][0])

    @cache
    def has_table(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> bool:
        """Return whether there is such a table or view, temporary ones included."""
        query = (
            "SELECT table_name FROM duckdb_tables() WHERE lower(table_name) = lower(:name) "
            f"AND ({_HERE} OR temporary) UNION ALL SELECT view_name FROM duckdb_views() "
            f"WHERE lower(view_name) = lower(:name) AND ({_HERE} OR temporary) AND NOT internal"
        )
        return bool(self._rows(connection, query, schema, name=table_name))

    @cache
    def has_sequence(
        self, connection: Any, sequence_name: str, schema: str | None = None, **_: Any
    ) -> bool:
        return sequence_name.lower() in by_lower(self.get_sequence_names(connection, schema))

    def has_type(self, connection: Any, type_name: str, *_: Any, **__: Any) -> bool:
        query = "SELECT 1 FROM duckdb_types() WHERE type_name = :name AND :schema != ''"
        return bool(self._rows(connection, query, None, name=type_name))

    def get_columns(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[dict[str, Any]]:
        table = self._table(connection, table_name, schema, **kw)
        return [_column(row) for row in table.columns]

    def get_pk_constraint(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> dict[str, Any]:
        table = self._table(connection, table_name, schema, **kw)
        for name, columns, *_rest in table.of_kind("PRIMARY KEY"):
            return {"name": name, "constrained_columns": list(columns)}
        return {"name": None, "constrained_columns": []}

    def get_foreign_keys(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[dict[str, Any]]:
        """Return a table's foreign keys; in DuckDB they refer to the same schema."""
        rows = self._table(connection, table_name, schema, **kw).of_kind("FOREIGN KEY")
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
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[dict[str, Any]]:
        rows = self._table(connection, table_name, schema, **kw).of_kind("UNIQUE")
        return [{"name": name, "column_names": list(columns)} for name, columns, *_rest in rows]

    def get_check_constraints(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[dict[str, Any]]:
        """Return a table's checks; DuckDB doesn't keep the names that they were given."""
        rows = self._table(connection, table_name, schema, **kw).of_kind("CHECK")
        return [{"name": None, "sqltext": rest[-1]} for _name, *rest in rows]

    def get_indexes(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[dict[str, Any]]:
        """Return a table's indexes, without those of its constraints."""
        table = self._table(connection, table_name, schema, **kw)
        columns = by_lower(name for name, *_rest in table.columns)
        return [_index(name, unique, parts, columns) for name, unique, parts in table.indexes]

    def get_table_comment(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> dict[str, Any]:
        return {"text": self._table(connection, table_name, schema, **kw).comment}

    def get_table_options(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> dict[str, Any]:
        """Return none: DuckDB has no table options."""
        self._table(connection, table_name, schema, **kw)
        return {}


def _column(row: Iterable[Any]) -> dict[str, Any]:
    """Make a column of its row of `_COLUMNS`; what computes it is no default."""
    name, kind, nullable, default, comment, computed = row
    column = {
        "name": name,
        "type": type_of(kind),
        "nullable": nullable,
        "default": None if computed else default,
        "autoincrement": bool(default and "nextval(" in default),
        "comment": comment,
    }
    return column | ({"computed": {"sqltext": computed}} if computed else {})


def _index(name: str, unique: object, parts: str, columns: dict[str, str]) -> dict[str, Any]:
    """Make an index of DuckDB's text for its parts, such as ``[a, '"by"', '(a + 1)']``."""
    expressions = index_parts(parts)
    names = [columns.get(part.lower()) for part in expressions]
    index: dict[str, Any] = {"name": name, "unique": bool(unique), "column_names": names}
    if None in names:
        index["expressions"] = expressions
    return index


def index_parts(parts: str) -> list[str]:
    """Return the columns and expressions of an index, from DuckDB's text for them."""
    return [_part(part) for part in _PART.findall(parts)]


def _part(groups: tuple[str, str]) -> str:
    part = (_ESCAPED.sub(r"\1", groups[0]) or groups[1]).strip()
    return part[1:-1].replace('""', '"') if part.startswith('"') else part
