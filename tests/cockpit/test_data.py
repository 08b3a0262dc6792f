"""The tab *Data* through its messages: rows, queries and migrations on each engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import modframe
from modframe.app import AppContext
from modframe.cockpit import tables
from modframe.errors import LoadError
from modframe.parts.database.backend import ENGINES
from tests.cockpit.conftest import TOKEN
from tests.cockpit.front import AskError, Front, block_of, blocks_of, rows_of, texts_of

SHOP = dedent(
    """
    import enum
    from datetime import UTC, date, datetime, time, timedelta
    from decimal import Decimal
    import uuid

    from core.database import get_database_base
    from sqlalchemy import *

    DATABASE_NAME = "shop"
    Base = get_database_base(DATABASE_NAME)


    class Color(enum.Enum):
        RED = "r"


    class Item(Base):
        __tablename__ = "items"
        id = Column(Integer, primary_key=True)
        note = Column(String)
        price = Column(Numeric(30, 10))
        at = Column(DateTime(timezone=True))
        day = Column(Date)
        doc = Column(JSON)
        raw = Column(LargeBinary)
        mark = Column(Uuid)
        color = Column(Enum(Color))
        took = Column(Interval)
        done = Column(Boolean)
        share = Column(Float)


    class Review(Base):
        __tablename__ = "reviews"
        item_id = Column(ForeignKey("items.id"), primary_key=True)
        stars = Column(BigInteger, primary_key=True, autoincrement=False)


    async def seed(session):
        session.add(
            Item(
                id=1,
                note="<b>ada</b>",
                price=Decimal("12345678901234567890.0123456789"),
                at=datetime(2026, 1, 31, 8, 0, 0, 5, UTC),
                day=date(2026, 1, 31),
                doc={"a": [1, None, "é"]},
                raw=b"\\x00\\xff",
                mark=uuid.UUID(int=7),
                color=Color.RED,
                took=timedelta(days=1, seconds=2),
                done=True,
                share=0.1,
            )
        )
        session.add(Item(id=2))
        session.add_all([Item(id=number, note=f"n{number:04}") for number in range(3, 1001)])
        session.add(Item(id=1001, note="é" * 5000, raw=bytes(4000)))
        await session.flush()
        session.add(Review(item_id=1, stars=2**60))
        await session.commit()
    """
)
API = """
from modframe.decorators import module

from . import db_models


@module
class Shop:
    pass
"""
EXACT = [
    "1",
    "<b>ada</b>",
    "12345678901234567890.0123456789",
    "2026-01-31 08:00:00.000005+00:00",
    "2026-01-31",
    '{"a": [1, null, "é"]}',
    "\\x00ff",
    "00000000-0000-0000-0000-000000000007",
    "RED",
    "1 day, 0:00:02",
    "true",
    "0.1",
]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each engine in turn; it keeps the databases of the test's app."""
    name: str = request.param
    url = request.getfixturevalue("postgres_url") if name == "postgresql" else name
    monkeypatch.setenv("MODFRAME_DATABASE_URL", url)
    return name


@pytest.fixture
def shop(workspace: Path, engine: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppContext]:
    """An app whose module has a thousand rows."""
    with modframe.start(workspace=workspace, data=workspace / "data", modules=[]) as app:
        app.load({"db_models.py": SHOP, "api.py": API}, id="shop")
        yield app


@pytest.fixture
def front(shop: AppContext) -> Iterator[Front]:
    """A front end of that app."""
    shop.serve(port=0, token=TOKEN)
    with Front(shop.url, token=TOKEN) as front:
        yield front


def test_rows_are_shown_exactly_and_by_page(front: Front, engine: str) -> None:
    """Each type has its exact text; the engine sorts and pages; long values come on demand."""
    (found,) = front.ask("databases")
    assert (found["name"], found["modules"], found["refused"]) == ("shop", ["standard.shop"], "")
    assert {"items", "reviews"} <= set(found["tables"])
    where = {"database": "shop", "table": "items"}
    page = front.ask("rows", **where, limit=2)
    assert page["rows"] == [EXACT, ["2", *[None] * 11]]
    assert page["keys"] == [{"id": "1"}, {"id": "2"}]
    numeric = [True, False, True, *[False] * 8, True]
    assert page["numeric"] == numeric
    assert front.ask("count_rows", **where) == 1001

    def notes(**args: object) -> list[object]:
        return [row[1] for row in front.ask("rows", **where, **args)["rows"]]

    assert notes(sort="note", limit=2) == ["<b>ada</b>", "n0003"]
    assert notes(sort="note", down=True, offset=1, limit=2) == ["n1000", "n0999"]
    assert notes(sort="note", offset=1000) == [None]  # NULL comes last
    assert notes(sort="note", down=True, offset=1000) == [None]
    assert notes(offset=990, limit=3) == ["n0991", "n0992", "n0993"]
    shallow = [notes(sort=name, offset=3, limit=5) for name in ("note", "price", "doc", "at")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "DEEP", 0)
        deep = [notes(sort=name, offset=3, limit=5) for name in ("note", "price", "doc", "at")]
    assert deep == shallow
    last = front.ask("rows", **where, down=True, limit=1)["rows"][0]
    assert last[1] == {"text": "é" * 200, "size": 5000, "unit": "characters"}
    assert last[6] == {"text": "\\x" + "00" * 100, "size": 4000, "unit": "bytes"}
    assert front.ask("value", **where, column="note", down=True) == "é" * 5000
    assert front.ask("value", **where, column="raw", where={"id": "1001"}) == "\\x" + "00" * 4000


