"""`Dialect`: SQLAlchemy's psycopg dialect for connections that may be gone; named in the URL."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg
from sqlalchemy.engine import URL

DRIVER = "postgresql+modframe"


class Dialect(PGDialectAsync_psycopg):
    """The dialect; it rolls nothing back where the connection was closed meanwhile."""

    supports_statement_cache = True

    @classmethod
    def get_async_dialect_cls(cls, _url: URL) -> type[Dialect]:
        """Return this class, which is asynchronous already."""
        return cls

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Roll back; a closed connection has done so on the server."""
        if not dbapi_connection.closed:
            dbapi_connection.rollback()


registry.register("postgresql.modframe", __name__, "Dialect")
