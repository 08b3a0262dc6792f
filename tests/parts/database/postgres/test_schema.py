"""Schemas of a server: which one a database gets, and whose it is."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Column, DateTime, Integer, select, text

from modframe.parts.database.databases import Databases
from modframe.parts.database.errors import DatabaseOpenError, DatabaseURLError
from tests.parts.database.support import fresh_base
from tests.postgres_server import with_parameter


def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    """The rows of a statement, run by somebody else."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def schemas(url: str) -> list[str]:
    """The schemas that somebody made."""
    rows = ask(
        url,
        "SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' "
        "AND nspname NOT IN ('public', 'information_schema') ORDER BY 1",
    )
    return [str(name) for (name,) in rows]


async def value(databases: Databases, database: str, statement: str) -> object:
    """One value that a session of its own reads."""
    async with databases.session(database, "read") as session:
        return await session.scalar(text(statement))


async def test_a_database_is_a_schema_with_its_very_name(folder: Path, postgres_url: str) -> None:
    """Upper case stays; tables are made in it and found in it; all is there after a restart."""
    base = fresh_base("MyShop")
    columns = {"__tablename__": "Items", "id": Column(Integer, primary_key=True)}
    item = type("Item", (base,), columns)
    for rows in (0, 1):
        async with Databases(folder, url=postgres_url) as databases:
            await databases.apply("MyShop", base.metadata)
            async with databases.session("MyShop", "add", strict=True) as session:
                assert len((await session.scalars(select(item))).all()) == rows
                session.add(item())
                await session.commit()
            assert databases.describe()[0].tables == ("Items",)
    assert schemas(postgres_url) == ["MyShop"]
    assert ask(postgres_url, 'SELECT id FROM "MyShop"."Items" ORDER BY id') == [(1,), (2,)]
    assert not folder.exists()


async def test_two_databases_of_one_server_share_no_table(folder: Path, postgres_url: str) -> None:
    """Names resolve in the database's own schema alone, not even in ``public``."""
    ask(postgres_url, "CREATE TABLE public.notes (id INTEGER)")
    async with Databases(folder, url=postgres_url) as databases:
        for name in ("one", "two"):
            async with databases.session(name, "make", strict=True) as session:
                await session.execute(
                    text("CREATE TABLE notes AS SELECT :name AS name"), {"name": name}
                )
                await session.commit()
        assert await value(databases, "one", "SELECT name FROM notes") == "one"
        assert await value(databases, "two", "SELECT name FROM notes") == "two"


async def test_a_schema_of_somebody_else_is_left_alone(folder: Path, postgres_url: str) -> None:
    """It is refused with the two ways on, and used once the URL declares it."""
    ask(postgres_url, "CREATE SCHEMA shop; CREATE TABLE shop.theirs AS SELECT 7 AS n")
    async with Databases(folder, url=postgres_url) as databases:
        with pytest.raises(DatabaseOpenError, match=r"'shop'.*didn't make") as info:
            await value(databases, "shop", "SELECT n FROM theirs")
        assert "schema=existing" in info.value.cure
        assert "MODFRAME_DATABASE_URL_SHOP" in info.value.cure
        assert "DATABASE_NAME" in info.value.cure
    declared = {"shop": with_parameter(postgres_url, schema="existing")}
    async with Databases(folder, urls=declared) as databases:
        assert await value(databases, "shop", "SELECT n FROM theirs") == 7
    assert ask(postgres_url, "SELECT obj_description('shop'::regnamespace)") == [(None,)]


async def test_another_word_for_a_schema_is_refused(folder: Path, postgres_url: str) -> None:
    """A typing error isn't taken for a declaration."""
    async with Databases(folder, url=with_parameter(postgres_url, schema="exsiting")) as databases:
        with pytest.raises(DatabaseURLError, match=r"schema=exsiting.*schema=existing"):
            await value(databases, "shop", "SELECT 1")


async def test_a_server_without_a_url_is_an_error(folder: Path) -> None:
    """A file can choose the engine, but only the environment can say where it is."""
    async with Databases(folder) as databases:
        with pytest.raises(DatabaseURLError, match=r"'shop'.*MODFRAME_DATABASE_URL_SHOP"):
            async with databases.session("shop", "read", engine="postgresql"):
                pass


async def test_many_that_open_at_once_make_one_schema(folder: Path, postgres_url: str) -> None:
    """Apps that meet an empty server at the same time all get in, and make each table once."""
    base = fresh_base("shop")
    columns = {"__tablename__": "items", "id": Column(Integer, primary_key=True)}
    type("Item", (base,), columns)

    async def use() -> object:
        async with Databases(folder, url=postgres_url) as databases:
            await databases.apply("shop", base.metadata)
            return await value(databases, "shop", "SELECT count(*) FROM items")

    assert await asyncio.gather(*(use() for _ in range(6))) == [0] * 6
    assert schemas(postgres_url) == ["shop"]


async def test_nothing_is_left_of_databases_in_memory(postgres_url: str) -> None:
    """Each app has a schema of its own, which is dropped when it closes, used or not."""
    async with Databases(None, url=postgres_url) as one, Databases(None, url=postgres_url) as two:
        for number, databases in enumerate((one, two)):
            async with databases.session("shop", "make", strict=True) as session:
                await session.execute(text(f"CREATE TABLE notes AS SELECT {number} AS n"))
                await session.commit()
        assert [await value(each, "shop", "SELECT n FROM notes") for each in (one, two)] == [0, 1]
        assert len(schemas(postgres_url)) == 2
        assert all(name.startswith("shop_") for name in schemas(postgres_url))
    assert schemas(postgres_url) == []


async def test_times_come_back_in_utc_whatever_the_server_says(
    folder: Path, postgres_url: str
) -> None:
    """A zoned time is the same instant and has a zone; the server's zone doesn't matter."""
    ask(postgres_url, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = %L', "
        "current_database(), 'Asia/Tokyo'); END $$")  # fmt: skip
    base = fresh_base("shop")
    item = type("Item", (base,), {
        "__tablename__": "items",
        "id": Column(Integer, primary_key=True),
        "at": Column(DateTime(timezone=True)),
    })  # fmt: skip
    then = datetime(2026, 3, 29, 2, 30, tzinfo=timezone(timedelta(hours=-5)))
    async with Databases(folder, url=postgres_url) as databases:
        await databases.apply("shop", base.metadata)
        async with databases.session("shop", "add", strict=True) as session:
            session.add(item(at=then))
            await session.commit()
            at = await session.scalar(select(item.at))
    assert at == then
    assert at.utcoffset() == timedelta(0)


async def test_a_schema_that_was_dropped_begins_anew_with_the_next_load(
    folder: Path, postgres_url: str
) -> None:
    """Somebody resets the database while the app runs: an empty one comes with the next load."""
    base = fresh_base("shop")
    columns = {"__tablename__": "items", "id": Column(Integer, primary_key=True)}
    item = type("Item", (base,), columns)
    async with Databases(folder, url=postgres_url) as databases:
        for _ in range(2):
            await databases.apply("shop", base.metadata)
            async with databases.session("shop", "add", strict=True) as session:
                session.add(item())
                await session.commit()
                assert (await session.scalars(select(item.id))).all() == [1]
            ask(postgres_url, "DROP SCHEMA shop CASCADE")
        await databases.apply("shop", base.metadata)
    (mark,) = ask(postgres_url, "SELECT obj_description('shop'::regnamespace)")
    assert str(mark[0]).startswith("modframe")
