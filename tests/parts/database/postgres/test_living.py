"""Engines over swaps, live changes of tables, and keys."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Column, Integer, String, select, text
from sqlalchemy.exc import IntegrityError

from modframe.parts.database.databases import Databases
from tests.parts.database.support import fresh_base


async def test_an_engine_is_kept_and_its_compiled_statements_are_not(
    folder: Path, postgres_url: str
) -> None:
    """Idle or not: connecting takes longer than most queries; the cache would keep old models."""
    base = fresh_base("shop")
    item = type("Item", (base,), {"__tablename__": "t", "id": Column(Integer, primary_key=True)})
    async with Databases(folder, url=postgres_url, idle=0.0) as databases:
        await databases.apply("shop", base.metadata)
        pids = set()
        for _ in range(3):
            async with databases.session("shop", "read") as session:
                await session.execute(select(item))
                pids.add(await session.scalar(text("SELECT pg_backend_pid()")))
            async with databases.database("shop").use() as engine:
                assert engine.sync_engine._compiled_cache
                databases.forget()
                assert not engine.sync_engine._compiled_cache
        assert len(pids) == 1


async def test_statements_survive_a_change_of_their_table(folder: Path, postgres_url: str) -> None:
    """psycopg prepares what is used often; a column that comes meanwhile breaks no session."""
    async with Databases(folder, url=postgres_url) as databases:
        async with databases.session("shop", "make", strict=True) as session:
            await session.execute(text("CREATE TABLE items AS SELECT 1 AS id"))
            await session.commit()
        for number in range(12):
            async with databases.session("shop", "read") as session:
                row = (await session.execute(text("SELECT * FROM items"))).one()
            assert len(row) == (1 if number < 8 else 2)
            if number == 7:
                with psycopg.connect(postgres_url, autocommit=True) as other:
                    other.execute("ALTER TABLE shop.items ADD COLUMN name TEXT")


async def test_a_key_given_by_hand_leaves_the_counter_behind(
    folder: Path, postgres_url: str
) -> None:
    """The next automatic one is the same number: an `IntegrityError`, and the one after it works."""
    base = fresh_base("shop")
    columns = {"__tablename__": "t", "id": Column(Integer, primary_key=True)}
    item = type("Item", (base,), columns)
    async with Databases(folder, url=postgres_url) as databases:
        await databases.apply("shop", base.metadata)
        async with databases.session("shop", "add", strict=True) as session:
            session.add(item(id=1))
            await session.commit()
            session.add(item())
            with pytest.raises(IntegrityError):
                await session.commit()
            await session.rollback()
            session.add(item())
            await session.commit()
            assert (await session.scalars(select(item.id).order_by(item.id))).all() == [1, 2]


async def test_letters_of_any_language_compare_without_case(
    folder: Path, postgres_url: str
) -> None:
    """``ilike`` folds them, on a server whose locale is UTF-8."""
    base = fresh_base("shop")
    columns = {
        "__tablename__": "t",
        "id": Column(Integer, primary_key=True),
        "name": Column(String),
    }
    item = type("Item", (base,), columns)
    async with Databases(folder, url=postgres_url) as databases:
        await databases.apply("shop", base.metadata)
        async with databases.session("shop", "add", strict=True) as session:
            session.add(item(name="ÄRGER"))
            await session.commit()
            assert await session.scalar(select(item.name).where(item.name.ilike("ärg%"))) == "ÄRGER"
