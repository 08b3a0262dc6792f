"""Writing revisions: models compared with what revisions build in an empty database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    TypeDecorator,
)

from modframe.parts.database.databases import Databases
from modframe.parts.database.revisions.errors import RevisionError
from modframe.parts.database.revisions.propose import propose, revise
from modframe.parts.database.revisions.renames import Rename
from modframe.parts.database.revisions.run import downgrade, upgrade
from tests.parts.database.revisions.support import CREATE, ModuleFolder, spec_of


def orders(*columns: Column[Any], without: str = "") -> MetaData:
    """Return models of the table that the first revision makes, and more columns of it."""
    metadata = MetaData()
    own: list[Column[Any]] = [Column("id", Integer, primary_key=True), Column("note", String)]
    Table("orders", metadata, *(one for one in own if one.name != without), *columns)
    return metadata


async def write(
    databases: Databases, metadata: MetaData, module: ModuleFolder, **options: Any
) -> Path | None:
    """Write a revision and return its file."""
    _, path = await revise(
        databases, spec_of(metadata), module.read(), **{"message": "Add what is new", **options}
    )
    return path


async def test_the_first_revision_is_a_plain_file(
    databases: Databases, module: ModuleFolder
) -> None:
    """The file is what alembic's own would be, in the order and spelling of a formatter."""
    metadata = MetaData()
    Table(
        "orders",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("note", String(20), index=True),
        Column("total", Numeric(10, 2), nullable=False),
    )
    path = await write(databases, metadata, module, message='The "first" one')
    assert path == module.versions / "0001_the_first_one.py"
    text = path.read_text()
    assert text.startswith('"""The \'first\' one\n\nRevision ID: ')
    assert "down_revision = None\n" in text
    assert ('def upgrade() -> None:\n    op.create_table(\n        "orders",\n') in text
    assert 'sa.Column("note", sa.String(length=20), nullable=True),\n' in text
    assert 'op.drop_table("orders")\n' in text
    assert "nextval" not in text
    assert sorted(one.name for one in module.home.rglob("*")) == [
        "0001_the_first_one.py",
        "migrations",
        "versions",
    ]
    await upgrade(databases.database("shop"), module.read())
    assert await write(databases, metadata, module) is None
    await downgrade(databases.database("shop"), module.read())


async def test_the_modules_own_database_is_never_asked(
    databases: Databases, module: ModuleFolder
) -> None:
    """What a notebook has added by itself is in the revision, and reaches production so."""
    module.write("0001_make", CREATE)
    metadata = orders(Column("total", Integer))
    await databases.apply("shop", metadata)
    path = await write(databases, metadata, module)
    assert path is not None
    assert 'op.add_column("orders", sa.Column("total", sa.Integer()' in path.read_text()
    assert 'down_revision = "0001_make"' in path.read_text()
    done = await upgrade(databases.database("shop"), module.read())
    assert [one.there for one in done] == [("table orders",), ("column orders.total",)]


async def test_nothing_to_do_writes_nothing(databases: Databases, module: ModuleFolder) -> None:
    """Models that the revisions make need no revision; one to be filled by hand can be had."""
    module.write("0001_make", CREATE)
    assert await write(databases, orders(), module) is None
    assert (await propose(databases, spec_of(orders()), module.read())).names == ()
    path = await write(databases, orders(), module, message="fill totals", empty=True)
    assert path is not None
    assert path.read_text().count("    pass\n") == 2
    assert [one.name for one in module.read().ordered] == ["0001_make", "0002_fill_totals"]


async def test_a_rename_is_suggested_and_never_guessed(
    databases: Databases, module: ModuleFolder
) -> None:
    """A column that goes beside one that comes is dropped, and the way to rename it is said."""
    module.write("0001_make", CREATE)
    metadata = orders(Column("remark", String), without="note")
    proposal = await propose(databases, spec_of(metadata), module.read())
    assert sorted(proposal.names) == ["add column orders.remark", "drop column orders.note"]
    assert any("--rename orders.note=remark" in hint for hint in proposal.hints)
    rename = Rename.parse("orders.note=remark", "standard.orders")
    path = await write(databases, metadata, module, renames=[rename])
    assert path is not None
    assert 'new_column_name="remark"' in path.read_text()
    assert "drop_column" not in path.read_text()
    database = databases.database("shop")
    await upgrade(database, module.read(), "0001")
    async with databases.session("shop", "write") as session:
        connection = await session.connection()
        await connection.exec_driver_sql("INSERT INTO orders (note) VALUES ('kept')")
        await session.commit()
    await upgrade(database, module.read())
    async with databases.session("shop", "look") as session:
        connection = await session.connection()
        rows = await connection.exec_driver_sql("SELECT remark FROM orders")
        assert rows.all() == [("kept",)]
    await downgrade(database, module.read())
    async with databases.session("shop", "look") as session:
        connection = await session.connection()
        rows = await connection.exec_driver_sql("SELECT note FROM orders")
        assert rows.all() == [("kept",)]


