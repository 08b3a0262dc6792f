"""Files of modframe's own: who may read them, what becomes of them, and what links do."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import modframe
from modframe import files
from modframe.app import AppContext
from modframe.parts.settings.preference_file import PreferenceFile
from modframe.source.workspace import close_data_folder
from tests.fakes import simple

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """Let the umask give everybody all rights: what is private must not depend on it."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def opened_to_others(folder: Path) -> dict[str, str]:
    """Return what others have rights for below a folder, and itself: path → mode."""
    return {
        str(path.relative_to(folder.parent)): oct(mode(path))
        for path in (folder, *folder.rglob("*"))
        if not path.is_symlink() and mode(path) & 0o077
    }


def test_folders_and_files_are_private(tmp_path: Path) -> None:
    """Each that is made, and none that was there."""
    place = tmp_path / "mine"
    place.mkdir(mode=0o755)
    before = mode(place)
    assert files.make_folder(place / "a/b") == [place / "a", place / "a/b"]
    assert files.make_folder(place / "a/b") == []
    files.make_file(place / "a/made")
    files.replace_file(place / "a/put", b"text")
    files.write_new(place / "a/new", b"text")
    os.close(files.open_file(place / "a/log", os.O_WRONLY | os.O_APPEND))
    assert opened_to_others(place / "a") == {}
    assert mode(place) == before


def test_what_is_for_all_has_the_mode_of_the_umask(tmp_path: Path) -> None:
    """Modules are no secret of modframe's."""
    files.make_folder(tmp_path / "a", private=False)
    files.write_new(tmp_path / "a/api.py", b"", private=False)
    assert (mode(tmp_path / "a"), mode(tmp_path / "a/api.py")) == (0o777, 0o666)


@pytest.mark.parametrize("shared", [0o2750, 0o2775, 0o0770])
def test_a_folder_shared_with_a_group_stays_shared(tmp_path: Path, shared: int) -> None:
    """What is made in it has the group's rights, and others have none."""
    tmp_path.chmod(shared)
    group = shared & 0o070
    files.make_folder(tmp_path / "a/b")
    files.replace_file(tmp_path / "a/put", b"")
    files.make_file(tmp_path / "a/b/made")
    assert mode(tmp_path / "a/b") & 0o777 == 0o700 | group
    assert mode(tmp_path / "a/put") == mode(tmp_path / "a/b/made") == 0o600 | group & 0o060


@pytest.mark.parametrize("usual", [0o755, 0o775, 0o750, 0o777])
def test_a_mode_that_a_umask_gives_shares_nothing(tmp_path: Path, usual: int) -> None:
    """Nobody asked for it."""
    tmp_path.chmod(usual)
    files.make_file(tmp_path / "made")
    assert mode(tmp_path / "made") == 0o600


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    """Its target stays as it was; where a file is replaced, the link is."""
    target = tmp_path / "target"
    target.write_text("theirs")
    link = tmp_path / "link"
    link.symlink_to(target)
    with pytest.raises(OSError, match="it is a link, and modframe writes its own files") as caught:
        files.open_file(link, os.O_WRONLY)
    assert (caught.value.errno, caught.value.filename) == (errno.ELOOP, str(link))
    with pytest.raises(OSError, match="it is a link"):
        files.make_file(link)
    with pytest.raises(FileExistsError):
        files.write_new(link, b"mine")
    files.replace_file(link, b"mine")
    assert (target.read_text(), link.read_text(), link.is_symlink()) == ("theirs", "mine", False)


def test_a_link_that_leads_nowhere_makes_nothing(tmp_path: Path) -> None:
    """Whoever planted it can't say where a file comes to be."""
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(OSError, match="it is a link"):
        files.make_file(link)
    with pytest.raises(OSError, match="it is a link"):
        files.open_file(link, os.O_WRONLY)
    with pytest.raises(FileExistsError):
        files.write_new(link, b"")
    files.replace_file(link, b"mine")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link"]


