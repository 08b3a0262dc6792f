"""`sql`: reads across all databases, and nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from modframe.parts.database.databases import Databases, Rows
from modframe.parts.database.errors import (
    DatabaseLockedError,
    DatabaseNameError,
    QueryRefusedError,
)
from tests.parts.database.support import held_by_another, until

HEAVY = "SELECT count(*) FROM range(100000000) a, range(10000) b WHERE a.range + b.range = 7"


async def fill(databases: Databases) -> None:
    """Two databases with a table each."""
    for name, table in (("shop", "items"), ("people", "users")):
        async with databases.session(name, "fill", strict=True) as session:
            await session.execute(text(f"CREATE TABLE {table} (id INTEGER, name VARCHAR)"))
            await session.execute(text(f"INSERT INTO {table} VALUES (1, 'one'), (2, NULL)"))
            await session.commit()


async def test_it_reads_across_databases_attached_or_not(folder: Path) -> None:
    """Tables are named ``<database>.<table>``, whether their file is attached or not."""
    async with Databases(folder) as databases:
        await fill(databases)
    async with Databases(folder) as databases:
        rows = await databases.sql(
            "SELECT i.name, u.id FROM shop.items i JOIN people.users u USING (id) WHERE id = ?",
            1,
        )
        assert rows == Rows([("one", 1)], ("name", "id"))
        named = await databases.sql("SELECT $a + $b AS n", {"a": 1, "b": 2})
        assert named.rows == [(3,)]
        bare = await databases.sql("FROM items ORDER BY id", database="shop")
        assert bare.rows == [(1, "one"), (2, None)]
        tables = await databases.sql("SHOW ALL TABLES")
        assert {row[:3] for row in tables} == {
            ("people", "main", "users"),
            ("shop", "main", "items"),
        }
        plan = await databases.sql("EXPLAIN SELECT * FROM shop.items")
        assert len(plan) == 1
        assert (await databases.sql("DESCRIBE shop.items")).rows[0][0] == "id"
        assert (await databases.sql("WITH a AS (SELECT 1 AS n) FROM a;")).rows == [(1,)]


REFUSED = [
    "INSERT INTO shop.items VALUES (3, 'x')",
    "UPDATE shop.items SET id = 1",
    "DELETE FROM shop.items",
    "MERGE INTO shop.items USING shop.items AS o ON true WHEN MATCHED THEN DELETE",
    "WITH a AS (INSERT INTO shop.items VALUES (3, 'x') RETURNING id) SELECT * FROM a",
    "EXPLAIN ANALYZE INSERT INTO shop.items VALUES (3, 'x')",
    "CREATE TABLE shop.more (i INTEGER)",
    "CREATE TEMP TABLE more (i INTEGER)",
    "DROP TABLE shop.items",
    "COPY shop.items TO 'out.csv'",
    "EXPORT DATABASE 'out'",
    "ATTACH 'other.duckdb'",
    "DETACH shop",
    "SET threads = 1",
    "PRAGMA threads = 1",
    "USE shop",
    "BEGIN",
    "COMMIT; INSERT INTO shop.items VALUES (3, 'x')",
    "SELECT 1; SELECT 2",
    "CHECKPOINT shop",
    "CALL pragma_version()",
    "LOAD json",
    "PREPARE x AS SELECT 1",
    "",
    "SELECT FROM WHERE",
    "SELECT * FROM shop.nothing",
]


async def test_all_but_one_reading_statement_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clear error, nothing changed, no file made, and the next query works."""
    monkeypatch.chdir(tmp_path)
    async with Databases(folder) as databases:
        await fill(databases)
        for query in REFUSED:
            with pytest.raises(QueryRefusedError, match=r"(?s).+[.\n] ?[A-Z].+") as info:
                pytest.fail(f"{query} answered {await databases.sql(query)}")
            assert info.value.query == query
            rows = await databases.sql("SELECT * FROM shop.items ORDER BY id")
            assert rows.rows == [(1, "one"), (2, None)], query
            assert [one.name for one in tmp_path.iterdir()] == ["data"], query


async def test_an_unknown_database_is_named_with_the_existing_ones(folder: Path) -> None:
    """A query on a database that doesn't exist doesn't make it."""
    async with Databases(folder) as databases:
        await fill(databases)
        with pytest.raises(DatabaseNameError, match=r"'nowhere'.*people, shop"):
            await databases.sql("SELECT 1", database="nowhere")
        assert not (folder / "nowhere.duckdb").exists()


async def test_only_the_files_that_a_query_names_are_needed(folder: Path) -> None:
    """A file that another process holds blocks queries that name it, and no others."""
    async with Databases(folder) as databases:
        await fill(databases)
    with held_by_another(folder / "people.duckdb") as holder:
        async with Databases(folder, lock_wait=0.05) as databases:
            assert (await databases.sql("SELECT count(*) FROM shop.items")).rows == [(2,)]
            with pytest.raises(DatabaseLockedError, match=str(holder.pid)):
                await databases.sql("SELECT * FROM people.users")


async def test_a_query_can_be_cancelled(folder: Path) -> None:
    """Cancelling interrupts DuckDB, and the loop is not blocked meanwhile."""
    async with Databases(folder, idle=0.0) as databases:
        await fill(databases)
        query = asyncio.create_task(databases.sql(f"{HEAVY} AND 'shop' != ''"))
        for _ in range(50):
            await asyncio.sleep(0.001)
        assert not query.done()
        query.cancel()
        with pytest.raises(asyncio.CancelledError):
            await query
        await until(lambda: not any(one.attached for one in databases.describe()))


