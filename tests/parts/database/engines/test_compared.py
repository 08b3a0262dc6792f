"""The engines compared: one table of what each does, asserted here and printed in the docs.

Each `Line` has a probe, which is run on every engine, and for each engine what the docs say and
what the probe has to return. A new engine adds its column: a word and an outcome for each line.
"""

from __future__ import annotations

import enum
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Double,
    Enum,
    Float,
    ForeignKey,
    Index,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    Uuid,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError

from modframe.parts.database.databases import Databases
from modframe.parts.database.errors import DatabaseError

DOCS = Path(__file__).parents[4] / "docs" / "databases.md"
TITLES = {"duckdb": "DuckDB", "sqlite": "SQLite", "postgresql": "PostgreSQL"}

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


CEST = timezone(timedelta(hours=2))
WIDE = [Decimal("12345678901234567890.1234567891"), Decimal("-0.0000000001"), Decimal("9.5")]
WIDE_TYPE = Numeric(30, 10)
ASKED: list[object] = [Decimal("10"), Decimal("9.5"), Decimal("12345678901234567890.0001")]
MOMENT = datetime(2026, 1, 31, 9, 30, 15, 123456, tzinfo=CEST)
PLAIN = datetime(2026, 1, 31, 9, 30, 15, 123456)  # what is tested

TYPES = (
    same("`Integer`, `SmallInteger`, `BigInteger`", BigInteger, 2**62, -1, None),
    Line(
        "`Integer` beyond 32 bits",
        keeps(Integer, 2**40),
        {"": "refused", "sqlite": "kept: all integers have 64 bits"},
        {"": "DataError", "sqlite": [2**40]},
    ),
    same("`SmallInteger`", SmallInteger, 7),
    same("`Boolean`", Boolean, True, False, None),
    same("`Float`, `Double`: 64 bits", Float, 0.1, 1e300, float("inf")),
    Line(
        "`Float`: not a number",
        asks(Double, [float("nan")], lambda column: select(column.is_(None))),
        {"": "kept", "sqlite": "becomes NULL"},
        {"": [False], "sqlite": [True]},
    ),
    same("`Numeric` up to 15 digits", Numeric(10, 2), Decimal("12345678.90"), Decimal("-0.01")),
    Line(
        "`Numeric` of more digits",
        keeps(WIDE_TYPE, *WIDE),
        {"": "every digit", "duckdb": "every digit, up to 38", "sqlite": "every digit, as a text"},
        {"": WIDE},
    ),
    Line(
        "... `ORDER BY`, comparisons, `max`",
        asks(WIDE_TYPE, ASKED, lambda column: select(column).where(column > 9.7).order_by(column)),
        {"": "as numbers"},
        {"": [Decimal("10"), Decimal("12345678901234567890.0001")]},
    ),
    Line(
        "... `func.sum`",
        asks(WIDE_TYPE, ASKED, lambda column: select(func.sum(column))),
        {"": "every digit"},
        {"": [Decimal("12345678901234567909.5001")]},
    ),
    Line(
        "... sums in SQL that is text",
        asks(WIDE_TYPE, ASKED, lambda _: text("SELECT CAST(sum(v) AS NUMERIC(30, 4)) FROM t")),
        {"": "every digit", "sqlite": "15 digits"},
        {"": [Decimal("12345678901234567909.5001")], "sqlite": [1.2345678901234567e19]},
    ),
    Line(
        "`Numeric`: more digits after the point",
        keeps(Numeric(10, 2), Decimal("1.235"), Decimal("-1.235")),
        {"": "rounded, half away from zero"},
        {"": [Decimal("1.24"), Decimal("-1.24")]},
    ),
    Line(
        "`Numeric`: more digits before the point",
        keeps(Numeric(10, 2), Decimal("123456789.00")),
        {"": "refused", "sqlite": "kept, as long as no digit is lost"},
        {"": "DataError", "sqlite": [Decimal("123456789.00")]},
    ),
    Line(
        "`Numeric()` without precision",
        keeps(Numeric(), Decimal("1.123456")),
        {"": "every digit", "duckdb": "`NUMERIC(18, 3)`: rounded; a load warns"},
        {"": [Decimal("1.123456")], "duckdb": [Decimal("1.123")]},
    ),
    same("`String`, `Text`: any letters", Text, "Zürich 😀", ""),
    Line(
        "`String(3)`: four letters",
        keeps(String(3), "four"),
        {"": "kept: lengths are not checked", "postgresql": "refused"},
        {"": ["four"], "postgresql": "DataError"},
    ),
    same("`Enum`", Enum(Color), Color.RED, Color.BLUE, None),
    same("`JSON`", JSON, {"a": [1, 1.5, None, "ä"]}, [], "text"),
    same("`Uuid`", Uuid, uuid.UUID(int=2**100), None),
    same("`LargeBinary`", LargeBinary, b"\0\xff", b""),
    same("`Date`", Date, date(2026, 1, 31)),
    same("`Time`", Time, time(9, 30, 15, 123456)),
    same("`Interval`", Interval, timedelta(days=3, microseconds=7), timedelta(days=-3, seconds=5)),
    same("`DateTime`", DateTime, PLAIN),
    Line(
        "`DateTime`, given a time zone",
        keeps(DateTime, MOMENT),
        {"": "stored in UTC, without zone"},
        {"": [MOMENT.astimezone(UTC).replace(tzinfo=None)]},
    ),
    Line(
        "`DateTime(timezone=True)`",
        keeps(DateTime(timezone=True), MOMENT),
        {"": "comes back in UTC"},
        {"": [MOMENT.astimezone(UTC)]},
    ),
    Line(
        "`DateTime(timezone=True)`, given no time zone",
        keeps(DateTime(timezone=True), PLAIN),
        {"": "refused"},
        {"": "StatementError"},
    ),
    Line(
        "`ARRAY`",
        keeps(ARRAY(Integer), [1, 2], []),
        {"": "yes", "sqlite": "refused at load: use JSON or a table"},
        {"": [[1, 2], []], "sqlite": "SchemaConflictError"},
    ),
)

