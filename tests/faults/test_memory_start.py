"""The first start of two modules with databases: one DuckDB instance, however they are loaded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults.processes import run_script

API = """
from modframe.database import get_database_base
from core.app_context import app_context
from modframe.decorators import module
from sqlalchemy import Column, Integer, func, select

DATABASE_NAME = "{name}"
Base = get_database_base(DATABASE_NAME)


class Item(Base):
    __tablename__ = "items"
    id = Column(Integer, primary_key=True)


@module
class {title}:
    async def initialize(self):
        async with app_context.database.integrity_session("{name}", "fill") as session:
            session.add(Item())
            await session.commit()

    async def count(self):
        async with app_context.database.integrity_session("{name}", "count") as session:
            return await session.scalar(select(func.count()).select_from(Item))
"""

START = """
import modframe

with modframe.start(data={data!r}) as app:
    for name in {names!r}:
        module = app.modules[name]
        assert module.state == "LIVE", module.error
        assert app.get_service(name).count().result(20) == 1
    query = " UNION ALL ".join(f"SELECT count(*) FROM {{name}}.items" for name in {names!r})
    assert app.database.sql(query).rows == [(1,)] * {number}
print("ok")
"""
NAMES = ("cash", "items", "shop", "stock")


@pytest.mark.parametrize("data", [":memory:", "data"])
def test_modules_that_load_at_once_share_one_instance(tmp_path: Path, data: str) -> None:
    """Every module is live and one query reads all tables, though no lock may be waited for."""
    for name in NAMES:
        file = tmp_path / "modules" / "standard" / name / "api.py"
        file.parent.mkdir(parents=True)
        file.write_text(API.format(name=name, title=name.title()))
    script = START.format(data=data, names=NAMES, number=len(NAMES))
    done = run_script(script, tmp_path, env={**os.environ, "MODFRAME_DATABASE_LOCK_WAIT": "0"})
    assert done.stdout == "ok\n", done.stderr
