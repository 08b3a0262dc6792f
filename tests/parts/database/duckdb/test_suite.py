"""A quick selection of what SQLAlchemy asks of a dialect; all of it is in ``test_compliance.py``."""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from collections.abc import AsyncIterator
from decimal import Decimal
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
    Enum,
    Float,
    Index,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    Sequence,
    String,
    Table,
    Text,
    Time,
    Unicode,
    UniqueConstraint,
    Uuid,
    bindparam,
    case,
    cast,
    delete,
    except_,
    exists,
    func,
    insert,
    inspect,
    intersect,
    literal,
    select,
    text,
    tuple_,
    union,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError, NoSuchTableError
from sqlalchemy.ext.asyncio import AsyncConnection

from modframe.parts.database.databases import Databases
from modframe.parts.database.duckdb.number_keys import number_keys
from modframe.parts.database.duckdb.unique_indexes import index_uniques


class Color(enum.Enum):
    RED = "r"
    BLUE = "b"


@pytest.fixture
async def db() -> AsyncIterator[AsyncConnection]:
    """A connection to an empty database in memory."""
    async with Databases(None) as databases, databases.session("shop", "suite") as session:
        yield await session.connection()


async def make(db: AsyncConnection, *columns: Any, name: str = "t", **options: Any) -> Table:
    """Create a table as modframe does it, with its numbered key and its unique indexes."""
    table = Table(name, MetaData(), *columns, **options)
    number_keys(table.metadata)
    index_uniques(table.metadata)
    await db.run_sync(table.metadata.create_all)
    return table


async def filled(db: AsyncConnection, count: int = 5) -> Table:
    """Create a table of a key and two columns, with rows 1 to ``count``."""
    table = await make(
        db, Column("id", Integer, primary_key=True), Column("n", Integer), Column("s", String(20))
    )
    if count:
        await db.execute(insert(table), [{"n": n, "s": f"s{n}"} for n in range(1, count + 1)])
    return table


async def rows(db: AsyncConnection, statement: Any, *args: Any) -> list[Any]:
    return [tuple(row) for row in await db.execute(statement, *args)]


# -- changing rows ----------------------------------------------------------------------------


async def test_an_insert_says_its_key_and_returns_columns(db: AsyncConnection) -> None:
    table = await filled(db, 0)
    first = await db.execute(insert(table).values(n=7))
    assert first.inserted_primary_key == (1,)
    assert await rows(db, insert(table).values(n=8).returning(table.c.id, table.c.n)) == [(2, 8)]


async def test_a_key_is_numbered_without_returning_too(db: AsyncConnection) -> None:
    """`implicit_returning=False` takes the key from its sequence before the INSERT."""
    table = await make(
        db, Column("id", Integer, primary_key=True), Column("n", Integer), implicit_returning=False
    )
    assert (await db.execute(insert(table).values(n=7))).inserted_primary_key == (1,)
    assert await rows(db, select(table)) == [(1, 7)]


async def test_rowcounts(db: AsyncConnection) -> None:
    table = await filled(db)
    assert (await db.execute(update(table).where(table.c.n > 2).values(s="x"))).rowcount == 3
    assert (await db.execute(update(table).where(table.c.n > 9).values(s="x"))).rowcount == 0
    assert (await db.execute(delete(table).where(table.c.s == "x"))).rowcount == 3


async def test_update_and_delete_return_rows(db: AsyncConnection) -> None:
    table = await filled(db, 2)
    changed = update(table).where(table.c.n == 1).values(n=9).returning(table.c.n)
    assert await rows(db, changed) == [(9,)]
    assert await rows(db, delete(table).where(table.c.n == 2).returning(table.c.s)) == [("s2",)]


async def test_many_inserts_return_keys_in_the_order_of_parameters(db: AsyncConnection) -> None:
    table = await filled(db, 0)
    many = insert(table).returning(table.c.id, table.c.n, sort_by_parameter_order=True)
    values = [{"n": n} for n in range(2500, 0, -1)]
    assert await rows(db, many, values) == list(
        zip(range(1, 2501), range(2500, 0, -1), strict=True)
    )


async def test_insert_from_select_and_empty_insert(db: AsyncConnection) -> None:
    table = await filled(db, 2)
    await db.execute(insert(table).from_select(["n", "s"], select(table.c.n + 10, table.c.s)))
    await db.execute(insert(table))
    found = await rows(db, select(table.c.n).order_by(table.c.id))
    assert found == [(1,), (2,), (11,), (12,), (None,)]


