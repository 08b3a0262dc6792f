"""Sessions that a generation left open: rolled back and closed with it, and named."""

from __future__ import annotations

import threading
from textwrap import dedent

import pytest

from modframe.app import AppContext
from tests import inside

MODULE = dedent(
    """
    from core.app_context import app_context
    from core.database import get_database_base
    from modframe.decorators import module
    from sqlalchemy import Column, Integer, select

    DATABASE_NAME = "shop"
    Base = get_database_base(DATABASE_NAME)


    class Row(Base):
        __tablename__ = "rows"
        id = Column(Integer, primary_key=True)


    @module
    class Shop:
        async def open(self, *, write: bool):
            self.kept = app_context.database.integrity_session("shop", "nightly import")
            self.session = await self.kept.__aenter__()
            if write:
                self.session.add(Row())
                await self.session.flush()
            else:
                await self.session.scalars(select(Row))

        async def count(self) -> int:
            async with app_context.database.integrity_session("shop", "count") as session:
                return len((await session.scalars(select(Row))).all())

    # {number}
    """
)


def text(number: int = 1) -> dict[str, str]:
    return {"api.py": MODULE.replace("{number}", str(number))}


def test_a_session_with_changes_is_rolled_back_and_named(app: AppContext) -> None:
    """Its purpose, its database and what was lost are among what would not settle."""
    app.load(text(), id="shop")
    app.get_service("shop").open(write=True).result()
    app.modules["shop"].unload()
    assert app.modules["shop"].state == "FAILED_UNLOAD"
    app.load(text(), id="shop")
    assert app.get_service("shop").count().result() == 0
    (fault,) = app.stop().unsettled
    assert "session 'nightly import' on database 'shop' was open" in fault
    assert "uncommitted changes (INSERT), and was rolled back and closed" in fault
    assert fault.count("standard.shop") == 1


def test_a_session_without_changes_is_closed_and_logged(app: AppContext) -> None:
    """Nothing is lost, so it is no fault; the log names it, and the snapshot did before."""
    app.load(text(), id="shop")
    app.get_service("shop").open(write=False).result()
    view = app.snapshot().module("standard.shop")
    assert view is not None
    assert view.parts["sessions"]["open"] == ("'nightly import' on database 'shop'",)
    app.modules["shop"].unload()
    assert app.modules["shop"].state == "STOPPED"
    said = [line.message for line in app.snapshot().log if "nightly import" in line.message]
    assert said == [
        "standard.shop: generation 1 ended: session 'nightly import' on database 'shop' was "
        "open, and was rolled back and closed"
    ]
    assert app.stop().unsettled == ()


@pytest.mark.soak
def test_connections_of_replaced_generations_do_not_pile_up(app: AppContext) -> None:
    """However many generations leave a session open, the pool's threads stay as they are."""
    app.load(text(0), id="shop")
    counts = []
    for number in range(1, 25):
        app.get_service("shop").open(write=False).result()
        app.load(text(number), id="shop")
        inside.settle(app)
        assert app.get_service("shop").count().result() == 0
        counts.append(threading.active_count())
    assert max(counts[4:]) <= max(counts[:4])
    assert app.database.sql("SELECT count(*) FROM shop.rows").rows == [(0,)]