def test_temporary_names_can_t_be_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two writes of one file have two names, and none is left."""
    names = []
    real = Path.replace

    def note(path: Path, target: Path) -> Path:
        names.append(path.name)
        return real(path, target)

    monkeypatch.setattr(Path, "replace", note)
    for _ in range(2):
        files.replace_file(tmp_path / "file", b"text")
    assert len(set(names)) == 2
    assert all(len(name) >= len(".file.") + 16 for name in names)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing beside it."""
    (tmp_path / "file").write_text("old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.replace_file(tmp_path / "file", b"new")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


MODELS = """
from core.database import get_database_base
from sqlalchemy.orm import Mapped, mapped_column
DATABASE_NAME = "shop"
DATABASE_ENGINE = {engine!r}
class Item(get_database_base("shop")):
    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
"""
SERVICE = simple(
    "async def put(self):\n"
    "    async with self.app_context.database.integrity_session('shop', 'test') as session:\n"
    "        from .db_models import Item\n"
    "        session.add(Item())\n"
    "        await session.commit()\n"
    "    self.app_context.get_logger().error('said')\n",
)


@pytest.mark.parametrize("engine", ["duckdb", "sqlite"])
def test_all_that_an_app_keeps_is_private(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    """Databases with what is beside them, history, preferences, logs, exports, backups."""
    exporting = import_module("modframe.ship.export")
    monkeypatch.setattr(exporting, "load_in_fresh_process", lambda *_, **__: [])
    workspace.chmod(0o755)
    with modframe.start() as app:
        text = {"api.py": SERVICE, "db_models.py": MODELS.format(engine=engine)}
        module = app.load(text, id="shop")
        app.get_service("shop").put().result(30)
        preferences = PreferenceFile(workspace / "data/preferences.sqlite")
        assert preferences.replace("standard.shop", expected={}, wanted={"size": 1})
        module.export()
        app.database.backup(workspace / "backup")
        app.get_service("shop").put().result(30)
        beside = {path.suffix for path in (workspace / "data/databases").iterdir()}
        assert beside >= ({".wal", ".lock"} if engine == "duckdb" else {".sqlite"})
        assert [entry.generation for entry in module.history] == [1]
        assert opened_to_others(workspace / "data") == {}
        preferences.close()
        assert opened_to_others(workspace / "backup") == {}
    kept = {path.name for path in (workspace / "data").iterdir()}
    assert kept == {
        "databases", "logs", "history.sqlite", "exports.json", "preferences.sqlite"
    }  # fmt: skip
    assert opened_to_others(workspace / "data") == {}
    assert mode(workspace / "modules/standard/shop/api.py") == 0o666


def data_of_an_earlier_version(workspace: Path) -> Path:
    data = workspace / "data"
    for path in ("logs/app.log", "databases/shop.duckdb", "history.sqlite", "history.sqlite-wal"):
        (data / path).parent.mkdir(parents=True, exist_ok=True)
        (data / path).write_text("")
    return data


def lines_about(app: AppContext) -> list[str]:
    app._engine.log.flush()
    said = (app._engine.data / "logs/app.log").read_text().splitlines()
    return [line for line in said if "others could read what modframe keeps" in line]


def test_what_an_earlier_version_left_open_is_closed_and_said_once(workspace: Path) -> None:
    """The log has one line, with what was closed and how a group gets the folder."""
    data = data_of_an_earlier_version(workspace)
    with modframe.start(modules=[]) as app:
        (line,) = lines_about(app)
    assert "data, data/databases, data/history.sqlite, data/history.sqlite-wal and 3 more" in line
    assert "chgrp -R GROUP, then chmod -R g+rwX,o=" in line
    assert opened_to_others(data) == {}
    with modframe.start(modules=[]) as app:
        assert len(lines_about(app)) == 1


def test_what_a_person_keeps_in_the_data_folder_stays_open(workspace: Path) -> None:
    """Neither his files nor the folder that others reach them by are closed."""
    data = data_of_an_earlier_version(workspace)
    (data / "table.csv").write_text("a,b")
    (data / "logs-of-mine").mkdir()
    modframe.start(modules=[]).stop()
    assert opened_to_others(data) == {
        "data": "0o777",
        "data/table.csv": "0o666",
        "data/logs-of-mine": "0o777",
    }


def test_what_is_shared_with_a_group_keeps_its_rights(workspace: Path) -> None:
    """Only others lose theirs; a folder and what is made in it stay the group's."""
    data = data_of_an_earlier_version(workspace)
    data.chmod(0o2775)
    modframe.start(modules=[]).stop()
    assert (mode(data), mode(data / "logs")) == (0o2770, 0o770)
    assert mode(data / "history.sqlite") == mode(data / "databases/shop.duckdb") == 0o660


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="it gives a file away")
def test_links_and_files_of_others_stay_as_they_are(workspace: Path) -> None:
    """What a link leads to may be anything."""
    data = data_of_an_earlier_version(workspace)
    (workspace / "theirs").write_text("")
    (data / "token").symlink_to(workspace / "theirs")
    os.chown(data / "history.sqlite", 65534, 65534)
    close_data_folder(data)
    assert opened_to_others(workspace).keys() >= {f"{workspace.name}/theirs"}
    assert opened_to_others(data) == {"data/history.sqlite": "0o666"}