async def test_upsert(db: AsyncConnection) -> None:
    table = await filled(db, 1)
    new = upsert(table).values(id=1, n=50)
    await db.execute(new.on_conflict_do_nothing())
    assert await rows(db, select(table.c.n)) == [(1,)]
    change = new.on_conflict_do_update(index_elements=["id"], set_={"n": new.excluded.n})
    assert await rows(db, change.returning(table.c.n)) == [(50,)]


async def test_a_second_key_is_an_integrity_error(db: AsyncConnection) -> None:
    table = await filled(db, 1)
    with pytest.raises(IntegrityError):
        await db.execute(insert(table).values(id=1))


async def test_update_and_delete_with_another_table(db: AsyncConnection) -> None:
    table = await filled(db, 3)
    other = await make(db, Column("k", Integer), Column("v", Integer), name="o")
    await db.execute(insert(other), [{"k": 1, "v": 100}, {"k": 2, "v": 200}])
    await db.execute(update(table).where(table.c.n == other.c.k).values(n=other.c.v))
    assert await rows(db, select(table.c.n).order_by(table.c.n)) == [(3,), (100,), (200,)]
    await db.execute(delete(table).where(table.c.n == other.c.v))
    assert await rows(db, select(table.c.n)) == [(3,)]


# -- types ------------------------------------------------------------------------------------

STAMP = dt.datetime(2024, 2, 29, 23, 59, 58, 123456)
VALUES = {
    "string": (String(50), 'it\'s 100 % \\ :colon "quoted"'),
    "unicode": (Unicode(50), "Voilà, ça réveille 🐍"),
    "text": (Text(), "x" * 100_000),
    "empty": (String(), ""),
    "integer": (Integer(), -(2**31)),
    "big": (BigInteger(), 2**63 - 1),
    "numeric": (Numeric(38, 12), Decimal("12345678901234567890123456.123456789012")),
    "numeric as float": (Numeric(8, 4, asdecimal=False), 15.7563),
    "float": (Float(), 1e-17 / 3),
    "infinity": (Float(), float("-inf")),
    "boolean": (Boolean(), False),
    "date": (Date(), dt.date(1012, 10, 15)),
    "time": (Time(), dt.time(12, 57, 18, 396)),
    "datetime": (DateTime(), STAMP),
    "zoned": (DateTime(timezone=True), STAMP.replace(tzinfo=dt.UTC)),
    "interval": (Interval(), dt.timedelta(days=-3, seconds=5, microseconds=7)),
    "precise interval": (Interval(second_precision=6, day_precision=9), dt.timedelta(minutes=5)),
    "uuid": (Uuid(), uuid.UUID(int=7)),
    "uuid as text": (Uuid(as_uuid=False), str(uuid.UUID(int=7))),
    "binary": (LargeBinary(), bytes(range(256))),
    "enum": (Enum(Color), Color.BLUE),
    "array": (ARRAY(Integer), [3, 1, None]),
    "array of strings": (ARRAY(String), ["a,b", "c'd", ""]),
    "json": (JSON(), {"a": [1, 2.5, None, {"é": "\"'"}], "b": True}),
}


@pytest.mark.parametrize(("kind", "value"), VALUES.values(), ids=list(VALUES))
async def test_a_value_comes_back(db: AsyncConnection, kind: Any, value: Any) -> None:
    """As a row, as a parameter that is compared, and beside a NULL."""
    table = await make(db, Column("i", Integer), Column("v", kind))
    await db.execute(insert(table), [{"i": 1, "v": value}, {"i": 2, "v": None}])
    found = await rows(db, select(table.c.v).order_by(table.c.i))
    assert found[0] == (value,)
    assert type(found[0][0]) is type(value)
    assert found[1] == (None,)


LITERALS = ["string", "integer", "numeric", "float", "boolean", "date", "datetime", "interval"]


@pytest.mark.parametrize("name", LITERALS)
async def test_a_literal_is_the_value(db: AsyncConnection, name: str) -> None:
    """Values that are written into the statement, as migrations and computed columns do."""
    kind, value = VALUES[name]
    table = await make(db, Column("v", kind))
    await db.execute(insert(table).values(v=value))
    same = table.c.v == literal(value, kind, literal_execute=True)
    assert await rows(db, select(table.c.v).where(same)) == [(value,)]


DOCUMENT = {"a": {"b": [1, 2.5, "x"]}, "$k": 5, "/s": 6, 'q"\\': 7, "a.b": 8, "n": None, "t": True}


