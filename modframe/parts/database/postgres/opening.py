"""How a server is reached, and what it means when it isn't; called by `ServerSchema`.

Comes in: the URL of the environment. Goes out: SQLAlchemy's URL and what psycopg is told, or one
error, which never holds the password.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import URL

from ....wording import one_line
from ..errors import DatabaseOpenError, DatabaseURLError
from ..names import quoted
from .dialect import DRIVER

SCHEMA = "schema"
"""The parameter of the URL that declares a schema which modframe didn't make."""
EXISTING = "existing"
CONNECT_TIMEOUT = 10
"""Seconds to wait for a server, unless the URL says otherwise by ``connect_timeout``."""
_SECRETS = ("password", "sslpassword")
_GRANT = (
    "let the role make schemas (GRANT CREATE ON DATABASE), or let somebody make the schema for it, "
    "and add ?schema=existing to {variable}"
)
_CURES = {
    "password authentication failed": "check user and password in {variable}",
    "no password supplied": "write the password into {variable}, as in user:password@host",
    "does not exist": "make that database or role on the server, or name another in {variable}",
    "too many clients": "raise max_connections on the server, or stop other programs that use it",
    "starting up": "wait until the server has started, and try again",
    "permission denied": _GRANT,
}
"""What a message of the driver has in it → what to do."""
_UNREACHABLE = "see that the server runs, and that host and port in {variable} are right"


@dataclass(frozen=True, slots=True)
class Reach:
    """How one database of a server is reached.

    Attributes:
        url: For SQLAlchemy's engine; its repr hides the password.
        arguments: For ``psycopg.connect``.
        declared: Whether the schema may be one that modframe didn't make.
        place: Host and database, for messages.
    """

    url: URL
    arguments: dict[str, Any]
    declared: bool
    place: str


def reach(database: str, url: URL | None, *, schema: str, lock_wait: float) -> Reach:
    """Return how a schema is reached: names resolve in it alone, and times are in UTC.

    Transactions see one state of the data from begin to end, as on the other engines: of two that
    change one row the second fails, instead of overwriting what the first one wrote.

    Raises:
        DatabaseURLError: If there is no URL, or its parameters can't be used.
    """
    if url is None:
        raise DatabaseURLError(
            f"database {database!r} is to be kept by PostgreSQL, and nothing says where",
            cure=f"set {variable_of(database)}, or MODFRAME_DATABASE_URL for all, to "
            "postgresql://user:password@host/database",
            database=database,
        )
    query = dict(url.query)
    declared = query.pop(SCHEMA, None)
    if declared not in (None, EXISTING):
        raise DatabaseURLError(
            f"the URL of database {database!r} says schema={declared}",
            cure=f"leave it out, or write schema={EXISTING} to use a schema that modframe "
            "didn't make",
            database=database,
        )
    options = {
        "search_path": quoted(schema),
        "timezone": "UTC",
        "lock_timeout": f"{max(1, round(lock_wait * 1000))}ms",
        "default_transaction_isolation": r"repeatable\ read",
    }
    texts = [f"-c {name}={value}" for name, value in options.items()]
    return Reach(
        url.set(drivername=DRIVER, query=query),
        {
            "connect_timeout": query.get("connect_timeout", CONNECT_TIMEOUT),
            "application_name": query.get("application_name", f"modframe {schema}"),
            "options": " ".join([str(query.get("options", "")), *texts]).strip(),
        },
        declared=declared is not None,
        place=f"{url.host or query.get('host', 'localhost')}/{url.database or ''}",
    )


def variable_of(database: str) -> str:
    """Return the environment's variable for one database."""
    return f"MODFRAME_DATABASE_URL_{database.upper()}"


def opening_error(database: str, reached: Reach, error: BaseException) -> DatabaseOpenError:
    """Make the error for a database that can't be opened, from the driver's."""
    text = one_line(str(getattr(error, "orig", None) or error))
    for secret in (reached.url.password, *(reached.url.query.get(name) for name in _SECRETS)):
        if secret:
            text = text.replace(str(secret), "***")
    cure = next((cure for sign, cure in _CURES.items() if sign in text), _UNREACHABLE)
    return DatabaseOpenError(
        f"database {database!r} can't be opened on {reached.place}: {text}",
        cure=cure.format(variable=f"{variable_of(database)} or MODFRAME_DATABASE_URL"),
        database=database,
        path=reached.place,
    )


def unmarked_error(database: str, reached: Reach) -> DatabaseOpenError:
    """Make the error for a schema that somebody else made."""
    return DatabaseOpenError(
        f"{reached.place} has a schema {database!r} that modframe didn't make",
        cure="it is left alone. Choose another DATABASE_NAME; or, if it is meant to hold this "
        f"module's tables, add ?{SCHEMA}={EXISTING} to the URL in {variable_of(database)}",
        database=database,
        path=reached.place,
    )
