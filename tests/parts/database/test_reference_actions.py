"""``ondelete`` where the engine knows no references, and what models can't say there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    delete,
    insert,
    text,
)
from sqlalchemy.exc import IntegrityError

from modframe.parts.database.databases import Databases
from modframe.parts.database.discover import discover
from modframe.parts.database.duckdb.backend import DuckDB
from modframe.parts.database.errors import DatabaseDefinitionError
from modframe.parts.database.foreign import check_references
from tests.parts.database.support import file_of, fresh_base


def family(ondelete: str | None) -> Any:
    """A base with parents, children by ``ondelete``, and grandchildren that go with them."""
    base = fresh_base("family")

    class Parent(base):  # type: ignore[misc, valid-type]  # made at run time
        __tablename__ = "parents"
        id = Column(Integer, primary_key=True)

    class Child(base):  # type: ignore[misc, valid-type]
        __tablename__ = "children"
        id = Column(Integer, primary_key=True)
        parent_id = Column(ForeignKey("parents.id", ondelete=ondelete), server_default="1")
        elder_id = Column(ForeignKey("children.id", ondelete=ondelete))

    class Grandchild(base):  # type: ignore[misc, valid-type]
        __tablename__ = "grandchildren"
        id = Column(Integer, primary_key=True)
        child_id = Column(ForeignKey("children.id", ondelete="CASCADE"))

    return base, Parent, Child, Grandchild


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """The engine that a test names."""
    name: str = request.param
    return name


WAYS = {
    "orm": lambda parent: lambda session: session.delete(parent),
    "bulk": lambda parent: (
        lambda session: session.execute(delete(type(parent)).where(type(parent).id == 2))
    ),
    "text": lambda _parent: (
        lambda session: session.execute(text("DELETE FROM parents WHERE id = 2"))
    ),
}
LEFT: dict[str, Any] = {
    # children as (id, parent, elder), grandchildren as (id, child)
    "CASCADE": ([(1, 1, None)], [(1, 1)]),
    "SET NULL": ([(1, 1, None), (2, None, None), (3, 1, 2)], [(1, 1), (2, 2), (3, 3)]),
    "SET DEFAULT": ([(1, 1, None), (2, 1, None), (3, 1, 2)], [(1, 1), (2, 2), (3, 3)]),
}


@pytest.mark.parametrize(
    ("engine", "way"),
    [*(("duckdb", way) for way in WAYS), ("sqlite", "bulk"), ("postgresql", "bulk")],
    indirect=["engine"],
)
@pytest.mark.parametrize("ondelete", LEFT)
async def test_ondelete_is_done(ondelete: str, way: str, make_databases: Any) -> None:
    """By the ORM, in bulk and in text; children of children go as well, over a table's own rows."""
    base, parent, child, grandchild = family(ondelete)
    async with make_databases() as databases:
        await databases.apply("family", base.metadata)
        async with databases.session("family", "fill", strict=True) as session:
            await session.execute(insert(parent), [{"id": 1}, {"id": 2}])
            rows = [(1, 1, None), (2, 2, None), (3, 1, 2)]
            names = ("id", "parent_id", "elder_id")
            await session.execute(
                insert(child), [dict(zip(names, row, strict=True)) for row in rows]
            )
            await session.execute(insert(grandchild), [{"id": i, "child_id": i} for i in (1, 2, 3)])
            await session.commit()
        async with databases.session("family", "delete", strict=True) as session:
            await WAYS[way](await session.get(parent, 2))(session)
            await session.flush()
            there = (await session.execute(text("SELECT * FROM children ORDER BY id"))).all()
            assert [tuple(row) for row in there] == LEFT[ondelete][0]
            await session.commit()
        async with databases.session("family", "look") as session:
            found = await session.execute(text("SELECT * FROM grandchildren ORDER BY id"))
            assert [tuple(row) for row in found] == LEFT[ondelete][1]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("ondelete", [None, "RESTRICT", "NO ACTION"])