async def test_json_is_indexed_by_keys_and_paths(db: AsyncConnection) -> None:
    """Keys with signs of DuckDB's paths are keys; ``as_...`` casts."""
    table = await make(db, Column("d", JSON), Column("l", JSON(none_as_null=True)))
    await db.execute(insert(table).values(d=DOCUMENT, l=[1, [2, 3]]))
    d, items = table.c.d, table.c.l
    keys = ["$k", "/s", 'q"\\', "a.b"]
    assert await rows(db, select(*(d[key] for key in keys))) == [(5, 6, 7, 8)]
    paths = [d["a", "b", 0], d["a", "b", 2], d[('q"\\',)], items[1, 0], items[-1], d["none"]]
    assert await rows(db, select(*paths)) == [(1, "x", 7, 2, [2, 3], None)]
    casts = [d["a", "b", 1].as_float(), d["a"]["b"][2].as_string(), d["t"].as_boolean()]
    assert await rows(db, select(*casts)) == [(2.5, "x", True)]
    there = select(literal(1)).select_from(table)
    assert await rows(db, there.where(d["a", "b", 0].as_integer() == 1)) == [(1,)]
    assert await rows(db, there.where(d["$k"].as_integer() == 6)) == []


async def test_json_null_is_no_sql_null(db: AsyncConnection) -> None:
    table = await make(db, Column("i", Integer), Column("d", JSON))
    await db.execute(insert(table), [{"i": 1, "d": JSON.NULL}, {"i": 2, "d": None}])
    assert await rows(db, select(cast(table.c.d, String))) == [("null",), ("null",)]


# -- queries ----------------------------------------------------------------------------------


async def test_limit_offset_and_order(db: AsyncConnection) -> None:
    table = await filled(db)
    query = select(table.c.n).order_by(table.c.n.desc())
    assert await rows(db, query.limit(2).offset(1)) == [(4,), (3,)]
    assert await rows(db, query.offset(4)) == [(1,)]
    assert await rows(db, query.limit(literal(1) + 1)) == [(5,), (4,)]
    label = (table.c.n % 2).label("odd")
    assert await rows(db, select(label, table.c.n).order_by(label, table.c.n).limit(1)) == [(0, 2)]


async def test_nulls_are_ordered_where_asked(db: AsyncConnection) -> None:
    table = await filled(db, 1)
    await db.execute(insert(table).values(n=None))
    assert await rows(db, select(table.c.n).order_by(table.c.n.nulls_first())) == [(None,), (1,)]
    assert await rows(db, select(table.c.n).order_by(table.c.n.nulls_last())) == [(1,), (None,)]
    assert await rows(db, select(table.c.n).where(table.c.n.is_distinct_from(1))) == [(None,)]


async def test_common_table_expressions(db: AsyncConnection) -> None:
    table = await filled(db, 4)
    low = select(table.c.n).where(table.c.n < 3).cte("low")
    assert await rows(db, select(func.sum(low.c.n))) == [(3,)]
    numbers = select(literal(1).label("x")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.x + 1).where(numbers.c.x < 5))
    assert await rows(db, select(func.count(), func.max(numbers.c.x))) == [(5, 5)]
    await db.execute(delete(table).where(table.c.n.in_(select(low.c.n))))
    assert await rows(db, select(table.c.n).order_by(table.c.n)) == [(3,), (4,)]


async def test_unions_and_differences(db: AsyncConnection) -> None:
    table = await filled(db, 3)
    low, high = (select(table.c.n).where(table.c.n <= 2), select(table.c.n).where(table.c.n >= 2))
    assert await rows(db, union(low, high).order_by("n")) == [(1,), (2,), (3,)]
    assert len(await rows(db, union_all(low, high))) == 4
    assert await rows(db, except_(low, high)) == [(1,)]
    assert await rows(db, intersect(low, high)) == [(2,)]
    top = high.order_by(table.c.n.desc()).limit(1)
    assert await rows(db, union(low.limit(1).order_by(table.c.n), top).order_by("n")) == [
        (1,), (3,),
    ]  # fmt: skip


async def test_exists_in_and_lists_without_values(db: AsyncConnection) -> None:
    table = await filled(db, 3)
    n = table.c.n
    assert await rows(db, select(exists().where(n == 2))) == [(True,)]
    assert await rows(db, select(n).where(n.in_([]))) == []
    assert len(await rows(db, select(n).where(n.not_in([])))) == 3
    listed = select(n).where(n.in_(bindparam("l", expanding=True))).order_by(n)
    assert await rows(db, listed, {"l": [1, 3]}) == [(1,), (3,)]
    assert await rows(db, listed, {"l": []}) == []
    assert await rows(db, select(n).where(tuple_(n, table.c.s).in_([(1, "s1"), (2, "x")]))) == [
        (1,)
    ]


