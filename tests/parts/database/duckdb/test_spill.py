"""Where DuckDB puts what doesn't fit into memory: nobody else gets at it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

import modframe
from modframe.app import AppContext

API = """
from core.database import get_database_base
from modframe.decorators import module
from sqlalchemy.orm import Mapped, mapped_column
DATABASE_NAME = "shop"
class Item(get_database_base("shop")):
    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
@module
class Shop:
    pass
"""


def spill_of(app: AppContext) -> Path:
    (row,) = app.database.sql("SELECT current_setting('temp_directory')").rows
    return Path(row[0])


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
@pytest.mark.parametrize("data", [None, ":memory:"])
def test_it_is_in_a_folder_of_this_user_s(workspace: Path, data: str | None) -> None:
    """And not in the working directory; nothing of it is left."""
    umask = os.umask(0)
    try:
        with modframe.start(data=data, modules=[]) as app:
            app.load({"api.py": API}, id="shop")
            spill = spill_of(app)
            assert stat.S_IMODE(spill.parent.stat().st_mode) == 0o700
            assert spill.is_absolute()
    finally:
        os.umask(umask)
    assert not spill.exists()
    assert (spill.parent == workspace / "data/databases") == (data is None)
