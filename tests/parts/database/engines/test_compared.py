"""The engines compared: one table of what each does, asserted here and printed in the docs.

Each `Line` has a probe, which is run on every engine, and for each engine what the docs say and
what the probe has to return. A new engine adds its column: a word and an outcome for each line.
"""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path

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
    Index,
    Integer,
    Interval,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    Text,
    Time,
    UniqueConstraint,
    Uuid,
    func,
    select,
    text,
)

from modframe.parts.database.databases import Databases
from tests.parts.database.engines.probes import (
    Color,
    Line,
    asks,
    big_key,
    does,
    explicit_key,
    freed_key,
    keeps,
    reference,
    rolled_back_table,
    same,
    savepoint,
)

DOCS = Path(__file__).parents[4] / "docs" / "databases.md"
TITLES = {"duckdb": "DuckDB", "sqlite": "SQLite", "postgresql": "PostgreSQL"}

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
