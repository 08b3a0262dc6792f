"""The async DuckDB dialect, over duckdb-engine's; SQLAlchemy loads it as ``modframe_duckdb://``.

Comes in: statements that SQLAlchemy compiles. Goes out: DuckDB's SQL, with its keywords quoted.
Connections come from the ``creator`` of an engine, and `Catalog` makes the engines.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NoReturn

import duckdb
import duckdb_engine
from sqlalchemy import ForeignKeyConstraint, util
from sqlalchemy import types as sqltypes
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import (
    PGCompiler,
    PGDDLCompiler,
    PGExecutionContext,
    PGIdentifierPreparer,
    PGTypeCompiler,
)
from sqlalchemy.engine import URL
from sqlalchemy.engine.default import DefaultDialect, DefaultExecutionContext
from sqlalchemy.pool import AsyncAdaptedQueuePool, Pool
from sqlalchemy.sql import compiler

from ..errors import UnsupportedByDuckDBError
from .reflection import Reflection
from .types import COLSPECS

NAME = "modframe_duckdb"
URL_TEXT = f"{NAME}://"


registry.register(NAME, __name__, "ModframeDuckDB")


@lru_cache(maxsize=1)
def keywords() -> frozenset[str]:
    """Return DuckDB's keywords, of all categories: quoting a name without need does no harm."""
    with duckdb.connect(":memory:") as instance:
        rows = instance.execute("SELECT keyword_name FROM duckdb_keywords()").fetchall()
    return frozenset(name for (name,) in rows)


class IdentifierPreparer(duckdb_engine.DuckDBIdentifierPreparer):
    """Quotes every name that is a keyword of DuckDB."""

    def __init__(self, dialect: Any, **kwargs: Any) -> None:
        # not duckdb-engine's own, which uses the process's default connection
        PGIdentifierPreparer.__init__(self, dialect, **kwargs)
        self.reserved_words = self.reserved_words | keywords()


class TypeCompiler(PGTypeCompiler):
    """Names of types; `Float` is a 64-bit ``DOUBLE``, since DuckDB's ``FLOAT`` has 32 bits."""

    def visit_FLOAT(self, type_: Any, **kw: Any) -> str:  # noqa: N802 - the name SQLAlchemy calls
        """Return ``DOUBLE``, or ``REAL`` for a precision of 24 bits or less."""
        return "DOUBLE" if type_.precision is None or type_.precision > 24 else "REAL"

    def visit_INTERVAL(self, type_: Any, **kw: Any) -> str:  # noqa: N802 - the name SQLAlchemy calls
        """Return ``INTERVAL``, which takes no precision."""
        return "INTERVAL"


class SQLCompiler(PGCompiler):
    """Expressions whose operators DuckDB writes otherwise than PostgreSQL."""

    def visit_bitwise_xor_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        """Return a call of ``xor``."""
        return f"xor({self.process(binary.left, **kw)}, {self.process(binary.right, **kw)})"

    def visit_json_path_getitem_op_binary(  # type: ignore[override]
        self, binary: Any, operator: Any, **kw: Any
    ) -> str:
        """Return the operator for one key: it takes a whole path too."""
        return str(self.visit_json_getitem_op_binary(binary, operator, **kw))  # type: ignore[no-untyped-call]


class ExecutionContext(PGExecutionContext):
    """Runs one statement; a key that an INSERT doesn't return is taken from its sequence."""

    def get_insert_default(self, column: Any) -> Any:
        """Return the value of a column's default, without a look at ``SERIAL``'s sequences."""
        return DefaultExecutionContext.get_insert_default(self, column)  # type: ignore[no-untyped-call]


class DDLCompiler(PGDDLCompiler):
    """Tables: a key has its type and its default, for DuckDB has no ``SERIAL``.

    They have no foreign keys, which make legal updates fail; sessions check references.
    """

    def visit_foreign_key_constraint(self, constraint: Any, **kw: Any) -> None:  # type: ignore[override]
        """Return nothing: a constraint without text is left out."""

    def visit_add_constraint(self, create: Any, **kw: Any) -> str:
        """Add a constraint; one of ``use_alter``, which is a foreign key, does nothing."""
        if isinstance(create.element, ForeignKeyConstraint):
            return "SELECT 1"
        return str(super().visit_add_constraint(create, **kw))  # type: ignore[no-untyped-call]

    def get_column_specification(self, column: Any, **kw: Any) -> str:
        """Return a column of a table as every engine but PostgreSQL writes it."""
        return compiler.DDLCompiler.get_column_specification(self, column, **kw)


class DBAPI(duckdb_engine.DBAPI):
    """The driver as SQLAlchemy sees it: the names of its exceptions."""

    DatabaseError = duckdb.DatabaseError
    IntegrityError = duckdb.IntegrityError
    OperationalError = duckdb.OperationalError
    InterfaceError = duckdb.Error
    ProgrammingError = duckdb.ProgrammingError
    InternalError = duckdb.InternalError
    DataError = duckdb.DataError
    NotSupportedError = duckdb.NotSupportedError


class ModframeDuckDB(Reflection, duckdb_engine.Dialect):  # type: ignore[misc]  # it answers less
    """DuckDB for ``AsyncSession``; never blocks the loop."""

    driver = "modframe"
    is_async = True
    has_terminate = True
    supports_statement_cache = True
    supports_sane_rowcount = True
    supports_sane_multi_rowcount = False
    supports_native_enum = (
        False  # DuckDB has enums, but not the catalog that PostgreSQL's type reads
    )
    supports_identity_columns = False
    supports_smallserial = True
    supports_constraint_comments = False
    sequences_optional = False
    returns_native_bytes = True
    supports_native_decimal = True
    # not psycopg2's, which reads the connection's notices
    execution_ctx_cls = ExecutionContext  # type: ignore[assignment]  # a base of it is psycopg2's
    statement_compiler = SQLCompiler
    preparer = IdentifierPreparer
    type_compiler_cls = TypeCompiler
    ddl_compiler = DDLCompiler
    colspecs = util.immutabledict(
        {
            kind: own
            for kind, own in duckdb_engine.Dialect.colspecs.items()
            if kind not in {sqltypes.Enum, sqltypes.ARRAY}
        }
        | COLSPECS
    )

    @classmethod
    def import_dbapi(cls) -> Any:
        return DBAPI

    @classmethod
    def get_pool_class(cls, url: URL) -> type[Pool]:  # noqa: ARG003 - SQLAlchemy's
        return AsyncAdaptedQueuePool

    def connect(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: all connections are cursors of the app's one DuckDB instance."""
        raise UnsupportedByDuckDBError(
            f"an engine for {URL_TEXT!r} needs a creator",
            cure="use integrity_session(...), which has one",
            database="",
        )

    def initialize(self, connection: Any) -> None:
        """Skip what duckdb-engine asks the server here."""
        DefaultDialect.initialize(self, connection)

    def _get_default_schema_name(self, connection: Any) -> str:
        return "main"

    def do_terminate(self, dbapi_connection: Any) -> None:
        """Close without waiting."""
        dbapi_connection.terminate()

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Return true: an embedded database is always there."""
        return True

    def do_savepoint(self, connection: Any, name: str) -> NoReturn:
        """Refuse: DuckDB has no savepoints."""
        raise UnsupportedByDuckDBError(
            "DuckDB has no savepoints, so begin_nested() can't work",
            cure="use a session of its own for what may fail by itself",
            database="",
        )

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        """Return whether DuckDB has shut down after a fatal error."""
        return isinstance(e, duckdb.FatalException)