async def test_like_and_its_escapes(db: AsyncConnection) -> None:
    table = await filled(db, 0)
    await db.execute(insert(table), [{"s": s} for s in ("ab%c", "abXc", "a_c", "AB%C")])
    s = table.c.s
    assert await rows(db, select(s).where(s.contains("b%c", autoescape=True))) == [("ab%c",)]
    assert await rows(db, select(s).where(s.like("a#_c", escape="#"))) == [("a_c",)]
    assert len(await rows(db, select(s).where(s.ilike("ab%")))) == 3
    assert await rows(db, select(s).where(s.regexp_match("^a.X"))) == [("abXc",)]
    assert await rows(db, select(s.regexp_replace("X", "-")).where(s == "abXc")) == [("ab-c",)]


async def test_window_functions_and_distinct_on(db: AsyncConnection) -> None:
    table = await filled(db, 4)
    n, odd = table.c.n, table.c.n % 2
    running = func.sum(n).over(partition_by=odd, order_by=n, rows=(None, 0))
    assert await rows(db, select(n, running).order_by(n)) == [(1, 1), (2, 2), (3, 4), (4, 6)]
    assert len(await rows(db, select(n).ext(_distinct_on(odd)).order_by(odd, n))) == 2


def _distinct_on(column: Any) -> Any:
    from sqlalchemy.dialects.postgresql import distinct_on

    return distinct_on(column)


