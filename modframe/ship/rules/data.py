"""MF4..: how a module reaches its database. Called by `check`; the rules read the text alone."""

from __future__ import annotations

from collections.abc import Iterator

from .parsed import ParsedModule
from .rule import Hit, Rule

_CONNECTS = (
    "sqlite3.connect",
    "duckdb.connect",
    "aiosqlite.connect",
    "psycopg.connect",
    "psycopg2.connect",
    "asyncpg.connect",
    "sqlalchemy.create_engine",
    "sqlalchemy.engine.create_engine",
    "sqlalchemy.ext.asyncio.create_async_engine",
)
_SESSIONS = (
    "sqlalchemy.orm.Session",
    "sqlalchemy.orm.sessionmaker",
    "sqlalchemy.orm.scoped_session",
    "sqlalchemy.ext.asyncio.AsyncSession",
    "sqlalchemy.ext.asyncio.async_sessionmaker",
    "sqlmodel.Session",
)


def _raw_database(module: ParsedModule) -> Iterator[Hit]:
    for parsed in module.files:
        for node, name in parsed.calls(*_CONNECTS):
            yield Hit(
                f"{name}() opens a database that modframe does not know of", parsed.place(node)
            )


def _own_session(module: ParsedModule) -> Iterator[Hit]:
    for parsed in module.files:
        for node, name in parsed.calls(*_SESSIONS):
            yield Hit(f"{name}() makes a session of its own", parsed.place(node))


_SESSION = 'async with app_context.database.integrity_session("orders", "store") as session:\n    '

RULES = (
    Rule(
        "MF401",
        "raw-database",
        "warning",
        what="A module connects to a database by itself: `sqlite3.connect`, `duckdb.connect`, "
        "`create_engine` and their like.",
        why="Such a connection is closed by nobody at a swap, follows no "
        "`MODFRAME_DATABASE_URL`, has no schema changes, and `%%sql` and backups don't see it.",
        example='with sqlite3.connect("orders.db") as connection:\n    ...',
        cure="write models in db_models.py and use app_context.database.integrity_session(...)",
        cured=f"{_SESSION}...",
        check=_raw_database,
    ),
    Rule(
        "MF402",
        "own-session",
        "warning",
        what="A module makes SQLAlchemy sessions by itself: `Session`, `sessionmaker`, "
        "`AsyncSession`.",
        why="Only `integrity_session` rolls back what failed, says what a session is for, and "
        "is closed with the generation that opened it.",
        example="async with AsyncSession(engine) as session:\n    session.add(order)",
        cure="use async with app_context.database.integrity_session(database, purpose)",
        cured=f"{_SESSION}session.add(order)",
        check=_own_session,
    ),
    Rule(
        "MF403",
        "database-name",
        "warning",
        what="`@register_database` and `DATABASE_NAME` beside the models name different databases.",
        why="The constant counts; whoever reads the decorator is misled.",
        example='@register_database(database_name=None)  # and DATABASE_NAME = "orders"',
        cure="write the constant's name in the decorator",
        cured='@register_database(database_name="orders")',
        about="load",
    ),
)