def test_relations_are_told_and_followed(front: Front, engine: str) -> None:
    """Columns tell types, keys and what they refer to; a row is found by the text of its values."""
    items = front.ask("table", database="shop", table="items")
    assert items["engine"] == engine
    assert items["key"] == ["id"]
    assert items["query"] == "SELECT * FROM shop.items"
    assert items["referred"] == [["reviews", "item_id", "id"]]
    by_name = {column["name"]: column for column in items["columns"]}
    assert by_name["note"]["null"] is True
    assert by_name["id"]["key"] is True
    assert by_name["price"]["type"].startswith("NUMERIC")
    where = {"database": "shop", "table": "reviews"}
    reviews = front.ask("table", **where)
    assert reviews["columns"][0]["refers"] == ["items", "id"]
    assert front.ask("rows", **where)["rows"] == [["1", str(2**60)]]

    def found(**values: str | None) -> list[str]:
        rows = front.ask("rows", database="shop", table="items", where=values, limit=3)["rows"]
        return [row[0] for row in rows]

    exact = dict(zip(by_name, EXACT, strict=True))
    for name in ("id", "note", "price", "at", "day", "raw", "mark", "color", "done"):
        assert found(**{name: exact[name]}) == ["1"], name
    assert found(note=None) == ["2"]
    wrong = front.fault("rows", database="shop", table="items", where={"id": "seven"})
    assert wrong["message"] == "'seven' is no value of id"
    assert "'items'" in front.fault("rows", database="shop", table="itms")["message"]
    assert "'note'" in front.fault("rows", database="shop", table="items", sort="nte")["message"]


def test_queries_only_read(front: Front, engine: str) -> None:
    """A query is bounded; a write is refused; an error points at its place."""
    found = front.ask("sql", query="SELECT id, note FROM shop.items ORDER BY id", limit=2)
    assert [column["name"] for column in found["columns"]] == ["id", "note"]
    assert [column["numeric"] for column in found["columns"]] == [True, False]
    assert (found["rows"], found["cut"]) == ([["1", "<b>ada</b>"], ["2", None]], True)
    refused = front.fault("sql", query="DELETE FROM shop.items")
    assert refused["type"] == "QueryRefusedError"
    assert "only reads" in refused["message"]
    assert "integrity_session" in refused["cure"]
    wrong = front.fault("sql", query="SELECT *\nFROM shop.itms")
    assert "line 2: FROM shop.itms\n             ^" in wrong["message"]
    assert front.ask("count_rows", database="shop", table="items") == 1001


@pytest.mark.parametrize("engine", ["duckdb"], indirect=True)
def test_queries_are_completed_and_cancelled(front: Front, engine: str) -> None:
    """Names complete as in cells, and keywords; a query that is cancelled ends."""
    query = "sel * FROM sh"
    done = front.ask("complete", query=query, at=len(query))
    assert done["from"] == 11
    assert done["items"][:2] == [["shop", "database"], ["shop.items", "table"]]
    assert front.ask("complete", query=query, at=3) == {"from": 0, "items": [["select", "keyword"]]}
    assert front.ask("complete", query="", at=0)["items"] == []
    assert front.ask("complete", query="FROM shop.items", at=15)["items"] == []
    endless = "SELECT count(*) FROM range(100000000) a, range(10000) b WHERE a.range + b.range = 7"
    number = front.start("sql", query=endless)
    front.cancel(number)
    with pytest.raises(AskError) as cancelled:
        front.answer(number)
    assert cancelled.value.error["type"] == "Cancelled"
    assert front.ask("sql", query="SELECT 'it goes on' AS a")["rows"] == [["it goes on"]]
    wide = "SELECT repeat('x', 30000) AS a, {'a': 1.50::DECIMAL(9, 2)} AS b, 'nan'::DOUBLE AS c"
    assert front.ask("sql", query=wide)["rows"] == [
        [{"text": "x" * 200, "size": 30000, "unit": "characters"}, '{"a": "1.50"}', "nan"]
    ]


def migrate_button(view: dict[str, Any]) -> dict[str, Any]:
    """Return the button that opens the plan of a migration."""
    return next(one for one in blocks_of(view, "button") if one.get("plan"))


