"""Upgrades and downgrades: all or nothing, over what a notebook has added by itself."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, text

from modframe.parts.database.databases import Databases
from modframe.parts.database.revisions.errors import (
    DatabaseAheadError,
    RevisionFailedError,
    UnknownRevisionError,
)
from modframe.parts.database.revisions.files import read_revisions
from modframe.parts.database.revisions.run import downgrade, state_of, upgrade
from tests.parts.database.revisions.support import (
    ADD_TOTAL,
    CREATE,
    DROP_TOTAL,
    ModuleFolder,
    spec_of,
)


def orders(*columns: Column[int] | Column[str]) -> MetaData:
    """Return models of the table that the first revision makes, and more columns of it."""
    metadata = MetaData()
    Table(
        "orders",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("note", String),
        *columns,
    )
    return metadata


async def rows(databases: Databases, query: str) -> list[tuple[object, ...]]:
    """Return the rows of a query on the module's database."""
    async with databases.session("shop", "look") as session:
        return [tuple(row) for row in await session.execute(text(query))]


async def write(databases: Databases, statement: str) -> None:
    """Run and commit a statement."""
    async with databases.session("shop", "write") as session:
        await session.execute(text(statement))
        await session.commit()


async def columns(databases: Databases) -> set[str]:
    """Return the columns of the table."""
    async with databases.session("shop", "look") as session:
        result = await session.execute(text("SELECT * FROM orders WHERE 1 = 0"))
        return set(result.keys())


async def test_up_and_down_again(databases: Databases, module: ModuleFolder) -> None:
    """Revisions run in order and are taken back in order; the database records where it is."""
    module.write_both()
    revisions, database = module.read(), databases.database("shop")
    assert [one.id for one in (await state_of(database, revisions)).pending] == [
        "0001_make",
        "0002_total",
    ]
    assert [str(one) for one in await upgrade(database, revisions)] == ["0001_make", "0002_total"]
    await write(databases, "INSERT INTO orders (note, total) VALUES ('x', 3)")
    assert await rows(databases, "SELECT id, note, total FROM orders") == [(1, "x", 3)]
    assert "modframe_version_orders" in database.tables
    assert await upgrade(database, revisions) == ()
    assert [str(one) for one in await downgrade(database, revisions)] == ["0002_total"]
    assert await rows(databases, "SELECT * FROM orders") == [(1, "x")]
    state = await state_of(database, revisions)
    assert (state.recorded, [one.id for one in state.pending]) == (("0001_make",), ["0002_total"])
    assert [str(one) for one in await downgrade(database, revisions, "base")] == ["0001_make"]
    assert "orders" not in database.tables


async def test_a_target_stops_on_the_way(databases: Databases, module: ModuleFolder) -> None:
    """An upgrade to a revision runs it and those before it."""
    module.write_both()
    database = databases.database("shop")
    assert [str(one) for one in await upgrade(database, module.read(), "0001")] == ["0001_make"]
    assert [str(one) for one in await upgrade(database, module.read(), "+1")] == ["0002_total"]
    with pytest.raises(UnknownRevisionError, match="can't be upgraded to '\\+1' from where it is"):
        await upgrade(database, module.read(), "+1")


async def test_what_a_notebook_added_is_recognized(
    databases: Databases, module: ModuleFolder
) -> None:
    """A table and columns that a load has added are taken as they are, with their rows."""
    await databases.apply("shop", orders(Column("total", Integer, index=True)))
    await write(databases, "INSERT INTO orders (note, total) VALUES ('x', 3)")
    module.write("0001_make", CREATE, 'op.drop_table("orders")')
    up = f'{ADD_TOTAL}\nop.create_index("ix_orders_total", "orders", ["total"])'
    down = f'op.drop_index("ix_orders_total", "orders")\n{DROP_TOTAL}'
    module.write("0002_total", up, down, parent="0001_make")
    database = databases.database("shop")
    done = await upgrade(database, module.read())
    assert [one.there for one in done] == [
        ("table orders",),
        ("column orders.total", "index ix_orders_total"),
    ]
    assert await rows(databases, "SELECT note, total FROM orders") == [("x", 3)]
    assert (await state_of(database, module.read())).pending == ()
    await downgrade(database, module.read())
    assert await rows(databases, "SELECT * FROM orders") == [(1, "x")]


