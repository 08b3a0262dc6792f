"""Backups of all databases while they serve, and what puts them back."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import ModframeError

API = """
from core.app_context import app_context
from core.database import get_database_base
from modframe.decorators import module
from sqlalchemy import Column, Integer, String, select

DATABASE_NAME = "shop"
Base = get_database_base(DATABASE_NAME)


class Item(Base):
    __tablename__ = "items"
    id = Column(Integer, primary_key=True)
    name = Column(String, nullable=False, unique=True)


class Twin(Base):
    __tablename__ = "twins"
    id = Column(Integer, primary_key=True)
    name = Column(String)


@module
class Shop:
    async def add(self, name: str) -> int:
        async with app_context.database.integrity_session("shop", "add") as session:
            item = Item(name=name)
            session.add_all([item, Twin(name=name)])
            await session.commit()
            return item.id

    async def names(self) -> list[str]:
        async with app_context.database.integrity_session("shop", "names") as session:
            return list(await session.scalars(select(Item.name).order_by(Item.id)))
"""


@pytest.fixture(params=["duckdb", "memory", "sqlite", "postgresql"])
def shop(
    workspace: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AppContext]:
    """A live shop on each engine, and in memory."""
    data: Any = workspace / "data" if request.param != "memory" else ":memory:"
    if request.param == "postgresql":
        monkeypatch.setenv("MODFRAME_DATABASE_URL", request.getfixturevalue("postgres_url"))
    elif request.param == "sqlite":
        monkeypatch.setenv("MODFRAME_DATABASE_URL", "sqlite")
    with modframe.start(workspace=workspace, data=data) as app:
        app.load({"api.py": API}, id="shop")
        yield app


def names(app: AppContext) -> list[str]:
    found: list[str] = app.get_service("shop").names().result()
    return found


def add(app: AppContext, name: str) -> int:
    number: int = app.get_service("shop").add(name).result()
    return number


def test_rows_come_back_and_keys_go_on(shop: AppContext, tmp_path: Path) -> None:
    """The module stays live, sees the rows of the backup, and counts on from its keys."""
    add(shop, "a")
    backup = shop.database.backup(tmp_path / "backup")
    (saved,) = backup.databases
    assert saved.database == "shop"
    assert (saved.tables["items"], saved.tables["twins"]) == (1, 1)
    add(shop, "b")
    generation = shop.modules["shop"].generation
    shop.database.restore(tmp_path / "backup", replace=True)
    assert shop.modules["shop"].generation == generation
    assert names(shop) == ["a"]
    assert add(shop, "c") >= 2
    assert names(shop) == ["a", "c"]


def test_rows_are_not_overwritten_unasked(shop: AppContext, tmp_path: Path) -> None:
    """Rows that are there are named, and stay; an empty database is filled."""
    add(shop, "a")
    shop.database.backup(tmp_path / "backup")
    add(shop, "b")
    with pytest.raises(ModframeError, match="it has rows: items 2, twins 2"):
        shop.database.restore(tmp_path / "backup")
    assert names(shop) == ["a", "b"]


@pytest.mark.parametrize("shop", ["memory", "postgresql"], indirect=True)
def test_rows_that_no_longer_fit_the_tables_change_nothing(
    shop: AppContext, tmp_path: Path
) -> None:
    """A column that was added since wants a value; where rows are put back, the error names it."""
    add(shop, "a")
    shop.database.backup(tmp_path / "backup")
    add(shop, "b")
    wanting = API.replace("class Twin", "    size = Column(String, nullable=False)\n\n\nclass Twin")
    with pytest.raises(ModframeError, match="NOT NULL"):
        shop.load({"api.py": wanting}, id="shop")
    shop.database.migrate("shop", fill={"items.size": "large"})
    with pytest.raises(
        ModframeError, match=r"don't fit the tables as they are now.*size"
    ) as caught:
        shop.database.restore(tmp_path / "backup", replace=True)
    assert "its rows stay as they were" in str(caught.value)
    assert names(shop) == ["a", "b"]


def test_into_another_data_folder(shop: AppContext, tmp_path: Path, workspace: Path) -> None:
    """A backup makes the databases of an app that has none yet."""
    add(shop, "a")
    shop.database.backup(tmp_path / "backup")
    shop.stop()
    with modframe.start(workspace=workspace, data=tmp_path / "other") as other:
        if shop_keeps_files(tmp_path / "backup"):
            other.database.restore(tmp_path / "backup")
        other.load({"api.py": API}, id="shop")
        assert names(other) == ["a"]


def shop_keeps_files(backup: Path) -> bool:
    """Return whether the backup was made of a file: a server's rows are there in any case."""
    facts = json.loads((backup / "manifest.json").read_text())
    return bool(facts["databases"][0]["engine"] != "postgresql")


