"""`Dialect`: SQLAlchemy's psycopg dialect, for connections that may be another's or gone.

A forked child has the sockets of its parent: what it sent would arrive in the parent's transaction.
`ServerSchema` names this dialect in the URLs of its engines.
"""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg
from sqlalchemy.engine import URL

from ..home import check_process
from .types import COLSPECS

DRIVER = "postgresql+modframe"


class Dialect(PGDialectAsync_psycopg):
    """The dialect; it sends nothing from a forked child, and nothing to a closed connection."""

    supports_statement_cache = True
    colspecs = {**PGDialectAsync_psycopg.colspecs, **COLSPECS}  # noqa: RUF012  # SQLAlchemy's

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._process = os.getpid()

    @classmethod
    def get_async_dialect_cls(cls, _url: URL) -> type[Dialect]:
        """Return this class, which is asynchronous already."""
        return cls

    def do_execute(self, cursor: Any, *call: Any, **options: Any) -> None:
        """Execute a statement, in the process that connected."""
        check_process(self._process)
        super().do_execute(cursor, *call, **options)  # type: ignore[no-untyped-call]

    def do_executemany(self, cursor: Any, *call: Any, **options: Any) -> None:
        """Execute a statement with many parameters, in the process that connected."""
        check_process(self._process)
        super().do_executemany(cursor, *call, **options)  # type: ignore[no-untyped-call]

    def do_commit(self, dbapi_connection: Any) -> None:
        """Commit, in the process that connected."""
        check_process(self._process)
        dbapi_connection.commit()

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Roll back; where the connection was closed the server has done so."""
        check_process(self._process)
        if not dbapi_connection.closed:
            dbapi_connection.rollback()

    def do_close(self, dbapi_connection: Any) -> None:
        """Close a connection; in a forked child that would end the parent's session."""
        if os.getpid() == self._process:
            dbapi_connection.close()


registry.register("postgresql.modframe", __name__, "Dialect")
