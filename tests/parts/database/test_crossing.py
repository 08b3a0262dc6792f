"""Sessions used from off the app loop, cancelled half way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

import modframe
from tests.fakes import simple

MODELS = """
from modframe.database import get_database_base
from sqlalchemy import Column, Integer

DATABASE_NAME = "shop"
Base = get_database_base(DATABASE_NAME)


class Item(Base):
    __tablename__ = "item"
    id = Column(Integer, primary_key=True)
"""


def test_a_cancelled_session_ends_on_the_app_loop(
    workspace: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At any step, the caller gets the cancellation, and no session is left open."""
    monkeypatch.setenv("MODFRAME_DATABASE_URL", database_url)
    with modframe.start(workspace=workspace, data=workspace / "data") as app:
        models = MODELS
        files = {"api.py": simple("def get(self):\n    return 1")}
        app.load({**files, "db_models.py": models}, id="shop")

        async def half() -> None:
            async with app.database.integrity_session("shop", "cell") as session:
                await session.execute(text("insert into item (id) values (1)"))
                await asyncio.Event().wait()

        async def cancel(steps: int) -> None:
            task = asyncio.create_task(half())
            for _ in range(steps):
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        async def look() -> int:
            async with app.database.integrity_session("shop", "look") as session:
                return len((await session.execute(text("select id from item"))).all())

        for steps in (0, 1, 2, 3, 5, 8, 13, 40):
            asyncio.run(cancel(steps))
            # A change of the tables waits for open sessions: it goes through once none is left.
            models += f"    after_{steps} = Column(Integer)\n"
            app.load({**files, "db_models.py": models}, id="shop")
            assert app.run(look()) == 0, steps