async def test_a_renamed_table(databases: Databases, module: ModuleFolder) -> None:
    """A table that a person says was renamed keeps its rows."""
    index = 'op.create_index("ix_note", "orders", ["note"])'
    module.write("0001_make", f"{CREATE}\n{index}", 'op.drop_table("orders")')
    metadata = MetaData()
    columns = (Column("id", Integer, primary_key=True), Column("note", String))
    Table("sales", metadata, *columns, Index("ix_note", columns[1]))
    proposal = await propose(databases, spec_of(metadata), module.read())
    assert any("--rename orders=sales" in hint for hint in proposal.hints)
    renamed = [Rename.parse("orders=sales", "standard.orders")]
    proposal = await propose(databases, spec_of(metadata), module.read(), renames=renamed)
    assert proposal.names == ("rename table orders to sales",)
    database = databases.database("shop")
    await upgrade(database, module.read())
    async with databases.session("shop", "write") as session:
        connection = await session.connection()
        await connection.exec_driver_sql("INSERT INTO orders (note) VALUES ('kept')")
        await session.commit()
    await write(databases, metadata, module, renames=renamed)
    await upgrade(database, module.read())
    change = await databases.apply("shop", metadata)
    assert not change
    async with databases.session("shop", "write") as session:
        await session.execute(metadata.tables["sales"].insert().values(note="new"))
        rows = await session.execute(metadata.tables["sales"].select())
        assert [tuple(row) for row in rows] == [(1, "kept"), (2, "new")]
        await session.commit()
    await downgrade(database, module.read())


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("orders.note", "is no rename"),
        ("order.note=remark", "the revisions make no table 'order'"),
        ("orders.nte=remark", r"the revisions make no column orders.nte. Did you mean 'note'\?"),
        ("orders.note=remarks", "the models have no column orders.remarks"),
        ("orders=sales", "the models have no table 'sales'"),
    ],
)
async def test_a_rename_that_cannot_be_meant(
    databases: Databases, module: ModuleFolder, text: str, match: str
) -> None:
    """The old name is one that the revisions make, the new one is in the models."""
    module.write("0001_make", CREATE)
    metadata = orders(Column("remark", String), without="note")

    async def rename() -> None:
        meant = Rename.parse(text, "standard.orders")
        await propose(databases, spec_of(metadata), module.read(), renames=[meant])

    with pytest.raises(RevisionError, match=match):
        await rename()


async def test_a_new_column_that_rows_have_no_value_for(
    databases: Databases, module: ModuleFolder
) -> None:
    """A plain default fills the rows that are there; without any, the revision says so."""
    module.write("0001_make", CREATE)
    metadata = orders(Column("size", Integer, nullable=False))
    proposal = await propose(databases, spec_of(metadata), module.read())
    assert any("orders.size" in hint and "NOT NULL" in hint for hint in proposal.hints)
    path = await write(databases, metadata, module)
    assert path is not None
    assert "    # " in path.read_text()


class Cents(TypeDecorator[int]):
    """A type of the module's own."""

    impl = Integer
    cache_ok = True


async def test_types_of_the_module_are_written_as_what_they_are(
    databases: Databases, module: ModuleFolder
) -> None:
    """A revision outlives the module's code, so it names SQLAlchemy's types alone."""
    module.write("0001_make", CREATE)
    path = await write(databases, orders(Column("total", Cents), Column("paid", Boolean)), module)
    assert path is not None
    assert 'sa.Column("total", sa.Integer(), nullable=True)' in path.read_text()
    await upgrade(databases.database("shop"), module.read())
