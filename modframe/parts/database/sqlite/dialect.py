"""The async SQLite dialect, over SQLAlchemy's; SQLAlchemy loads it as ``modframe_sqlite://``.

Comes in: statements that SQLAlchemy compiles. Goes out: SQLite's SQL, with the meaning that it has
on the other engines. Connections come from the ``creator`` of an engine; `SQLiteStore` makes both.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NoReturn

from sqlalchemy import util
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler, SQLiteDDLCompiler
from sqlalchemy.engine import URL
from sqlalchemy.pool import AsyncAdaptedQueuePool, Pool

from ..errors import DatabaseOpenError
from ..names import quoted
from .decimals import COLLATION, SUM
from .types import COLSPECS, REFLECTED, TypeCompiler, is_text

NAME = "modframe_sqlite"
URL_TEXT = f"{NAME}://"

DBAPI = SQLiteDialect_aiosqlite.import_dbapi()
"""The driver as SQLAlchemy sees it: the names of its exceptions."""

registry.register(NAME, __name__, "ModframeSQLite")


class Compiler(SQLiteCompiler):
    """Statements; sums keep all digits of numbers that are texts."""

    def visit_sum_func(self, fn: Any, **kw: Any) -> str:
        """Return ``sum(...)``."""
        return f"{SUM if is_text(fn.type) else 'sum'}{self.function_argspec(fn, **kw)}"


class DDLCompiler(SQLiteDDLCompiler):
    """Tables; an integer key of any size is ``INTEGER``, the one type that SQLite numbers."""

    def get_column_specification(self, column: Any, **kwargs: Any) -> str:
        """Return a column's line in ``CREATE TABLE``."""
        text = str(super().get_column_specification(column, **kwargs))  # type: ignore[no-untyped-call]
        if column.table is not None and column is column.table.autoincrement_column:
            for wide in (" BIGINT", " SMALLINT"):
                text = text.replace(wide, " INTEGER", 1)
        if is_text(column.type.dialect_impl(self.dialect)):
            kind = self.dialect.type_compiler_instance.process(column.type)
            text = text.replace(kind, f"{kind} COLLATE {COLLATION}", 1)
        return text


class ModframeSQLite(SQLiteDialect_aiosqlite):
    """SQLite for ``AsyncSession``; never blocks the loop."""

    driver = "modframe"
    supports_statement_cache = True
    supports_native_decimal = True  # our types see to it
    statement_compiler = Compiler
    ddl_compiler = DDLCompiler
    type_compiler_cls = TypeCompiler
    colspecs = util.immutabledict({**SQLiteDialect_aiosqlite.colspecs, **COLSPECS})
    ischema_names = {  # noqa: RUF012  # SQLAlchemy's
        **SQLiteDialect_aiosqlite.ischema_names,
        **REFLECTED,
    }

    def get_indexes(self, connection: Any, table_name: str, *args: Any, **kw: Any) -> Any:
        """Return a table's indexes but those of expressions, without a warning about these."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Skipped unsupported reflection")
            return super().get_indexes(connection, table_name, *args, **kw)  # type: ignore[no-untyped-call]

    def get_foreign_keys(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        """Return a table's foreign keys; also of those that stand behind their column, which
        ``ADD COLUMN`` makes, with what becomes of a row when its parent goes or changes."""
        found = super().get_foreign_keys(connection, table_name, schema, **kw)  # type: ignore[no-untyped-call]
        if found:
            pragma = f"PRAGMA {quoted(schema)}." if schema else "PRAGMA "
            query = f"{pragma}foreign_key_list({quoted(table_name)})"
            rows = map(tuple, connection.exec_driver_sql(query))
            actions = {row[2:5]: {"onupdate": row[5], "ondelete": row[6]} for row in rows}
            for key in found:
                columns = (*key["constrained_columns"], *key["referred_columns"])
                said = actions.get((key["referred_table"], *columns), {})
                given = {name: what for name, what in said.items() if what != "NO ACTION"}
                key["options"] = {**given, **key["options"]}
        return found

    @classmethod
    def get_pool_class(cls, url: URL) -> type[Pool]:  # noqa: ARG003  # SQLAlchemy's
        return AsyncAdaptedQueuePool

    def connect(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: connections come from a creator, with the settings that all of them have."""
        raise DatabaseOpenError(
            f"an engine for {URL_TEXT!r} needs a creator",
            cure="use integrity_session(...), which has one",
            database="",
            path="",
        )

    def on_connect(self) -> Callable[[Any], None]:
        """Return nothing to do: the creator has done it."""
        return lambda _: None

    def do_begin(self, dbapi_connection: Any) -> None:
        """Begin a transaction with the next statement."""
        dbapi_connection.begin()

    def set_isolation_level(self, dbapi_connection: Any, level: Any) -> None:
        """Begin no transactions for ``AUTOCOMMIT``; SQLite's only other level is the default."""
        dbapi_connection.autocommit = level == "AUTOCOMMIT"

    def get_isolation_level(self, dbapi_connection: Any) -> Any:
        return "AUTOCOMMIT" if dbapi_connection.autocommit else "SERIALIZABLE"

    def detect_autocommit_setting(self, dbapi_conn: Any) -> bool:
        return bool(dbapi_conn.autocommit)
