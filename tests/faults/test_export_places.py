"""Exports to places that can't be written, or only in part: nothing is half there."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import modframe
from modframe.errors import ExportError, FolderBusyError
from modframe.ship import ExportRecord, ExportReport, export
from modframe.source import Source, find_modules, folder_lock
from tests.fakes import simple
from tests.faults.processes import run_script

NOBODY = 65534
ORDERS = simple("async def get(self):\n    return 1")


@pytest.fixture(autouse=True)
def tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is exported loads in a fresh process; it is not what is tested here."""
    monkeypatch.setattr(
        sys.modules["modframe.ship.export"], "load_in_fresh_process", lambda *_, **__: []
    )


def export_edition(workspace: Path, number: int) -> ExportReport:
    files = {"api.py": f"X = {number}\n", "helpers/text.py": f"X = {number}\n"}
    return export(
        Source.from_texts("standard.orders", files),
        workspace / "modules",
        workspace=workspace,
        record=ExportRecord(workspace / "data"),
    )


def editions(workspace: Path) -> set[str]:
    """Return what the files of the module say, once a start has looked at them."""
    folder = workspace / "modules/standard/orders"
    assert list(find_modules(workspace / "modules")) == ["standard.orders"]
    assert [path.name for path in (workspace / "modules").iterdir()] == ["standard"]
    return {path.read_text() for path in (folder / "api.py", folder / "helpers/text.py")}


AS_NOBODY = """
    import os, sys
    from pathlib import Path
    import modframe.engine, modframe.ship.export
    from tests.faults.test_export_places import export_edition

    sys.modules["modframe.ship.export"].load_in_fresh_process = lambda *_, **__: []
    os.setuid(65534)
    try:
        print(export_edition(Path.cwd(), 2))
    except modframe.ModframeError as error:
        print(type(error).__name__, error)
"""


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="it becomes another user")
@pytest.mark.parametrize("closed", ["helpers", "helpers/text.py", "data"])
def test_what_may_not_be_written_is_found_before_the_first_file_is_moved(closed: str) -> None:
    """A folder in the module, a file that can't be read, a record that can't."""
    with TemporaryDirectory() as folder:  # pytest's own are closed to other users
        workspace = Path(folder)
        workspace.chmod(0o755)
        refuse_nobody(workspace, closed)


def refuse_nobody(workspace: Path, closed: str) -> None:
    export_edition(workspace, 1)
    subprocess.run(["chown", "-R", str(NOBODY), str(workspace)], check=True)
    place = workspace / ("data" if closed == "data" else f"modules/standard/orders/{closed}")
    if closed == "data":
        place /= "exports.json"
    os.chown(place, 0, 0)
    place.chmod(0o755 if place.is_dir() else 0)
    done = run_script(AS_NOBODY, workspace)
    assert done.stderr == ""
    assert done.stdout.startswith(
        "ExportError standard.orders was not exported, and the files in "
        f"{workspace}/modules/standard/orders are as they were: [Errno 13] Permission denied: "
        f"'{place}'. Make room or give the rights to write there, or export elsewhere with to=."
    )
    assert editions(workspace) == {"X = 1\n"}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="it mounts a folder")