async def test_operators_and_division(db: AsyncConnection) -> None:
    table = await filled(db, 1)
    n = table.c.n
    bits = [n.bitwise_xor(5), n.bitwise_or(4), n.bitwise_and(3), n.bitwise_lshift(3)]
    assert await rows(db, select(*bits)) == [(4, 5, 1, 8)]
    assert await rows(db, select(literal(7) / 2, literal(7) // 2, literal(7) % 4)) == [(3.5, 3, 3)]
    assert await rows(db, select(case((n == 1, "one"), else_="more"))) == [("one",)]


async def test_many_rows_are_fetched_in_parts(db: AsyncConnection) -> None:
    found = await db.execute(text("SELECT range FROM range(10000)"))
    assert [len(found.fetchmany(4000)) for _ in range(4)] == [4000, 4000, 2000, 0]


# -- names ------------------------------------------------------------------------------------

NAMES = ["select", "per % cent", "a:b", 'q"uote', "(paren)", "spa ce", "UPPER", "é", "a.b", "x'y"]


@pytest.mark.parametrize("name", NAMES)
async def test_any_name_is_quoted(db: AsyncConnection, name: str) -> None:
    """As a table, as a column, as a parameter and in an index; the inspector finds it.

    No table with a numbered key can have a ``%`` in its name.
    """
    columns = Column("id", Integer, primary_key=True), Column(name, Integer, index=True)
    table_name = name.replace("%", "of")  # SQLAlchemy formats the name of the key's sequence
    table = await make(db, *columns, name=table_name)
    await db.execute(insert(table), [{name: 1}, {name: 2}])
    await db.execute(update(table).where(table.c[name] == 2).values({name: 3}))
    query = select(table.c[name]).where(table.c[name] == bindparam(name, type_=Integer))
    assert await rows(db, query, {name: 3}) == [(3,)]

    def see(connection: Any) -> None:
        found = inspect(connection)
        assert found.get_table_names() == [table_name]
        assert [column["name"] for column in found.get_columns(table_name)] == ["id", name]
        assert [index["column_names"] for index in found.get_indexes(table_name)] == [[name]]

    await db.run_sync(see)


async def test_names_that_differ_in_case_are_one(db: AsyncConnection) -> None:
    """DuckDB keeps the case of a name, and compares without it, quoted or not."""
    await make(db, Column("Name", Integer), name="Things")
    await db.execute(text("INSERT INTO THINGS (NAME) VALUES (1), (2)"))
    assert await rows(db, text('SELECT "nAME" FROM "thingS" WHERE name = :n'), {"n": 2}) == [(2,)]


# -- what is there ----------------------------------------------------------------------------


async def test_computed_columns(db: AsyncConnection) -> None:
    """What computes a column is no default of it."""
    table = await make(db, Column("n", Integer), Column("double", Integer, Computed("n * 2")))
    await db.execute(insert(table).values(n=4))
    assert await rows(db, select(table.c.double)) == [(8,)]

    def see(connection: Any) -> None:
        plain, computed = inspect(connection).get_columns("t")
        assert "computed" not in plain
        assert computed["default"] is None
        assert "n * 2" in computed["computed"]["sqltext"]

    await db.run_sync(see)


async def test_sequences(db: AsyncConnection) -> None:
    numbers = Sequence("numbers", start=5, increment=2, metadata=MetaData())
    await db.run_sync(numbers.metadata.create_all)  # type: ignore[union-attr]
    assert [await db.scalar(select(numbers.next_value())) for _ in range(2)] == [5, 7]
    assert await db.scalar(select(numbers.next_value() + 0)) == 9


async def test_constraints_with_comments(db: AsyncConnection) -> None:
    """DuckDB has comments on tables and columns; one on a constraint is left out."""
    await make(
        db,
        Column("id", Integer, primary_key=True),
        Column("n", Integer, comment="it's 5 %"),
        Column("s", String),
        UniqueConstraint("n", "s", name="uq_n_s", comment="both"),
        CheckConstraint("n > 0", name="positive", comment="above"),
        Index("ix_lower", func.lower(text("s"))),
        comment="a table",
    )

    def see(connection: Any) -> None:
        found = inspect(connection)
        assert found.get_pk_constraint("t")["constrained_columns"] == ["id"]
        assert found.get_table_comment("t") == {"text": "a table"}
        assert found.get_columns("t")[1]["comment"] == "it's 5 %"
        assert [one["sqltext"] for one in found.get_check_constraints("t")] == ["(n > 0)"]
        indexes = {one["name"]: one for one in found.get_indexes("t")}
        assert indexes["uq_n_s"]["column_names"] == ["n", "s"]
        assert indexes["uq_n_s"]["unique"]

    await db.run_sync(see)


async def test_text_in_the_expression_of_an_index_is_read_whole(db: AsyncConnection) -> None:
    await make(db, Column("s", String), Column("n", Integer))
    await db.execute(text("CREATE INDEX ix ON t ((coalesce(s, 'it''s, [x] \\ y')), n)"))

    def see(connection: Any) -> None:
        (index,) = inspect(connection).get_indexes("t")
        assert index["expressions"] == ["(COALESCE(s, 'it''s, [x] \\ y'))", "n"]

    await db.run_sync(see)


async def test_temporary_tables_and_views(db: AsyncConnection) -> None:
    """They are reflected by name, before a table of that name, and not listed with the others."""
    await make(db, Column("lasting", Integer))
    await db.execute(text("CREATE TEMP TABLE t (passing INTEGER PRIMARY KEY)"))
    await db.execute(text("CREATE TEMP VIEW v AS SELECT 1 AS one"))
    await db.execute(text("CREATE VIEW v AS SELECT 2 AS two"))

    def see(connection: Any) -> None:
        found = inspect(connection)
        assert found.get_table_names() == ["t"]
        assert found.get_temp_table_names() == ["t"]
        assert found.get_temp_view_names() == ["v"]
        for name in ("t", "T"):
            assert [column["name"] for column in found.get_columns(name)] == ["passing"]
        assert found.get_pk_constraint("t")["constrained_columns"] == ["passing"]
        assert [column["name"] for column in found.get_columns("t", schema="main")] == ["lasting"]
        assert [column["name"] for column in found.get_columns("v")] == ["one"]
        assert "1 AS" in str(found.get_view_definition("v"))
        assert "2 AS" in str(found.get_view_definition("v", schema="main"))
        assert found.get_materialized_view_names("main") == []
        assert found.get_table_options("t") == {}
        with pytest.raises(NoSuchTableError):
            found.get_table_options("missing")

    await db.run_sync(see)


async def test_an_inspector_keeps_what_it_has_seen(db: AsyncConnection) -> None:
    """Until its cache is cleared, as on every engine: no answer contradicts an earlier one."""

    def see(connection: Any) -> None:
        found = inspect(connection)
        assert not found.has_table("t")
        assert not found.has_sequence("s")
        assert not found.has_schema("other")
        for statement in ("TABLE t (i INTEGER)", "SEQUENCE s", "SCHEMA other"):
            connection.exec_driver_sql(f"CREATE {statement}")
        seen = [lambda: found.has_table("t"), lambda: found.has_sequence("s")]
        seen += [lambda: found.has_schema("other"), lambda: not found.has_index("t", "ix")]
        assert [one() for one in seen] == [False, False, False, True]
        found.clear_cache()
        assert all(one() for one in seen)

    await db.run_sync(see)
