"""`ArrowDriver`: one connection of an Arrow driver (ADBC); the wings' `ArrowSource`s use it.

Comes in: a driver's library, where to connect, and queries. Goes out: streams of Arrow, which
DuckDB takes without pyarrow.
"""

from __future__ import annotations

from typing import Any

import adbc_driver_manager


class ArrowDriver:
    """A connection; its streams end with it."""

    def __init__(self, library: str, uri: str, *, describes: bool) -> None:
        """Connect; ``describes`` says whether the driver knows a query's types before it runs."""
        self._database = adbc_driver_manager.AdbcDatabase(driver=library, uri=uri)
        self._describes = describes
        self._statements: list[Any] = []
        try:
            self._connection = adbc_driver_manager.AdbcConnection(self._database)
        except BaseException:
            self._database.close()
            raise

    def begin(self) -> None:
        """Run all queries in one transaction."""
        self._connection.set_autocommit(False)

    def stream(self, query: str) -> Any:
        """Return an object whose ``__arrow_c_stream__`` runs a query, each time from its start."""
        return (_Described if self._describes else _Stream)(self, query)

    def statement(self, query: str) -> Any:
        """Return a statement, which is closed with the connection."""
        statement = adbc_driver_manager.AdbcStatement(self._connection)
        self._statements.append(statement)
        statement.set_sql_query(query)
        return statement

    def interrupt(self) -> None:
        """End early what runs; called on another thread."""
        self._connection.cancel()

    def close(self) -> None:
        """Close it; nobody reads its streams any more."""
        for opened in (*self._statements, self._connection, self._database):
            opened.close()


class _Stream:
    def __init__(self, driver: ArrowDriver, query: str) -> None:
        self._driver = driver
        self._query = query

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        handle, _ = self._driver.statement(self._query).execute_query()
        return handle.__arrow_c_stream__(requested_schema)


class _Described(_Stream):
    def __arrow_c_schema__(self) -> Any:
        """Return the types; without this DuckDB runs the query for them."""
        return self._driver.statement(self._query).execute_schema().__arrow_c_schema__()