def test_from_one_engine_to_another(
    shop: AppContext,
    tmp_path_factory: pytest.TempPathFactory,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rows of a backup outside of the workspace come back on an engine that didn't write it."""
    backup = tmp_path_factory.mktemp("disk") / "backup"
    add(shop, "a")
    shop.database.backup(backup)
    shop.stop()
    monkeypatch.setenv("MODFRAME_DATABASE_URL", "sqlite")
    with modframe.start(workspace=workspace, data=workspace / "other") as other:
        other.load({"api.py": API}, id="shop")
        other.database.restore(backup)
        assert names(other) == ["a"]
        assert add(other, "b") == 2


def test_keys_go_on_on_a_server_that_the_rows_are_new_to(
    postgres_url: str, tmp_path: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its counters have given no number yet."""
    with modframe.start(workspace=workspace, data=workspace / "data") as one:
        one.load({"api.py": API}, id="shop")
        add(one, "a")
        one.database.backup(tmp_path / "backup")
    monkeypatch.setenv("MODFRAME_DATABASE_URL", postgres_url)
    with modframe.start(workspace=workspace, data=workspace / "other") as other:
        other.load({"api.py": API}, id="shop")
        other.database.restore(tmp_path / "backup")
        assert add(other, "b") == 2


def test_it_is_consistent_while_sessions_write(shop: AppContext, tmp_path: Path) -> None:
    """Both tables of a transaction are in it, or neither, while another thread goes on writing."""
    stop = threading.Event()
    written: list[int] = []

    def write() -> None:
        while not stop.is_set():
            written.append(add(shop, f"n{len(written)}"))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        backups = [shop.database.backup(tmp_path / f"backup-{turn}") for turn in range(3)]
    finally:
        stop.set()
        thread.join()
    for backup in backups:
        (saved,) = backup.databases
        assert saved.tables["items"] == saved.tables["twins"]
    assert len(names(shop)) == len(written)


def spoil_file(folder: Path) -> None:
    (file,) = folder.glob("shop.*")
    file.write_bytes(file.read_bytes()[:-1] + b"\xff")


def lose_file(folder: Path) -> None:
    (file,) = folder.glob("shop.*")
    file.unlink()


def lose_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def lead_out(folder: Path) -> None:
    facts = json.loads((folder / "manifest.json").read_text())
    facts["databases"][0]["file"] = "../shop.duckdb"
    (folder / "manifest.json").write_text(json.dumps(facts))


@pytest.mark.parametrize("spoil", [spoil_file, lose_file, lose_manifest, lead_out])
def test_a_damaged_backup_changes_nothing(shop: AppContext, tmp_path: Path, spoil: Any) -> None:
    """It is refused before anything is touched."""
    add(shop, "a")
    shop.database.backup(tmp_path / "backup")
    spoil(tmp_path / "backup")
    add(shop, "b")
    with pytest.raises(ModframeError, match="no backup that can be restored"):
        shop.database.restore(tmp_path / "backup", replace=True)
    assert names(shop) == ["a", "b"]


def test_a_folder_that_is_not_empty_is_left_alone(shop: AppContext, tmp_path: Path) -> None:
    """A backup needs a folder of its own; nothing is left beside it."""
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "mine").write_text("mine")
    with pytest.raises(ModframeError, match="something at"):
        shop.database.backup(tmp_path / "backup")
    with pytest.raises(ModframeError, match=r"can't be made: Not a directory"):
        shop.database.backup(tmp_path / "backup" / "mine" / "deep")
    assert [path.name for path in tmp_path.glob("backup*")] == ["backup"]


async def test_an_open_session_is_waited_for(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that stays open is named, and nothing changes; once it ends, the restore works."""
    monkeypatch.setenv("MODFRAME_DATABASE_LOCK_WAIT", "0.2")
    with modframe.start(workspace=workspace, data=workspace / "data") as app:
        app.load({"api.py": API}, id="shop")
        await app.get_service("shop").add("a")
        await asyncio.to_thread(app.database.backup, tmp_path / "backup")
        async with app.database.integrity_session("shop", "long report"):
            with pytest.raises(ModframeError, match="long report"):
                await asyncio.to_thread(app.database.restore, tmp_path / "backup", replace=True)
        await asyncio.to_thread(app.database.restore, tmp_path / "backup", replace=True)
        assert await app.get_service("shop").names() == ["a"]
