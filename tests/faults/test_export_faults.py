"""Exports beside others: two processes, links that lead out, a watch, full folders, changed texts."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

import modframe
from modframe.app import AppContext
from modframe.errors import ExportError, FolderBusyError
from modframe.process import current_app
from modframe.ship import ExportRecord, ExportReport, export
from modframe.source import Source, folder_lock
from tests.fakes import simple
from tests.waiting import wait_for

TEXT = """\
from modframe.decorators import module

from .first import FIRST
from .second import SECOND


@module
class Orders:
    def editions(self):
        return FIRST, SECOND

    def text(self, file):
        return (self.app_context.path / file).read_text()
"""


def texts(number: int) -> dict[str, str]:
    return {
        "api.py": TEXT,
        "first.py": f"FIRST = {number}\n",
        "second.py": f"SECOND = {number}\n",
    }


def write_texts(folder: Path, number: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in texts(number).items():
        (folder / file).write_text(text)


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is exported loads in a fresh process; it is not what is tested here."""
    monkeypatch.setattr(
        sys.modules["modframe.ship.export"], "load_in_fresh_process", lambda *_, **__: []
    )


def export_texts(workspace: Path, files: dict[str, str], *, force: bool = False) -> ExportReport:
    return export(
        Source.from_texts("standard.orders", files),
        workspace / "modules",
        workspace=workspace,
        record=ExportRecord(workspace / "data"),
        force=force,
    )


@pytest.fixture
def app(workspace: Path) -> Iterator[AppContext]:
    """A running app that keeps its data."""
    running = modframe.start(workspace=workspace)
    yield running
    if current_app() is running:
        running.stop()


# -- several processes -------------------------------------------------------------------------

EXPORTS = """
    import sys
    from pathlib import Path
    from modframe.ship import ExportRecord, export
    from modframe.source import Source

    sys.modules["modframe.ship.export"].load_in_fresh_process = lambda *_, **__: []
    mark, here = sys.argv[1], Path.cwd()
    for number in range(6):
        for module_id in (f"standard.m{mark}_{number}", "standard.shared"):
            texts = {"api.py": f"{mark}, {number}", f"file{number % 3}.py": mark}
            export(
                Source.from_texts(module_id, texts), here / "modules",
                workspace=here, record=ExportRecord(here / "data"),
            )
"""


def test_exports_of_two_processes_lose_nothing(workspace: Path, tried: None) -> None:
    """Each file is on disk and in the record, and nobody is told that it was changed by hand."""
    words = [sys.executable, "-c", textwrap.dedent(EXPORTS)]
    running = [subprocess.Popen([*words, mark], stderr=subprocess.PIPE) for mark in "ab"]
    errors = [process.communicate(timeout=120)[1] for process in running]
    assert errors == [b"", b""]
    record = json.loads((workspace / "data/exports.json").read_text())
    folders = sorted((workspace / "modules/standard").iterdir())
    assert len(folders) == 13
    for path in (path for folder in folders for path in folder.iterdir()):
        assert isinstance(record[f"../{path.relative_to(workspace).as_posix()}"], str)
    mixed = {path.read_text()[0] for path in (workspace / "modules/standard/shared").iterdir()}
    assert len(mixed) == 1
    assert sorted(path.name for path in (workspace / "data").iterdir()) == ["exports.json"]
    report = export(
        Source.from_texts("standard.shared", {"api.py": "mine"}), workspace / "modules",
        workspace=workspace, record=ExportRecord(workspace / "data"),
    )  # fmt: skip
    assert len(report.removed) == 1


