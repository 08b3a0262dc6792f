"""The async DuckDB dialect, over duckdb-engine's; SQLAlchemy loads it as ``modframe_duckdb://``.

Comes in: what SQLAlchemy compiles. Goes out: DuckDB's SQL, with all of DuckDB's keywords quoted,
and connections from a ``creator`` that returns an adapted one. `Catalog` makes the engines.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NoReturn

import duckdb
import duckdb_engine
from sqlalchemy import types as sqltypes
from sqlalchemy import util
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import (
    PGExecutionContext,
    PGIdentifierPreparer,
    PGTypeCompiler,
)
from sqlalchemy.engine import URL
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.pool import AsyncAdaptedQueuePool, Pool

from .errors import UnsupportedByDuckDBError
from .reflection import Reflection

NAME = "modframe_duckdb"
URL_TEXT = f"{NAME}://"


def register() -> None:
    """Tell SQLAlchemy where the dialect is; it is imported with the first engine."""
    registry.register(NAME, __name__, "ModframeDuckDB")


register()


@lru_cache(maxsize=1)
def keywords() -> frozenset[str]:
    """DuckDB's keywords, of all categories: quoting one too many does no harm."""
    with duckdb.connect(":memory:") as instance:
        rows = instance.execute("SELECT keyword_name FROM duckdb_keywords()").fetchall()
    return frozenset(name for (name,) in rows)


class IdentifierPreparer(duckdb_engine.DuckDBIdentifierPreparer):
    """Quotes every name that is a keyword of DuckDB's."""

    def __init__(self, dialect: Any, **kwargs: Any) -> None:
        # not duckdb-engine's own, which asks the process's default connection
        PGIdentifierPreparer.__init__(self, dialect, **kwargs)
        self.reserved_words = self.reserved_words | keywords()


class TypeCompiler(PGTypeCompiler):
    """Names of types; a `Float` is Python's, of 64 bits, which DuckDB's ``FLOAT`` isn't."""

    def visit_FLOAT(self, type_: Any, **kw: Any) -> str:  # noqa: N802 - the name SQLAlchemy calls
        """``DOUBLE``; ``REAL`` is the way to 32 bits."""
        return "DOUBLE" if type_.precision is None or type_.precision > 24 else "REAL"


class DBAPI(duckdb_engine.DBAPI):
    """The driver as SQLAlchemy sees it; its names tell which errors are whose."""

    Error = duckdb.Error
    DatabaseError = duckdb.DatabaseError
    IntegrityError = duckdb.IntegrityError
    OperationalError = duckdb.OperationalError
    InterfaceError = duckdb.Error
    ProgrammingError = duckdb.ProgrammingError
    InternalError = duckdb.InternalError
    DataError = duckdb.DataError
    NotSupportedError = duckdb.NotSupportedError


class ModframeDuckDB(Reflection, duckdb_engine.Dialect):  # type: ignore[misc]  # it answers less
    """DuckDB for ``AsyncSession``; the loop never waits in it."""

    driver = "modframe"
    is_async = True
    has_terminate = True
    supports_statement_cache = True
    supports_sane_rowcount = True
    supports_sane_multi_rowcount = False
    supports_native_enum = False  # DuckDB has enums, but no catalog that PostgreSQL's would use
    supports_identity_columns = False
    supports_smallserial = True
    sequences_optional = False
    returns_native_bytes = True
    # psycopg2's would read the connection's notices
    execution_ctx_cls = PGExecutionContext  # type: ignore[assignment]  # a base of psycopg2's
    preparer = IdentifierPreparer
    type_compiler_cls = TypeCompiler
    colspecs = util.immutabledict(
        {
            kind: own
            for kind, own in duckdb_engine.Dialect.colspecs.items()
            if kind not in {sqltypes.Enum, sqltypes.ARRAY, sqltypes.Float}
        }
    )

    @classmethod
    def import_dbapi(cls) -> Any:
        """The driver's names."""
        return DBAPI

    @classmethod
    def get_pool_class(cls, url: URL) -> type[Pool]:  # noqa: ARG003 - SQLAlchemy's
        """A pool for the loop; connections are made by a ``creator``."""
        return AsyncAdaptedQueuePool

    def connect(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused: the app's one DuckDB instance gives out all connections."""
        raise UnsupportedByDuckDBError(
            f"an engine for {URL_TEXT!r} needs a creator",
            cure="use integrity_session(...), which has one",
            database="",
        )

    def initialize(self, connection: Any) -> None:
        """Read what there is to know of the server: nothing that isn't known."""
        DefaultDialect.initialize(self, connection)

    def _get_default_schema_name(self, connection: Any) -> str:
        return "main"

    def do_begin(self, dbapi_connection: Any) -> None:
        """Begin with the next statement."""
        dbapi_connection.begin()

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Roll back what was begun."""
        dbapi_connection.rollback()

    def do_commit(self, dbapi_connection: Any) -> None:
        """Commit what was begun."""
        dbapi_connection.commit()

    def do_close(self, dbapi_connection: Any) -> None:
        """Close, interrupting what runs."""
        dbapi_connection.close()

    def do_terminate(self, dbapi_connection: Any) -> None:
        """Close without waiting."""
        dbapi_connection.terminate()

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Embedded, so it is there."""
        return True

    def do_savepoint(self, connection: Any, name: str) -> NoReturn:
        """Refused: DuckDB has none."""
        raise UnsupportedByDuckDBError(
            "DuckDB has no savepoints, so begin_nested() can't work",
            cure="use a session of its own for what may fail by itself",
            database="",
        )

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        """Whether the instance has shut itself down after a fatal error."""
        return isinstance(e, duckdb.FatalException)
