"""Reflection: SQLAlchemy's inspector sees what is there, and reflected tables work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, Table, inspect, select, text
from sqlalchemy.exc import NoSuchTableError

from modframe.parts.database.databases import Databases
from modframe.parts.database.duckdb.number_keys import number_keys

DDL = """
CREATE SEQUENCE parents_id_seq;
CREATE TABLE parents (
    id INTEGER DEFAULT nextval('parents_id_seq') PRIMARY KEY,
    "by" VARCHAR NOT NULL UNIQUE,
    price DECIMAL(10, 2) CHECK (price > 0),
    tags VARCHAR[], seen TIMESTAMP WITH TIME ZONE, kind ENUM ('a', 'it''s')
);
CREATE TABLE children (parent_id INTEGER REFERENCES parents (id), n INTEGER, "a b" INTEGER);
CREATE INDEX ix_n ON children (n, "a b");
CREATE UNIQUE INDEX ix_expression ON children ((n + 1));
CREATE VIEW cheap AS SELECT * FROM parents WHERE price < 1;
COMMENT ON TABLE parents IS 'who';
COMMENT ON COLUMN parents.price IS 'in euros';
"""


async def reflect(folder: Path, see: Callable[[Any], None]) -> None:
    """Run ``see`` with an SQLAlchemy connection to the database that `DDL` makes."""
    async with Databases(folder) as databases:
        async with databases.session("shop", "make", strict=True) as session:
            for statement in DDL.split(";")[:-1]:
                await session.execute(text(statement))
            await session.commit()
        async with databases.session("other", "make", strict=True) as session:
            await session.execute(text("CREATE TABLE elsewhere (i INTEGER)"))
            await session.commit()
        async with databases.session("shop", "look") as session:
            await (await session.connection()).run_sync(see)


async def test_names(folder: Path) -> None:
    """Tables, views and sequences of this database, and of no other that is attached."""

    def see(connection: Any) -> None:
        found = inspect(connection)
        assert found.get_table_names() == ["children", "parents"]
        assert found.get_view_names() == ["cheap"]
        assert found.get_sequence_names() == ["parents_id_seq"]
        assert found.has_table("cheap")
        assert not found.has_table("elsewhere")
        assert found.get_schema_names() == ["main"]
        assert found.default_schema_name == "main"
        assert "price < 1" in str(found.get_view_definition("cheap"))
        with pytest.raises(NoSuchTableError):
            found.get_columns("elsewhere")

    await reflect(folder, see)


async def test_columns(folder: Path) -> None:
    """Types, nullability, defaults and comments."""

    def see(connection: Any) -> None:
        columns = {one["name"]: one for one in inspect(connection).get_columns("parents")}
        assert list(columns) == ["id", "by", "price", "tags", "seen", "kind"]
        assert [one["nullable"] for one in columns.values()] == [
            False,
            False,
            True,
            True,
            True,
            True,
        ]
        assert columns["id"]["autoincrement"]
        assert "nextval" in str(columns["id"]["default"])
        assert repr(columns["price"]["type"]) == "Numeric(precision=10, scale=2)"
        assert columns["price"]["comment"] == "in euros"
        assert str(columns["tags"]["type"].item_type) == "VARCHAR"
        assert columns["seen"]["type"].timezone
        assert columns["kind"]["type"].enums == ["a", "it's"]

    await reflect(folder, see)


async def test_constraints_and_indexes(folder: Path) -> None:
    """Keys, references, uniques, checks, comments and indexes."""

    def see(connection: Any) -> None:
        found = inspect(connection)
        assert found.get_pk_constraint("parents")["constrained_columns"] == ["id"]
        assert found.get_pk_constraint("children")["constrained_columns"] == []
        (key,) = found.get_foreign_keys("children")
        assert (key["constrained_columns"], key["referred_table"], key["referred_columns"]) == (
            ["parent_id"],
            "parents",
            ["id"],
        )
        (unique,) = found.get_unique_constraints("parents")
        assert unique["column_names"] == ["by"]
        (check,) = found.get_check_constraints("parents")
        assert "price" in check["sqltext"]
        assert found.get_table_comment("parents") == {"text": "who"}
        indexes = {one["name"]: one for one in found.get_indexes("children")}
        assert indexes["ix_n"]["column_names"] == ["n", "a b"]
        assert not indexes["ix_n"]["unique"]
        assert indexes["ix_expression"]["column_names"] == [None]
        assert indexes["ix_expression"]["unique"]

    await reflect(folder, see)


async def test_reflected_tables_can_be_used(folder: Path) -> None:
    """`MetaData.reflect` brings tables that queries can be made of."""

    def see(connection: Any) -> None:
        metadata = MetaData()
        metadata.reflect(connection)
        parents: Table = metadata.tables["parents"]
        connection.execute(parents.insert().values({"by": "me", "price": 1, "kind": "a"}))
        assert connection.execute(select(parents.c.id, parents.c.by)).all() == [(1, "me")]
        assert set(metadata.tables) == {"children", "parents"}
        connection.rollback()

    await reflect(folder, see)


async def test_create_all_and_drop_all_repeat_safely(folder: Path) -> None:
    """SQLAlchemy's own DDL checks before it makes or drops, sequences included."""
    from tests.parts.database.test_schema import metadata_of

    metadata = metadata_of()
    number_keys(metadata)

    def see(connection: Any) -> None:
        for _ in range(2):
            metadata.create_all(connection)
        assert inspect(connection).has_table("t")
        for _ in range(2):
            metadata.drop_all(connection)
        assert not inspect(connection).has_table("t")
        connection.rollback()

    await reflect(folder, see)