async def test_a_parent_with_children_stays(ondelete: str | None, way: str, folder: Path) -> None:
    """It is an integrity error, and nothing was written."""
    base, parent, child, _ = family(ondelete)
    async with Databases(folder) as databases:
        await databases.apply("family", base.metadata)
        async with databases.session("family", "fill", strict=True) as session:
            session.add(parent(id=2))
            session.add(child(id=5, parent_id=2))
            await session.commit()
        async with databases.session("family", "delete") as session:
            await WAYS[way](await session.get(parent, 2))(session)
            with pytest.raises(IntegrityError, match=r"children\(id=5\)\.parent_id refers to"):
                await session.commit()
        assert (await databases.sql("SELECT id FROM family.parents")).rows == [(2,)]


async def test_tables_that_refer_to_each_other(folder: Path) -> None:
    """``use_alter`` is for engines that make constraints; here such tables work as they are."""
    metadata = MetaData(info={"database": "ring"})
    Table(
        "a",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("b_id", ForeignKey("b.id", use_alter=True, name="a_to_b")),
    )
    Table(
        "b", metadata, Column("id", Integer, primary_key=True), Column("a_id", ForeignKey("a.id"))
    )
    async with Databases(folder) as databases:
        await databases.apply("ring", metadata)
        async with databases.session("ring", "fill", strict=True) as session:
            await session.execute(text("INSERT INTO a VALUES (1, 1)"))
            await session.execute(text("INSERT INTO b VALUES (1, 1)"))
            await session.commit()
            await session.execute(text("UPDATE a SET b_id = 2"))
            with pytest.raises(IntegrityError, match=r"a\(id=1\)\.b_id refers to b\(id=2\)"):
                await session.commit()


MODELS = """
from modframe.database import get_database_base
from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, Integer, MetaData, Table

DATABASE_NAME = "shop"
Base = get_database_base(DATABASE_NAME)
others = MetaData(info={{"database": "users"}})
users = Table("users", others, Column("id", Integer, primary_key=True))


class Customer(Base):
    __tablename__ = "customers"
    id = Column(Integer, primary_key=True)


class Order(Base):
    __tablename__ = "orders"
    id = Column(Integer, primary_key=True)
    customer = Column(Integer, {key}, nullable={nullable})
"""
REFUSED = {
    'ForeignKey("customers.id", onupdate="CASCADE")': "onupdate",
    'ForeignKey("customers.id", deferrable=True)': "deferrable",
    'ForeignKey("customers.id", initially="DEFERRED")': "deferrable",
    'ForeignKey("customers.id", match="FULL")': "match",
    'ForeignKey("customers.id", ondelete="VANISH")': "ondelete='VANISH'",
    'ForeignKey("customers.id", ondelete="SET NULL")': "NOT NULL",
    'ForeignKey("users.id")': "'users.id'",
    'ForeignKey("customers.number")': "'customers.number'",
    "ForeignKey(users.c.id)": "'users'.*service",
}


def refusal(key: str, *, nullable: bool, package: str) -> DatabaseDefinitionError | None:
    """Return how models with such a foreign key are refused; ``None`` if they aren't."""
    file = file_of(MODELS.format(key=key, nullable=nullable), package=package)
    modules = {"db_models.py": file}
    (spec,) = discover(modules)
    try:
        check_references(spec, modules, DuckDB)
    except DatabaseDefinitionError as error:
        return error
    return None


@pytest.mark.parametrize("key", REFUSED)
def test_what_cannot_be_kept_is_refused(key: str, package: str) -> None:
    """The error has file, line, column and what to do instead."""
    error = refusal(key, nullable="SET NULL" not in key, package=package)
    assert error is not None
    assert "orders.customer" in error.message
    assert (error.file, error.database) == ("db_models.py", "shop")
    assert error.cure
    assert re.search(REFUSED[key], str(error), re.DOTALL), str(error)


@pytest.mark.parametrize("ondelete", ["CASCADE", "SET NULL", "RESTRICT", "no action"])
def test_what_can_be_kept_is_not_refused(ondelete: str, package: str) -> None:
    """Every ``ondelete``, and references between the tables of one database."""
    key = f'ForeignKey("customers.id", ondelete="{ondelete}", onupdate="RESTRICT")'
    assert refusal(key, nullable=True, package=package) is None
