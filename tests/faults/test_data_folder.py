"""A data folder that can't be written, at start and later."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

import pytest

import modframe
from modframe.errors import DataFolderError
from modframe.source import workspace as workspaces
from tests.faults.processes import run_script

WAY_OUT = (
    r"Make room or give the rights to write there, choose another folder with data= or "
    r'MODFRAME_DATA, or keep nothing with data=":memory:"\.'
)


def test_a_file_in_its_place_is_said_at_once(workspace: Path) -> None:
    """The error names the folder and the cause; the next start with a way out works."""
    (workspace / "data").write_text("not a folder")
    with pytest.raises(DataFolderError) as caught:
        modframe.start(workspace=workspace)
    said = f"nothing can be written to the data folder {workspace / 'data'}: "
    assert re.fullmatch(f"{re.escape(said)}.*data is a file\\. {WAY_OUT}", str(caught.value))
    assert "tempfile" not in "".join(traceback.format_exception(caught.value))
    assert (workspace / "data").read_text() == "not a folder"
    with modframe.start(workspace=workspace, data=":memory:", modules=[]) as app:
        assert app.modules["core.settings"].state == "LIVE"


def test_a_folder_that_can_t_be_made_is_said_at_once(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the variable names it; nobody can make one in /proc, not even root."""
    monkeypatch.setenv("MODFRAME_DATA", "/proc/modframe/data")
    with pytest.raises(DataFolderError, match=r"the data folder /proc/modframe/data: "):
        modframe.start(workspace=workspace)


def test_a_full_disk_is_said_at_once(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start without room for anything ends before a module does."""
    script = """
        import resource, modframe

        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        try:
            modframe.start()
        except modframe.ModframeError as error:
            print(error)
    """
    done = run_script(script, workspace)
    assert re.match(
        r"nothing can be written to the data folder \S+/data: File too large\. ", done.stdout
    )
    assert re.search(WAY_OUT, done.stdout)
    assert list(workspace.iterdir()) == []


def test_a_start_leaves_nothing_of_its_try(workspace: Path) -> None:
    """What is not kept is not made."""
    with modframe.start(workspace=workspace, modules=[]):
        assert list(workspace.iterdir()) == []
    workspaces.refuse_unwritable(None)


def test_the_shell_says_it_as_well(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and exit status 1."""
    from modframe.cli import main

    (workspace / "modules/standard").mkdir(parents=True)
    (workspace / "data").write_text("not a folder")
    with pytest.raises(SystemExit, match="1"):
        main(["serve", "--workspace", str(workspace), "--port", "0"])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: nothing can be written to the data folder {workspace}/data: ")


def test_a_disk_that_fills_later_is_said_once_and_the_app_lives_on(workspace: Path) -> None:
    """Log and history say so once each, an export is refused with a reason, swaps go on."""
    script = """
        import resource, sys, modframe

        TEXT = "from modframe.decorators import module\\n@module\\nclass Orders:\\n" + (
            "  def edition(self):\\n    return NUMBER\\n"
            "  def say(self, text):\\n    self.app_context.get_logger().error(text)\\n"
            "# " + "x" * 200_000
        )

        app = modframe.start()
        app.load({"api.py": TEXT.replace("NUMBER", "1")}, id="orders")
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        for number in range(2, 8):
            app.load({"api.py": TEXT.replace("NUMBER", str(number))}, id="orders")
            app.get_service("orders").say("y" * 60_000).result(30)
            app.modules["orders"].history
        print(app.get_service("orders").edition().result(30))
        try:
            app.modules["orders"].export()
        except modframe.ModframeError as error:
            print(error)
        lines = [event.message for event in app._engine.log.tail(200) if event.level == "WARNING"]
        print(sum("the history in" in line for line in lines))
        print([entry.generation for entry in app.modules["orders"].history][-1])
        app.stop()
    """
    done = run_script(script, workspace, timeout=120)
    assert done.returncode == 0, done.stderr
    edition, refused, warnings, last = done.stdout.splitlines()
    assert (edition, warnings, last) == ("7", "1", "7")
    assert re.match(
        r"standard\.orders was not exported, and the files in \S+ are as they were: .*File too large"
        r".*\. Make room or give the rights to write there, or export elsewhere with to=\.",
        refused,
    )
    said = [line for line in done.stderr.splitlines() if "log lines not written" in line]
    assert len(said) == 1
    assert not (workspace / "modules").exists()


def test_a_commit_that_finds_the_disk_full_is_no_conflict(workspace: Path) -> None:
    """The error says what the disk said; once there is room, commits go on."""
    folder = workspace / "modules/standard/shop"
    folder.mkdir(parents=True)
    (folder / "db_models.py").write_text(
        "from modframe.database import get_database_base\n"
        "from sqlalchemy.orm import Mapped, mapped_column\n"
        'DATABASE_NAME = "shop"\n'
        "class Item(get_database_base(DATABASE_NAME)):\n"
        '    __tablename__ = "items"\n'
        "    id: Mapped[int] = mapped_column(primary_key=True)\n"
        "    text: Mapped[str]\n"
    )
    (folder / "api.py").write_text(
        "from modframe.decorators import module\n"
        "from .db_models import Item\n"
        "@module\n"
        "class Shop:\n"
        "    async def add(self, number, size):\n"
        '        session = self.app_context.database.integrity_session("shop", "add")\n'
        "        async with session as opened:\n"
        '            opened.add(Item(id=number, text="x" * size))\n'
        "            await opened.commit()\n"
    )
    script = """
        import resource, modframe

        app = modframe.start(strict=True)
        shop = app.get_service("shop")
        shop.add(1, 10).result(30)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        try:
            shop.add(2, 500_000).result(30)
        except Exception as error:
            print(type(error).__name__, error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        shop.add(2, 10).result(30)
        print(app.database.sql("select id from shop.items order by id").rows)
        app.stop()
    """
    done = run_script(script, workspace)
    *refused, rows = done.stdout.splitlines()
    assert "File too large" in refused[0], done.stderr
    assert not any("conflict" in line.lower() or "another" in line for line in refused)
    assert rows == "[(1,), (2,)]"
