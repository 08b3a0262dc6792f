"""``sql`` over databases of every engine: ``orders.items`` is a table, whoever keeps it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Uuid,
    insert,
    text,
)

from modframe.parts.database.arrow import source_of
from modframe.parts.database.databases import Databases
from modframe.parts.database.errors import QueryRefusedError


def items() -> Table:
    """Return the model of ``items``, of a new metadata."""
    return Table(
        "items",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("name", String(20)),
        Column("price", Numeric(12, 2)),
        Column("total", Numeric(30, 12)),
        Column("weight", Float),
        Column("sold", Boolean),
        Column("day", Date),
        Column("at", DateTime(timezone=True)),
        Column("key", Uuid),
        Column("facts", JSON(none_as_null=True)),
        Column("image", LargeBinary),
    )


ROW = {
    "id": 2, "name": "ä", "price": Decimal("1234567890.12"),
    "total": Decimal("123456789012345678.123456789012"), "weight": 0.1 + 0.2, "sold": True,
    "day": date(2026, 1, 31), "at": datetime(2026, 1, 31, 8, tzinfo=UTC),
    "key": uuid.UUID(int=7), "facts": {"a": [1]}, "image": b"\x00\xff",
}  # fmt: skip
EMPTY = dict.fromkeys(ROW) | {"id": 1}


@pytest.fixture
async def databases(folder: Path, database_url: str, engine: str) -> AsyncIterator[Databases]:
    """`Databases` with ``orders`` on the engine, and ``people`` on DuckDB."""
    urls, table = {"orders": database_url, "people": "duckdb"}, items()

    def models(database: str) -> list[MetaData]:
        return [table.metadata] if database == "orders" else []

    async with Databases(folder, urls=urls, models=models, files=[]) as databases:
        await databases.apply("orders", table.metadata)
        async with databases.session("orders", "fill", strict=True) as session:
            await session.execute(insert(table), [EMPTY, ROW])
            await session.commit()
        async with databases.session("people", "fill", strict=True) as session:
            await session.execute(text("CREATE TABLE users (id INTEGER, name VARCHAR)"))
            await session.execute(text("INSERT INTO users VALUES (1, 'Emma'), (2, 'Anne')"))
            await session.commit()
        yield databases


async def test_values_come_as_they_were_written(databases: Databases) -> None:
    """Each type, and NULL in each column before any value."""
    rows = await databases.sql("SELECT * FROM orders.items ORDER BY id")
    assert rows.columns == tuple(ROW)
    assert rows.rows[0] == tuple(EMPTY.values())
    got = dict(zip(rows.columns, rows.rows[1], strict=True))
    assert got.pop("facts").replace(" ", "") == '{"a":[1]}'
    assert got.pop("at").astimezone(UTC) == ROW["at"]
    assert got == {name: value for name, value in ROW.items() if name not in ("facts", "at")}


async def test_databases_of_two_engines_are_joined(databases: Databases) -> None:
    """With joins, aggregates, conditions, self joins, subqueries and parameters."""
    for query, params, expected in (
        ("SELECT u.name, i.price FROM orders.items i JOIN people.users u USING (id) "
         "WHERE i.name = ?", ("ä",), [("Anne", ROW["price"])]),
        ("SELECT count(*), sum(price) FROM orders.items", (), [(2, ROW["price"])]),
        ("SELECT a.id FROM orders.items a JOIN orders.items b USING (id) WHERE b.sold", (), [(2,)]),
        ("SELECT name FROM people.users WHERE id IN (SELECT id FROM orders.items WHERE sold)",
         (), [("Anne",)]),
        ("SELECT max(orders.items.id) FROM orders.items", (), [(2,)]),
        ("SELECT (i).name FROM (SELECT i FROM orders.items i WHERE id = 2)", (), [("ä",)]),
        ("SELECT id FROM orders.items WHERE name::VARCHAR <> '' AND price > 5", (), [(2,)]),
        ("WITH a AS (FROM orders.items) SELECT count(*) FROM a", (), [(2,)]),
    ):  # fmt: skip
        assert (await databases.sql(query, *params)).rows == expected, query
    assert (await databases.sql("SELECT max(id) FROM items", database="orders")).rows == [(2,)]
    described = await databases.sql("DESCRIBE orders.items")
    assert [row[0] for row in described] == list(ROW)
    assert (await databases.sql("SUMMARIZE orders.items")).count == len(ROW)
    assert ("orders", "items") in {
        (row[1] if row[0] == "memory" else row[0], row[2])
        for row in await databases.sql("SHOW ALL TABLES")
    }


async def test_queries_see_what_is_committed(databases: Databases) -> None:
    """A row, and a column, that came since the last query; an empty table keeps its types."""
    query = "SELECT count(*), sum(price) FROM orders.items"
    async with databases.session("orders", "more", strict=True) as session:
        await session.execute(insert(items()), [{"id": 3, "price": Decimal("0.01")}])
        assert (await databases.sql(query)).rows == [(2, ROW["price"])]
        await session.commit()
    assert (await databases.sql(query)).rows == [(3, Decimal("1234567890.13"))]
    async with databases.session("orders", "fewer", strict=True) as session:
        await session.execute(text("DELETE FROM items"))
        await session.commit()
    assert (await databases.sql(query)).rows == [(0, None)]
    async with databases.session("orders", "alter", strict=True) as session:
        await session.execute(text("ALTER TABLE items ADD COLUMN note VARCHAR(10)"))
        await session.commit()
    assert "note" in (await databases.sql("FROM orders.items")).columns


async def test_queries_side_by_side_see_their_own(databases: Databases) -> None:
    """Many at once, of the same table."""
    answers = await asyncio.gather(
        *(databases.sql("SELECT count(*) + ? FROM orders.items", number) for number in range(8))
    )
    assert [answer.rows for answer in answers] == [[(2 + number,)] for number in range(8)]


async def test_nothing_is_written(databases: Databases) -> None:
    """Whatever keeps the table, the query is refused and the rows stay."""
    for query in (
        "INSERT INTO orders.items (id) VALUES (9)",
        "WITH a AS (DELETE FROM orders.items RETURNING id) FROM a",
        "DROP VIEW memory.orders.items",
        "FROM orders.nothing",
        'FROM "orders.items"',
        "SELECT * FROM query_table('orders.items')",
    ):
        with pytest.raises(QueryRefusedError):
            pytest.fail(f"{query} answered {await databases.sql(query)}")
        assert (await databases.sql("SELECT count(*) FROM orders.items")).rows == [(2,)], query


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True)
async def test_what_reads_a_database_cannot_write(databases: Databases) -> None:
    """Not even if it is asked to: the file is opened to read, the server refuses."""
    database = databases.database("orders")
    async with database.use() as opened:
        source = await source_of(database.backend, opened)

        def attack() -> None:
            source.open()
            try:
                if hasattr(source, "execute"):
                    source.execute("DELETE FROM main.items")
                else:
                    source.stream("DELETE FROM orders.items").__arrow_c_stream__()
            finally:
                source.close()

        with pytest.raises(Exception, match=r"readonly|read-only"):
            await asyncio.to_thread(attack)
    assert (await databases.sql("SELECT count(*) FROM orders.items")).rows == [(2,)]


WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0.05, isolation_level=None)
try:
    connection.execute("BEGIN IMMEDIATE")
except sqlite3.OperationalError as error:
    print(error)
else:
    print("another process writes")
"""


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_a_query_keeps_the_locks_of_sqlite(databases: Databases, folder: Path) -> None:
    """A query beside a session that writes lets no other process write into its transaction."""
    async with databases.session("orders", "write", strict=True) as session:
        await session.execute(insert(items()), [{"id": 3}])
        assert (await databases.sql("SELECT count(*) FROM orders.items")).rows == [(2,)]
        process = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", WRITER, str(folder / "orders.sqlite")],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert process.stdout.strip() == "database is locked"
        await session.commit()


def types_of_rows(rows: Any) -> dict[str, str]:
    """Column → type."""
    return dict(zip(rows.columns, rows.types, strict=True))


async def test_types_are_those_of_the_models(databases: Databases) -> None:
    """What an engine keeps as a text or a number has the model's type in a query."""
    found = types_of_rows(await databases.sql("FROM orders.items"))
    assert found["price"] == "DECIMAL(12,2)"
    assert found["at"] == "TIMESTAMP WITH TIME ZONE"
    assert (found["sold"], found["day"], found["key"]) == ("BOOLEAN", "DATE", "UUID")