def test_a_migration_is_planned_and_then_done(shop: AppContext, front: Front) -> None:
    """A refused load says which database; the plan says what is lost; nothing but it is done."""
    grown = SHOP.replace("share = Column(Float)", "part = Column(Float, nullable=False)")
    assert "The tables fit the models." in texts_of(front.ask("schema", database="shop"))
    with pytest.raises(LoadError):
        shop.load({"db_models.py": grown, "api.py": API}, id="shop")
    (found,) = front.ask("databases")
    assert found["refused"] == "standard.shop"
    view = front.ask("schema", database="shop")
    assert block_of(view, "link")["module"] == "standard.shop"
    steps = {row["step"]: row for row in rows_of(view, "Steps")}
    add, drop = steps["add column items.part"], steps["drop column items.share"]
    assert "1 step still to be allowed" in texts_of(view)
    assert [block["name"] for block in add["choose"]] == ["fill", "rename"]
    assert ["items.share", "was items.share"] in block_of(view, "select")["options"]
    assert (drop["loses"], drop["choose"][0]["name"]) == ("a value in 1 row", "allow")
    assert migrate_button(view)["disabled"]
    refused = front.fault("migrate", database="shop")
    assert refused["type"] == "MigrationError"
    assert "nothing was changed" in refused["cure"].lower()
    wrong = {"drop column items.shar": True}
    assert "did you mean" in front.fault("schema", database="shop", allow=wrong)["cure"]
    wrong = front.fault("schema", database="shop", fill={"items.part": "much"})
    assert wrong["message"].startswith("database 'shop': 'much' can't be a value of items.part")
    renamed = front.ask("schema", database="shop", rename={add["step"]: "items.share"})
    assert "app.database.migrate('shop', rename={'items.share': 'part'})" in texts_of(renamed)
    chosen = {"fill": {"items.part": "0.5"}, "allow": {drop["step"]: True}}
    button = migrate_button(front.ask("schema", database="shop", **chosen))
    assert "disabled" not in button
    plan = front.ask("migrate", **button["plan"]["args"], **chosen)
    assert "What is lost only a backup brings back." in texts_of(plan)
    assert block_of(plan, "code")["text"] == (
        "app.database.migrate('shop', allow=['drop column items.share'], fill={'items.part': 0.5})"
    )
    done = front.ask("migrate", **button["call"]["args"], **chosen)
    assert block_of(done, "note")["text"].startswith("The database was migrated. Load its module")
    columns = front.ask("table", database="shop", table="items")["columns"]
    assert "part" in [column["name"] for column in columns]
    assert "no models" in front.fault("schema", database="nothing")["message"]


REVISION = '''"""{message}"""

revision = "{id}"
down_revision = {down!r}


def upgrade():
    pass


def downgrade():
    pass
'''


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_backups_and_revisions_are_told(
    shop: AppContext, front: Front, workspace: Path, engine: str
) -> None:
    """A backup is named, looked at and restored; a revision is done or pending."""
    nothing = front.ask("backups")
    assert block_of(nothing, "empty")["title"] == "No backups yet"
    assert (
        block_of(nothing, "button")["call"]["args"]["backup"] == block_of(nothing, "field")["value"]
    )
    (button,) = blocks_of(front.ask("backups", backup="monday"), "button")
    made = front.ask("backup", **button["call"]["args"])
    assert block_of(made, "note")["text"] == "backups/monday was written."
    (row,) = rows_of(front.ask("backups"), "Backups")
    plan, call = row["opens"]["plan"], row["opens"]["call"]
    held = front.ask(plan["op"], **plan["args"])
    assert rows_of(held, "What it holds")[0]["rows"] == 1003  # the record of the seed is one
    assert "replace" in front.fault(call["op"], **call["args"])["cure"]
    restored = front.ask(call["op"], **call["args"], replace=True)
    assert rows_of(restored, "What it holds") == rows_of(held, "What it holds")
    assert front.fault("backup", backup="../monday")["type"] == "FormError"
    (workspace / "backups" / "monday" / "shop.sqlite").write_bytes(b"x")
    assert "not as it was written" in front.fault("restorable", name="monday")["message"]

    assert not blocks_of(front.ask("schema", database="shop"), "table")
    folder = workspace / "modules" / "standard" / "shop" / "migrations" / "versions"
    folder.mkdir(parents=True)
    for number, down in ((1, None), (2, "a1")):
        text = REVISION.format(message=f"Step {number}", id=f"a{number}", down=down)
        (folder / f"000{number}_step.py").write_text(text)
    with_table = "CREATE TABLE modframe_version_shop (version_num VARCHAR(32))"

    async def record() -> None:
        from sqlalchemy import text

        async with shop.database.transaction("shop", "record") as session:
            await session.execute(text(with_table))
            await session.execute(text("INSERT INTO modframe_version_shop VALUES ('a1')"))

    shop.run(record())
    found = rows_of(front.ask("schema", database="shop"), "Revisions")
    assert [(one["revision"], one["message"], one["state"]) for one in found] == [
        ("0001_step.py", "Step 1", "done"),
        ("0002_step.py", "Step 2", "pending"),
    ]
