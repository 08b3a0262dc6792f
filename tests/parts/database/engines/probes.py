"""`Line`: what one thing does on each engine, and the probes that find it out; for `test_compared`.

A probe is run on databases of one engine. It returns what came back, or of an error its kind.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError

from modframe.parts.database.databases import Databases
from modframe.parts.database.errors import DatabaseError

Probe = Callable[[Databases], Awaitable[object]]


class Color(enum.Enum):
    """An enumeration as models have them."""

    RED = "r"
    BLUE = "b"


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        does: Engine → what the docs say; ``""`` for all others.
        returns: Engine → what the probe returns; ``""`` for all others.
    """

    what: str
    probe: Probe
    does: dict[str, str] = field(default_factory=dict)
    returns: dict[str, object] = field(default_factory=dict)

    def words(self, engine: str) -> str:
        """Return what the docs say of an engine."""
        return self.does.get(engine, self.does.get("", "yes"))

    def outcome(self, engine: str) -> object:
        """Return what the probe has to return on an engine."""
        return self.returns.get(engine, self.returns.get(""))


def table(*items: Any, name: str = "t") -> Table:
    """Return a table with a key and what is given."""
    return Table(name, MetaData(), Column("id", Integer, primary_key=True), *items)


async def outcome_of(work: Callable[[], Awaitable[object]]) -> object:
    """Return what something returns; of an error its kind."""
    try:
        return await work()
    except (SQLAlchemyError, DatabaseError) as error:
        return type(error).__name__


async def run(databases: Databases, *statements: Any) -> list[Any]:
    """Run statements in one transaction; return the first column of the last one's rows."""
    async with databases.session("shop", "run") as session:
        rows: list[Any] = []
        for statement in statements:
            result: Any = await session.execute(statement)
            rows = list(result.scalars()) if result.returns_rows else []
        await session.commit()
    return rows


def keeps(kind: Any, *values: object) -> Probe:
    """Make a probe that stores values and returns what comes back."""

    async def probe(databases: Databases) -> object:
        made = table(Column("v", kind))

        async def there_and_back() -> object:
            await databases.apply("shop", made.metadata)
            for value in values:
                await run(databases, insert(made).values(v=value))
            return await run(databases, select(made.c.v).order_by(made.c.id))

        return await outcome_of(there_and_back)

    return probe


def same(what: str, kind: Any, *values: object, note: str = "yes") -> Line:
    """Return a line for a type whose values come back as they were given, on all engines."""
    return Line(what, keeps(kind, *values), {"": note}, {"": list(values)})


def does(items: Callable[[], list[Any]], *statements: Any) -> Probe:
    """Make a probe that makes a table ``t`` and runs statements on it."""

    async def probe(databases: Databases) -> object:
        made = table(*items())

        async def work() -> object:
            await databases.apply("shop", made.metadata)
            return await run(databases, *(text(one) for one in statements))

        return await outcome_of(work)

    return probe


def asks(kind: Any, values: list[object], question: Callable[[Any], Any]) -> Probe:
    """Make a probe that stores values, and returns the answer to a question about the column."""

    async def probe(databases: Databases) -> object:
        made = table(Column("v", kind))
        await databases.apply("shop", made.metadata)
        await run(databases, *(insert(made).values(v=value) for value in values))
        return await outcome_of(lambda: run(databases, question(made.c.v)))

    return probe


async def reference(databases: Databases) -> object:
    """Insert a row that refers to none."""
    metadata = MetaData()
    parent = Table("parent", metadata, Column("id", Integer, primary_key=True))
    child = Table(
        "child", metadata, Column("id", Integer, primary_key=True),
        Column("parent", ForeignKey(parent.c.id)),
    )  # fmt: skip
    await databases.apply("shop", metadata)
    return await outcome_of(lambda: run(databases, insert(child).values(parent=7)))


async def explicit_key(databases: Databases) -> object:
    """Insert key 1 explicitly, then a row without key."""
    made = table(Column("v", Integer))
    await databases.apply("shop", made.metadata)
    await run(databases, insert(made).values(id=1, v=1))
    await outcome_of(lambda: run(databases, insert(made).values(v=2)))
    await outcome_of(lambda: run(databases, insert(made).values(v=3)))
    return await run(databases, select(made.c.v).order_by(made.c.v))


async def freed_key(databases: Databases) -> object:
    """Delete the newest row, and return the key of the next one."""
    made = table(Column("v", Integer))
    await databases.apply("shop", made.metadata)
    await run(databases, insert(made).values(v=1))
    await run(databases, made.delete())
    await run(databases, insert(made).values(v=2))
    return await run(databases, select(made.c.id))


async def big_key(databases: Databases) -> object:
    """Number keys that are declared as big integers."""
    made = Table("t", MetaData(), Column("id", BigInteger, primary_key=True), Column("v", Integer))
    await databases.apply("shop", made.metadata)
    await run(databases, insert(made).values(v=1), insert(made).values(v=2))
    return await run(databases, select(made.c.id).order_by(made.c.id))


async def savepoint(databases: Databases) -> object:
    """Take back a part of a transaction."""
    made = table(Column("v", Integer))
    await databases.apply("shop", made.metadata)

    async def work() -> object:
        async with databases.session("shop", "nested") as session:
            await session.execute(insert(made).values(v=1))
            nested = await session.begin_nested()
            await session.execute(insert(made).values(v=2))
            await nested.rollback()
            await session.commit()
        return await run(databases, select(made.c.v))

    return await outcome_of(work)


async def rolled_back_table(databases: Databases) -> object:
    """Make a table, roll back, and return whether it is there."""
    async with databases.session("shop", "make") as session:
        await session.execute(text("CREATE TABLE more (id INTEGER)"))
        await session.rollback()
        connection = await session.connection()
        return await connection.run_sync(lambda sync: inspect(sync).has_table("more"))