@pytest.mark.parametrize("kind", ["tmpfs", "bind"])
@pytest.mark.parametrize("at", ["modules/standard/orders", "modules/standard/orders/helpers"])
def test_a_mounted_folder_in_the_way_is_named(workspace: Path, at: str, kind: str) -> None:
    """It is refused, with what to mount instead; a mount of all modules is fine."""
    export_edition(workspace, 1)
    place, aside = workspace / at, workspace / "aside"
    shutil.copytree(place, aside)
    words = ["-t", "tmpfs", "none"] if kind == "tmpfs" else ["--bind", str(aside)]
    if subprocess.run(["mount", *words, str(place)], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        if kind == "tmpfs":
            shutil.copytree(aside, place, dirs_exist_ok=True)
        with pytest.raises(ExportError) as caught:
            export_edition(workspace, 2)
        assert f"cross-device link: '{place}" in str(caught.value)
        assert f"Mount a folder at {workspace}/modules as a whole, and none in it" in str(
            caught.value
        )
        assert editions(workspace) == {"X = 1\n"}
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_record_that_fails_after_the_files_are_there_is_a_finding(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is told that nothing was written, and the next export knows the files."""
    export_edition(workspace, 1)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(ExportRecord, "note", full)
        report = export_edition(workspace, 2)
    assert len(report.written) == 2
    assert [one.rule for one in report.findings] == ["export-record"]
    assert "can't be written: [Errno 28] No space left on device" in report.findings[0].message
    assert editions(workspace) == {"X = 2\n"}
    assert len(export_edition(workspace, 3).written) == 2


def test_what_was_left_over_and_can_t_be_removed_stops_no_start(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A change that never came to its commit harms nobody; the log names it."""
    export_edition(workspace, 1)
    left = workspace / "modules/.modframe-change-1.new"
    left.mkdir()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", refuse)
        assert list(find_modules(workspace / "modules")) == ["standard.orders"]
    assert f"{left} is left over and can't be removed: [Errno 13]" in caplog.text
    assert editions(workspace) == {"X = 1\n"}


def test_a_process_that_stands_still_is_not_called_a_lack_of_rights(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it holds the folder, a read says that it is busy."""
    export_edition(workspace, 1)
    (workspace / "modules/.modframe-change-1").mkdir()
    monkeypatch.setattr(folder_lock, "WAIT", 0.05)
    descriptor = os.open(workspace / "modules", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(FolderBusyError, match=r"^another process has been changing"):
        find_modules(workspace / "modules")
    os.close(descriptor)
    assert editions(workspace) == {"X = 1\n"}


@pytest.mark.parametrize("to", ["data", "link"])
def test_the_data_folder_takes_no_modules(workspace: Path, to: str) -> None:
    """It is refused at once, also by another name; the record would wait for its own lock."""
    (workspace / "link").symlink_to("data")
    with modframe.start(workspace=workspace) as app:
        module = app.load({"api.py": ORDERS}, id="orders")
        with pytest.raises(ExportError, match=rf"{to} is the data folder, which is modframe's own"):
            module.export(to=to)
        assert module.export().written


@pytest.mark.parametrize("to", ["modules", "build", "build/inner"])
def test_no_export_leaves_the_workspace_by_a_link(
    workspace: Path, tmp_path_factory: pytest.TempPathFactory, to: str
) -> None:
    """Whoever means the folder that the link leads to says so."""
    outside = tmp_path_factory.mktemp("outside")
    (workspace / to.partition("/")[0]).symlink_to(outside)
    place = outside / to.partition("/")[2]
    with modframe.start(workspace=workspace, modules=[]) as app:
        module = app.load({"api.py": ORDERS}, id="orders")
        with pytest.raises(ExportError) as caught:
            module.export(to=to)
        assert str(caught.value) == (
            f"standard.orders: {to!r} leads out of the workspace {workspace} by a link, so nothing "
            f"was written. Name a folder in it, or write {str(place)!r}: an absolute one may be "
            "anywhere."
        )
        assert list(outside.iterdir()) == []
        assert module.export(to=place).written


def test_a_link_within_the_workspace_is_followed(workspace: Path) -> None:
    """What it leads to is the workspace's own."""
    (workspace / "build").mkdir()
    (workspace / "link").symlink_to("build")
    with modframe.start(workspace=workspace) as app:
        app.load({"api.py": ORDERS}, id="orders").export(to="link")
    assert (workspace / "build/standard/orders/api.py").read_text() == ORDERS


def test_an_export_elsewhere_that_was_cut_off_is_finished_by_the_next_start(
    workspace: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The record knows where it went; a folder that is gone since is no fault."""
    elsewhere, gone = (tmp_path_factory.mktemp(name) / "build" for name in ("one", "two"))
    with modframe.start(workspace=workspace) as app:
        module = app.load({"api.py": ORDERS}, id="orders")
        module.export(to=elsewhere)
        module.export(to=gone)
    shutil.rmtree(gone)
    change = elsewhere / ".modframe-change-1"
    change.mkdir()
    (change / "0").write_text("Y = 1\n")
    (change / "change.json").write_text('[["standard/orders/more.py", "", "0"]]')
    modframe.start(workspace=workspace).stop()
    assert (elsewhere / "standard/orders/more.py").read_text() == "Y = 1\n"
    assert [path.name for path in elsewhere.iterdir()] == ["standard"]
    assert not gone.exists()