def test_a_process_that_holds_the_folder_is_not_waited_for_without_end(
    workspace: Path, tried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The export says so, and nothing is written."""
    (workspace / "modules").mkdir()
    monkeypatch.setattr(folder_lock, "WAIT", 0.05)
    descriptor = os.open(workspace / "modules", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(FolderBusyError, match=r"another process has been changing .*/modules"):
        export_texts(workspace, texts(1))
    os.close(descriptor)
    assert list((workspace / "modules").iterdir()) == []
    assert len(export_texts(workspace, texts(1)).written) == 3


def test_a_watch_sees_an_export_as_one_change(
    workspace: Path, tried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slowly the files come, what goes live has all of them."""
    write_texts(workspace / "modules/standard/orders", 1)
    replace = os.replace

    def slow_replace(*paths: Path) -> None:
        replace(*paths)
        time.sleep(0.1)  # as long as several bursts of the watch

    monkeypatch.setattr(os, "replace", slow_replace)
    with modframe.start(workspace=workspace, data=":memory:") as app:
        reports: list[str] = []
        app._engine.watching.report = reports.append
        watcher = app.watch()
        export_texts(workspace, {**texts(2), "third.py": "THIRD = 2\n"}, force=True)
        orders = app.get_service("orders")
        wait_for(lambda: orders.editions().result(30) != (1, 1))
        assert orders.editions().result(30) == (2, 2)
        watcher.stop()
        assert app.modules["orders"].generation == 2
        assert len(reports) == 1


# -- links -------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", ["modules/standard", "modules/standard/orders"])
def test_no_export_goes_through_a_link_to_a_folder(workspace: Path, tried: None, link: str) -> None:
    """It is refused, also if forced; what the link leads to stays as it is."""
    outside = workspace / "outside"
    outside.mkdir()
    (workspace / link).parent.mkdir(parents=True)
    (workspace / link).symlink_to(outside)
    for force in (False, True):
        with pytest.raises(ExportError, match=r"is a link to .*outside, and an export writes"):
            export_texts(workspace, texts(1), force=force)
    assert list(outside.iterdir()) == []


def test_no_export_goes_through_a_link_inside_the_module(workspace: Path, tried: None) -> None:
    """Neither through a folder in it nor through a file, and all other files stay as they are."""
    outside, folder = workspace / "outside", workspace / "modules/standard/orders"
    outside.mkdir()
    (outside / "victim").write_text("mine")
    folder.mkdir(parents=True)
    (folder / "parts").symlink_to(outside)
    with pytest.raises(ExportError, match="nothing is written through links"):
        export_texts(workspace, {**texts(1), "parts/one.py": "x = 1\n"}, force=True)
    assert [path.name for path in folder.iterdir()] == ["parts"]
    (folder / "api.py").symlink_to(outside / "victim")
    with pytest.raises(ExportError, match=r"api\.py: it says something else"):
        export_texts(workspace, texts(1))
    export_texts(workspace, texts(1), force=True)
    assert not (folder / "api.py").is_symlink()
    assert (folder / "api.py").read_text() == TEXT
    assert (outside / "victim").read_text() == "mine"
    assert [path.name for path in outside.iterdir()] == ["victim"]


def test_planted_links_and_changes_lead_nowhere(
    workspace: Path, tried: None, caplog: pytest.LogCaptureFixture
) -> None:
    """Names of modframe's own that others have put there are neither followed nor carried out."""
    outside, modules = workspace / "outside", workspace / "modules"
    planted = modules / ".modframe-change-planted"
    for folder in (outside, planted, workspace / "data"):
        folder.mkdir(parents=True)
    (outside / "victim").write_text("mine")
    (modules / ".modframe-change-link").symlink_to(outside)
    (modules / ".modframe-change-link.new").symlink_to(outside)
    (planted / "0").write_text("theirs")
    (planted / "change.json").write_text('[["../outside/victim", "", "0"]]')
    (workspace / "data/exports.json").symlink_to(outside / "victim")
    export_texts(workspace, texts(1))
    assert (outside / "victim").read_text() == "mine"
    assert (workspace / "data/exports.json").is_file()
    assert not (workspace / "data/exports.json").is_symlink()
    assert [path.name for path in outside.iterdir()] == ["victim"]
    assert any("is no change that can be made" in line for line in caplog.messages)
    with modframe.start(workspace=workspace, data=":memory:") as app:
        assert app.modules["orders"].state == "LIVE"


def test_everything_is_on_the_disk_before_it_counts(
    workspace: Path, tried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each new file and its folder reach the disk before the one renaming that decides."""
    events: list[str] = []
    fsync, rename = os.fsync, os.rename

    def noted_fsync(descriptor: int) -> None:
        events.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        fsync(descriptor)

    def noted_rename(old: Path, new: Path) -> None:
        events.append(f"renamed {Path(old).suffix}")
        rename(old, new)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "rename", noted_rename)
    export_texts(workspace, texts(1))
    modules = events[events.index("2") - 2 :]
    staging = modules[4]
    assert staging.startswith(".modframe-change-")
    assert modules[:7] == ["0", "1", "2", "change.json", staging, "renamed .new", "modules"]
    assert "orders" in modules[7:]


def test_what_a_person_changes_after_a_cut_off_export_stays(
    workspace: Path, tried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Finishing it at the next start takes no text away that was written since."""
    folder = workspace / "modules/standard/orders"
    export_texts(workspace, texts(1))

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        replace = os.replace

        def second_fails(old: Path, new: Path) -> None:
            broken() if new.name == "second.py" else replace(old, new)

        patch.setattr(os, "replace", second_fails)
        with pytest.raises(modframe.ModframeError, match=r"files in .* are half written"):
            export_texts(workspace, {**texts(2), "api.py": f"{TEXT}\n# two\n"})
    (folder / "second.py").write_text("SECOND = 'by hand'\n")
    with modframe.start(workspace=workspace, strict=True) as app:
        assert app.get_service("orders").editions().result(30) == (2, "by hand")
    left = [path.name for path in (workspace / "modules").iterdir()]
    assert left == ["standard"]


# -- texts that are no code --------------------------------------------------------------------


def test_a_text_file_of_a_cell_is_the_module_s_and_makes_no_generation(
    app: AppContext, workspace: Path
) -> None:
    """Module code reads it, history and export have it, and a rollback brings it back."""
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "modframe")
    folder = workspace / "modules/standard/orders"
    (folder / "more").mkdir(parents=True)
    (folder / "more/notes.txt").write_text("mine\n")

    def run(line: str, text: str) -> None:
        shell.run_cell(f"%%module orders {line}\n{text}").raise_error()

    try:
        run("queries/all.sql", "SELECT 1\n")
        for file, text in texts(1).items():
            run(file, text)
        orders, module = app.get_service("orders"), app.modules["orders"]
        assert orders.text("queries/all.sql").result(30) == "SELECT 1\n"
        assert orders.text("more/notes.txt").result(30) == "mine\n"
        run("queries/all.sql", "SELECT 2\n")
        run("README.md", "# Orders\n")
        assert module.generation == 1
        assert orders.text("queries/all.sql").result(30) == "SELECT 2\n"
        assert module.history[-1].outcome == (
            "standard.orders README.md changed · generation 1 goes on"
        )
        assert not (folder / "queries").exists()
        report = module.export()
        assert sorted(path.relative_to(folder).as_posix() for path in report.written) == [
            "README.md", "api.py", "first.py", "queries/all.sql", "second.py",
        ]  # fmt: skip
        assert (folder / "queries/all.sql").read_text() == "SELECT 2\n"
        module.rollback()
        module.rollback(to=module.history[0])
        assert orders.text("queries/all.sql").result(30) == "SELECT 1\n"
        assert module.generation == 1
        (folder / "README.md").write_text("by hand\n")
        run("README.md", "# Orders, again\n")
        with pytest.raises(ExportError, match=r"README\.md: it was changed by hand"):
            module.export()
    finally:
        shell.run_line_magic("unload_ext", "modframe")
    app.stop()
    with modframe.start(workspace=workspace, strict=True) as again:
        assert again.get_service("orders").text("queries/all.sql").result(30) == "SELECT 2\n"
        again.modules["orders"].export()
        assert (folder / "README.md").read_text() == "by hand\n"


@pytest.mark.parametrize("exported", [True, False])
def test_what_module_code_writes_beside_its_texts_stays(
    app: AppContext, workspace: Path, tried: None, exported: bool
) -> None:
    """After the export that brings the texts to the module's folder, and after a stop without."""
    folder = workspace / "modules/standard/orders"
    text = simple(
        "def write(self):\n"
        "    (self.app_context.path / 'out').mkdir()\n"
        "    (self.app_context.path / 'out/one.txt').write_text('kept')\n"
        "def read(self):\n    return (self.app_context.path / 'out/one.txt').read_text()"
    )
    module = app.load({"api.py": text, "notes.md": "x"}, id="orders")
    orders = app.get_service("orders")
    orders.write().result(30)
    assert orders.read().result(30) == "kept"
    if exported:
        module.export()
        assert orders.read().result(30) == "kept"
    app.stop()
    assert (folder / "out/one.txt").read_text() == "kept"
    assert (folder / "notes.md").exists() is exported


def test_data_files_travel_to_another_folder(app: AppContext, workspace: Path) -> None:
    """Requirements, texts and pictures go along; hidden and compiled files stay."""
    folder = workspace / "modules/standard/orders"
    write_texts(folder, 1)
    (folder / "__pycache__").mkdir()
    (folder / "static").mkdir()
    for file, content in {
        "requirements.txt": b"httpx\n", "README.md": b"# Orders\n", "static/logo.png": b"\x89PNG\0",
        ".env": b"SECRET=1\n", "__pycache__/api.cpython-311.pyc": b"\0",
    }.items():  # fmt: skip
        (folder / file).write_bytes(content)
    report = app.load("orders").export(to="build")
    there = workspace / "build/standard/orders"
    found = sorted(
        path.relative_to(there).as_posix() for path in there.rglob("*") if path.is_file()
    )
    assert found == [
        "README.md", "api.py", "first.py", "requirements.txt", "second.py", "static/logo.png",
    ]  # fmt: skip
    assert (there / "static/logo.png").read_bytes() == b"\x89PNG\0"
    assert len(report.paths) == 6
    (folder / "README.md").write_text("# Orders, two\n")
    assert app.modules["orders"].export(to="build").written == (there / "README.md",)


def test_a_watch_makes_no_generation_of_an_exported_text(app: AppContext, workspace: Path) -> None:
    """An export of a text that module code read is no edit by hand."""
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "modframe")
    text = TEXT + "\n    def initialize(self):\n        self.text('all.sql')\n"
    try:
        for number in (1, 2):
            files = {**texts(1), "api.py": text, "all.sql": f"SELECT {number}\n"}
            for file in ("all.sql", "first.py", "second.py", "api.py"):
                shell.run_cell(f"%%module orders {file}\n{files[file]}").raise_error()
            app.modules["orders"].export()
            if number == 1:
                app.modules["orders"].reload()
                watcher = app.watch()
                before = app.modules["orders"].generation
        (workspace / "modules/standard/other").mkdir()
        other = TEXT.replace("from .first import FIRST\nfrom .second import SECOND\n", "")
        (workspace / "modules/standard/other/api.py").write_text(other)
        # A later save is live, so the export was looked at.
        wait_for(lambda: "standard.other" in app.modules)
        assert app.modules["orders"].generation == before
        watcher.stop()
    finally:
        shell.run_line_magic("unload_ext", "modframe")