INSERT = "INSERT INTO t (id, v) VALUES (1, 1)"
AGAIN = "INSERT INTO t (id, v) VALUES (2, 1)"
CONSTRAINTS = (
    Line(
        "`NOT NULL`",
        does(lambda: [Column("v", Integer, nullable=False)], "INSERT INTO t (id) VALUES (1)"),
        {"": "checked"},
        {"": "IntegrityError"},
    ),
    Line(
        "`unique=True`, `UniqueConstraint`",
        does(lambda: [Column("v", Integer), UniqueConstraint("v", name="v_once")], INSERT, AGAIN),
        {"": "checked"},
        {"": "IntegrityError"},
    ),
    Line(
        "`Index(..., unique=True)`",
        does(lambda: [Column("v", Integer), Index("v_once", "v", unique=True)], INSERT, AGAIN),
        {"": "checked"},
        {"": "IntegrityError"},
    ),
    Line(
        "`CheckConstraint`",
        does(lambda: [Column("v", Integer), CheckConstraint("v > 5", name="v_big")], INSERT),
        {"": "checked"},
        {"": "IntegrityError"},
    ),
    Line("`ForeignKey`", reference, {"": "checked"}, {"": "IntegrityError"}),
    Line(
        "`server_default`",
        does(
            lambda: [Column("v", Integer, server_default="7")],
            "INSERT INTO t (id) VALUES (1)", "SELECT v FROM t",
        ),
        {"": "yes"},
        {"": [7]},
    ),
    Line(
        "`Computed`",
        does(
            lambda: [Column("v", Integer), Column("w", Integer, Computed("v * 2"))],
            INSERT, "SELECT w FROM t",
        ),
        {"": "yes"},
        {"": [2]},
    ),
    Line(
        "`Identity` on a key",
        does(
            lambda: [Column("v", Integer)],
            "INSERT INTO t (v) VALUES (5)", "SELECT id FROM t",
        ),
        {"": "numbered from 1"},
        {"": [1]},
    ),
    Line("`BigInteger` key", big_key, {"": "numbered from 1"}, {"": [1, 2]}),
    Line(
        "Next key after an explicit one",
        explicit_key,
        {"": "fails once for each key that is taken", "sqlite": "the one after it"},
        {"": [1, 3], "sqlite": [1, 2, 3]},
    ),
    Line(
        "Key of the newest row, once deleted",
        freed_key,
        {"": "never given again", "sqlite": "given again"},
        {"": [2], "sqlite": [1]},
    ),
)  # fmt: skip

STATEMENTS = (
    Line(
        "`session.begin_nested()`",
        savepoint,
        {"": "yes", "duckdb": "refused: no savepoints"},
        {"": [1], "duckdb": "UnsupportedByDuckDBError"},
    ),
    Line(
        "`LIKE`",
        asks(String, ["Ärger"], lambda column: select(column.like("ä%"))),
        {"": "tells case"},
        {"": [False]},
    ),
    Line(
        "`ilike` beyond ASCII",
        asks(String, ["Ärger"], lambda column: select(column.ilike("ä%"))),
        {"": "ignores case", "postgresql": "ignores case, where the database's locale knows it"},
        {"": [True]},
    ),
    Line(
        "`ORDER BY` with NULL",
        asks(Integer, [None, 1], lambda column: select(column).order_by(column)),
        {"": "NULL last", "sqlite": "NULL first: write `nulls_last()`"},
        {"": [1, None], "sqlite": [None, 1]},
    ),
    Line(
        "`CREATE TABLE` in a transaction that is rolled back",
        rolled_back_table,
        {"": "rolled back"},
        {"": False},
    ),
)
ALL = {"Types": TYPES, "Constraints and keys": CONSTRAINTS, "Statements": STATEMENTS}


@pytest.mark.parametrize(
    "line", [line for lines in ALL.values() for line in lines], ids=lambda line: line.what
)
async def test_each_engine_does_what_the_docs_say(
    line: Line, engine: str, databases: Databases
) -> None:
    """What comes back, or the error, is that of the table."""
    got = await line.probe(databases)
    expected = line.outcome(engine)
    assert got == expected
    if isinstance(got, list) and isinstance(expected, list):
        assert [type(one) for one in got] == [type(one) for one in expected]
        zones = [one.tzinfo for one in got if isinstance(one, datetime) and one.tzinfo]
        assert all(zone.utcoffset(None) == timedelta(0) for zone in zones)


def in_docs() -> str:
    """Return the tables as the docs have them."""
    tables = []
    for title, lines in ALL.items():
        rows = [["", *TITLES.values()], ["---"] * 4]
        rows += [[line.what, *map(line.words, TITLES)] for line in lines]
        text = "\n".join(f"| {' | '.join(row)} |" for row in rows)
        tables.append(f"### {title}\n\n{text}")
    return "\n\n".join(tables)


def test_the_docs_have_the_same_table() -> None:
    """`docs/databases.md` says of each engine what is tested here."""
    assert in_docs() in DOCS.read_text(encoding="utf-8")