async def test_a_query_without_a_table_needs_no_file(folder: Path) -> None:
    """A constant is computed even if another process holds every file."""
    async with Databases(folder) as databases:
        await fill(databases)
    with held_by_another(folder / "people.duckdb"):
        async with Databases(folder, lock_wait=0.05) as databases:
            assert (await databases.sql("SELECT 'people' || 1")).rows == [("people1",)]
            with pytest.raises(DatabaseLockedError):
                await databases.sql("SHOW ALL TABLES")


async def test_no_more_rows_than_the_limit_are_returned(folder: Path) -> None:
    """The result says that there are more; an endless one is cut as well."""
    async with Databases(folder) as databases:
        rows = await databases.sql("FROM range(1000000000000)", limit=5)
        assert (rows.count, rows.cut) == (5, True)
        assert "5 rows" in rows.summary
        assert "there are more" in rows.summary
        whole = await databases.sql("FROM range(5)", limit=5)
        assert (whole.count, whole.cut) == (5, False)


POINTED = [
    ("SELEC 1", "line 1: SELEC 1", "S"),
    ("SELECT 'ä',\n  nam FROM shop.items", "line 2:   nam FROM shop.items", "n"),
    ("SELECT *\nFROM shop.itemz", "line 2: FROM shop.itemz", "s"),
    ("SELECT nofun(1)", "line 1: SELECT nofun(1)", "n"),
    ("EXPLAIN SELECT *\nFROM shop.itemz", "line 2: FROM shop.itemz", "s"),
    ("SELECT 'ä', read_text('x')", "line 1: SELECT 'ä', read_text('x')", "r"),
    ("SELECT 'a'::INT", "line 1: SELECT 'a'::INT", ":"),
]


async def test_an_error_points_into_the_query_once(folder: Path) -> None:
    """The line of the query and an arrow below what is wrong."""
    async with Databases(folder) as databases:
        await fill(databases)
        for query, line, character in POINTED:
            with pytest.raises(QueryRefusedError) as info:
                await databases.sql(query)
            lines = str(info.value).splitlines()
            place = lines.index(line)
            assert lines[place][lines[place + 1].index("^")] == character, query
            assert str(info.value).count("^") == 1, query
            assert "LINE" not in str(info.value), query
            assert "exception_type" not in str(info.value), query


async def test_a_table_that_is_not_there_has_its_nearest_name(folder: Path) -> None:
    """With its database, if that was left out or misspelt."""
    async with Databases(folder) as databases:
        await fill(databases)
        for query in ("FROM shop.item", "FROM shops.items", "FROM items", "FROM item"):
            with pytest.raises(QueryRefusedError, match=r"there is no table .*'(shop\.)?items'"):
                await databases.sql(query)


async def test_parameters_bind(folder: Path) -> None:
    """By position and by name; a text that looks like SQL stays a text."""
    async with Databases(folder) as databases:
        await fill(databases)
        query = "SELECT count(*) FROM shop.items WHERE name = ?"
        assert (await databases.sql(query, "' OR 1=1 --")).rows == [(0,)]
        assert (await databases.sql("SELECT $b, $a", {"a": 1, "b": "x"})).rows == [("x", 1)]
        with pytest.raises(QueryRefusedError, match="parameter"):
            await databases.sql(query)


@pytest.mark.parametrize(
    ("query", "params", "said"),
    [
        ("SELECT ?", (), "the query takes 1 parameter, and was given no parameter."),
        ("SELECT ?, ?", (1,), "the query takes 2 parameters, and was given 1 parameter."),
        ("SELECT 1", (1, 2), "the query takes no parameter, and was given 2 parameters."),
        ("SELECT $a", ({"b": 1},), "takes 1 parameter ($a), and was given 1 parameter ($b)."),
        ("SELECT $a", ({"a": 1, "b": 2},), "($a), and was given 2 parameters ($a, $b)."),
        ("SELECT $a", (1,), "takes 1 parameter ($a), and was given 1 parameter."),
        ("SELECT ?", ({"a": 1},), "takes 1 parameter, and was given 1 parameter ($a)."),
        ("EXPLAIN SELECT ?", (), "the query takes 1 parameter, and was given no parameter."),
        ("SELECT ?", (object(),), "Unable to transform python value"),
        ("SELECT ? + $a", ({"1": 1, "a": 2},), "Mixing named and positional parameters"),
    ],
)
async def test_wrong_parameters_are_said_as_such(
    folder: Path, query: str, params: tuple[object, ...], said: str
) -> None:
    """The next step is about parameters, and not about the names of tables."""
    async with Databases(folder) as databases:
        with pytest.raises(QueryRefusedError) as caught:
            await databases.sql(query, *params)
    assert said in str(caught.value)
    assert "Give one value for each ? of the query" in str(caught.value)


async def test_parameters_are_told_by_their_names_in_any_case(folder: Path) -> None:
    """As DuckDB does; one that is used twice is one parameter."""
    async with Databases(folder) as databases:
        assert (await databases.sql("SELECT $A + $a", {"a": 1})).rows == [(2,)]
        assert (await databases.sql("SELECT $2 - $1 + $1", 1, 3)).rows == [(3,)]
        assert (await databases.sql("SELECT 1", {})).rows == [(1,)]
        assert (await databases.sql("EXPLAIN SELECT ?", 1)).count == 1