async def test_a_table_that_lacks_columns_gets_them(
    databases: Databases, module: ModuleFolder
) -> None:
    """A notebook's table may be older than the revision that makes it: the rest is added."""
    metadata = MetaData()
    Table("orders", metadata, Column("id", Integer, primary_key=True))
    await databases.apply("shop", metadata)
    module.write("0001_make", CREATE)
    done = await upgrade(databases.database("shop"), module.read())
    assert done[0].there == ("table orders",)
    assert await columns(databases) == {"id", "note"}


async def test_a_column_of_another_type_is_an_error(
    databases: Databases, module: ModuleFolder
) -> None:
    """What is there must be what the revision makes; else nothing is changed."""
    await databases.apply("shop", orders(Column("total", String)))
    module.write_both()
    with pytest.raises(RevisionFailedError, match=r"0002_total.py, line \d+: .* there already as"):
        await upgrade(databases.database("shop"), module.read())
    assert (await state_of(databases.database("shop"), module.read())).recorded == ()


async def test_a_failure_changes_nothing(databases: Databases, module: ModuleFolder) -> None:
    """If the last of several revisions fails, none was run; the error names file and line."""
    module.write_both()
    module.write(
        "0003_bad",
        'op.execute("UPDATE orders SET note = 1")\nop.execute("SELECT * FROM nowhere")',
        parent="0002_total",
    )
    database = databases.database("shop")
    await upgrade(database, module.read(), "0001")
    await write(databases, "INSERT INTO orders (note) VALUES ('x')")
    with pytest.raises(RevisionFailedError, match=r"0003_bad.py, line 11: .*nowhere") as caught:
        await upgrade(database, module.read())
    assert "nothing was changed" in caught.value.cure
    assert caught.value.line == 11
    assert await rows(databases, "SELECT * FROM orders") == [(1, "x")]
    assert (await state_of(database, module.read())).recorded == ("0001_make",)


async def test_a_database_ahead_of_the_files(databases: Databases, module: ModuleFolder) -> None:
    """A database that a newer version of the module has upgraded is left alone, and named."""
    module.write_both()
    await upgrade(databases.database("shop"), module.read())
    (module.versions / "0002_total.py").unlink()
    for run in (upgrade, downgrade, state_of):
        with pytest.raises(
            DatabaseAheadError, match=r"is at revision 0002_total, .* newer version"
        ):
            await run(databases.database("shop"), module.read())


async def test_modules_that_share_a_database_have_a_table_each(
    databases: Databases, module: ModuleFolder
) -> None:
    """What one module has recorded is nothing to the other."""
    module.write_both()
    await upgrade(databases.database("shop"), module.read())
    other = ModuleFolder(module.home.parent / "stock")
    other.write("0001_shelf", 'op.create_table("shelf", sa.Column("id", sa.Integer()))')
    read = read_revisions("standard.stock", "shop", home=other.home, folder=other.versions)
    assert [str(one) for one in await upgrade(databases.database("shop"), read)] == ["0001_shelf"]
    tables = set(databases.database("shop").tables)
    assert {"modframe_version_orders", "modframe_version_stock", "shelf", "orders"} <= tables
    assert spec_of(orders()).name == "shop"


async def test_rows_are_changed_in_between(databases: Databases, module: ModuleFolder) -> None:
    """A revision may fill what it adds, in SQL and through its connection."""
    module.write("0001_make", CREATE)
    module.write(
        "0002_total",
        f"""
        {ADD_TOTAL}
        op.execute("UPDATE orders SET total = 7")
        assert op.get_bind().execute(sa.text("SELECT count(*) FROM orders")).scalar() == 1
        """,
        parent="0001_make",
    )
    await upgrade(databases.database("shop"), module.read(), "0001")
    await write(databases, "INSERT INTO orders (note) VALUES ('x')")
    await upgrade(databases.database("shop"), module.read())
    assert await rows(databases, "SELECT note, total FROM orders") == [("x", 7)]
