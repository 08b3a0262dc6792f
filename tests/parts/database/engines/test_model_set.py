"""One set of models with every type and constraint: made, opened again, and added to, on each engine."""

from __future__ import annotations

import enum
from typing import Any

from sqlalchemy import (
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
    ForeignKey,
    Index,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    Unicode,
    UniqueConstraint,
    Uuid,
    insert,
)

from tests.parts.database.conftest import MakeDatabases


class Color(enum.Enum):
    """An enumeration as models have them."""

    RED = "r"
    BLUE = "b"


TYPES: dict[str, Any] = {
    "integer": Integer, "big": BigInteger, "small": SmallInteger, "yes": Boolean, "number": Float,
    "double": Double, "price": Numeric(10, 2), "exact": Numeric(30, 10), "name": String(20),
    "letters": Unicode(20), "body": Text, "color": Enum(Color), "data": JSON, "uuid": Uuid,
    "uuid_text": Uuid(as_uuid=False), "raw": LargeBinary, "day": Date, "clock": Time,
    "span": Interval, "moment": DateTime, "zoned": DateTime(timezone=True),
}  # fmt: skip


def models(*, more: bool = False) -> MetaData:
    """Return the set; with ``more``, the first table has a column more of each type."""
    metadata = MetaData()
    added = [Column(f"more_{name}", kind) for name, kind in TYPES.items()] if more else []
    Table(
        "things", metadata,
        Column("id", BigInteger, primary_key=True),
        *(Column(name, kind) for name, kind in TYPES.items()),
        *added,
        Column("twice", Integer, Computed("integer * 2")),
        Column("fixed", Integer, nullable=False, server_default="7"),
        UniqueConstraint("name", "day", name="things_name_day_key"),
        CheckConstraint("integer > 0", name="things_integer_check"),
        Index("things_price", "price"),
        Index("things_uuid", "uuid", unique=True),
    )  # fmt: skip
    Table(
        "parts", metadata,
        Column("thing_id", ForeignKey("things.id"), primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("note", String, nullable=False, default="-"),
    )  # fmt: skip
    return metadata


async def test_models_that_are_the_same_change_nothing(make_databases: MakeDatabases) -> None:
    """Tables that were made from models fit them, after a new start too."""
    async with make_databases() as databases:
        assert (await databases.apply("shop", models())).tables == ("things", "parts")
        assert not await databases.apply("shop", models())
    async with make_databases() as databases:
        assert not await databases.apply("shop", models())


async def test_a_column_of_each_type_is_added(make_databases: MakeDatabases) -> None:
    """Rows stay, and the new columns fit the models after a new start."""
    async with make_databases() as databases:
        metadata = models()
        await databases.apply("shop", metadata)
        async with databases.session("shop", "fill") as session:
            await session.execute(insert(metadata.tables["things"]).values(integer=1, name="one"))
            await session.execute(insert(metadata.tables["parts"]).values(thing_id=1, number=2))
            await session.commit()
        change = await databases.apply("shop", models(more=True))
        assert set(change.columns) == {f"things.more_{name}" for name in TYPES}
    async with make_databases() as databases:
        metadata = models(more=True)
        assert not await databases.apply("shop", metadata)
        async with databases.session("shop", "look") as session:
            row = (await session.execute(metadata.tables["things"].select())).one()
            assert (row.integer, row.twice, row.fixed, row.more_zoned) == (1, 2, 7, None)
