"""Export: byte for byte, atomic, tried in a fresh process, and never over changes by hand."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import modframe
from modframe.app import AppContext
from modframe.errors import ExportError
from modframe.process import current_app
from modframe.ship import ExportRecord, ExportReport, export, fresh_process
from modframe.source import Source, SourceFile
from tests.fakes import ORDERS

SMALL = """\
from modframe.decorators import module


@module
class {name}:
    def one(self):
        return 1
"""


def small(name: str = "Orders") -> str:
    return SMALL.format(name=name)


def rules(report: ExportReport) -> list[tuple[str, str]]:
    return [(one.rule, one.file) for one in report.findings]


@pytest.fixture
def keeping(workspace: Path) -> Iterator[AppContext]:
    """A running app that keeps its data in the workspace."""
    running = modframe.start(workspace=workspace)
    yield running
    if current_app() is running:
        running.stop()


def test_an_export_is_what_the_cells_said_and_loads_from_the_folder(
    app: AppContext, workspace: Path
) -> None:
    """The file has the text's own bytes, and a start from files alone serves the same."""
    module = app.load({"api.py": ORDERS}, id="orders")
    report = module.export()
    path = workspace / "modules/standard/orders/api.py"
    assert report.paths == report.written == (path,)
    assert path.read_bytes() == ORDERS.encode()
    assert rules(report) == []
    assert sorted(one.name for one in path.parent.iterdir()) == ["api.py"]
    assert re.fullmatch(
        r"<ExportReport standard\.orders: 1 file, 1 written, in .+/modules/standard/orders>",
        repr(report),
    )
    assert "<script" not in report._repr_html_()
    assert "api.py" in report._repr_html_()
    app.stop()
    with modframe.start(workspace=workspace, data=":memory:") as again:
        assert again.get_service("orders").total(2).result(10) == 42
        assert again.modules["orders"].source is not None
        assert again.modules["orders"].source.origin == "folder"


def test_equal_text_writes_nothing(app: AppContext, workspace: Path) -> None:
    """A second export leaves inode and times of every file alone."""
    module = app.load({"api.py": small(), "helpers/text.py": "X = 1\n"}, id="orders")
    first = module.export()
    before = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in first.paths]
    second = module.export()
    assert second.paths == first.paths
    assert second.written == ()
    assert [(path.stat().st_ino, path.stat().st_mtime_ns) for path in second.paths] == before


def test_it_goes_where_it_is_told(app: AppContext, workspace: Path) -> None:
    """`to` is relative to the workspace; what the module requires may lie in ``modules/``."""
    app.load({"api.py": small("Stock")}, id="stock").export()
    text = small().replace(
        "import module\n", "import module\nfrom modules.standard.stock import api\n"
    )
    report = app.load({"api.py": text}, id="orders").export(to="build/out")
    assert report.paths == (workspace / "build/out/standard/orders/api.py",)


@pytest.mark.parametrize("restarted", [False, True])
def test_what_was_changed_by_hand_is_not_written_over(
    keeping: AppContext, workspace: Path, restarted: bool
) -> None:
    """That holds in this run and after a restart, unless forced; modframe's own files are overwritten."""
    app = keeping
    path = workspace / "modules/standard/orders/api.py"
    app.load({"api.py": small()}, id="orders").export()
    app.load({"api.py": small() + "# two\n"}, id="orders").export()
    assert path.read_text() == small() + "# two\n"
    path.write_text(small() + "# by hand\n")
    if restarted:
        app.stop()
        app = modframe.start(workspace=workspace)
    module = app.load({"api.py": small() + "# three\n"}, id="orders")
    with pytest.raises(ExportError, match=r"api\.py: it was changed by hand") as caught:
        module.export()
    assert [(one.rule, one.file, one.level) for one in caught.value.findings] == [
        ("changed-by-hand", "api.py", "error")
    ]
    assert path.read_text() == small() + "# by hand\n"
    assert module.export(force=True).written == (path,)
    assert path.read_text() == small() + "# three\n"
    app.stop()


def test_a_file_of_unknown_origin_is_not_written_over(app: AppContext, workspace: Path) -> None:
    """A file that modframe has no record of counts as changed by hand."""
    path = workspace / "modules/standard/orders/api.py"
    path.parent.mkdir(parents=True)
    path.write_text(small() + "# mine\n")
    module = app.load({"api.py": small()}, id="orders")
    with pytest.raises(ExportError, match="no record of having written it"):
        module.export()
    path.write_text(small())
    assert module.export().written == ()
    assert app.load({"api.py": small() + "# two\n"}, id="orders").export().written == (path,)


def test_files_that_the_module_lost_are_removed_if_nobody_changed_them(
    app: AppContext, workspace: Path
) -> None:
    """Changed files and foreign Python files stay and are named; data files stay."""
    folder = workspace / "modules/standard/orders"
    texts = {"api.py": small(), "gone.py": "A = 1\n", "kept.py": "B = 1\n", "in/deep.py": "C = 1\n"}
    app.load(texts, id="orders").export()
    (folder / "kept.py").write_text("B = 2\n")
    (folder / "mine.py").write_text("D = 1\n")
    (folder / "prices.csv").write_text("tea,3\n")
    (folder / "tests").mkdir()
    (folder / "tests/test_it.py").write_text("import nowhere\n")
    report = app.load({"api.py": small()}, id="orders").export()
    assert report.removed == (folder / "gone.py", folder / "in/deep.py")
    assert rules(report) == [
        ("file-removed", "gone.py"),
        ("file-removed", "in/deep.py"),
        ("changed-by-hand", "kept.py"),
        ("file-beside", "mine.py"),
    ]
    left = sorted(one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file())
    assert left == ["api.py", "kept.py", "mine.py", "prices.csv", "tests/test_it.py"]
    assert not (folder / "in").exists()


def test_the_live_text_is_exported_and_the_draft_named(app: AppContext, workspace: Path) -> None:
    """A draft that isn't live is not exported."""
    module = app.load({"api.py": small()}, id="orders")
    app.draft("orders", "api.py", SourceFile(small() + "x = (\n", "<a cell>"))
    report = module.export()
    assert rules(report) == [("draft-not-exported", "api.py")]
    assert (workspace / "modules/standard/orders/api.py").read_text() == small()


def test_what_isn_t_live_is_not_exported(app: AppContext) -> None:
    """The error says its state."""
    with pytest.raises(modframe.ModframeError, match="division by zero"):
        app.load({"api.py": "1 / 0\n"}, id="orders")
    with pytest.raises(ExportError, match=r"standard\.orders is FAILED, and only what is live"):
        app.modules["orders"].export()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            small() + "import only_here\n",
            r"line 8: ModuleNotFoundError: No module named 'only_here'",
        ),
        (small() + "import sys, os\nif 'only_here' not in sys.modules: os._exit(7)\n", "status 7"),
        (
            small() + "    def initialize(self):\n        import only_here\n",
            r"\(phase 2\) raised ModuleNotFoundError: No module named 'only_here'",
        ),
    ],
)
def test_what_works_only_in_this_process_is_not_exported(
    app: AppContext, workspace: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str
) -> None:
    """The trial fails, the error has its findings, and the folder is as it was."""
    app.load({"api.py": small()}, id="orders").export()
    monkeypatch.setitem(sys.modules, "only_here", pytest)
    module = app.load({"api.py": text}, id="orders")
    with pytest.raises(ExportError, match="does not load in a fresh process") as caught:
        module.export()
    assert re.search(says, str(caught.value))
    assert [one.level for one in caught.value.findings] == ["error"]
    path = workspace / "modules/standard/orders/api.py"
    assert path.read_text() == small()
    assert [one.name for one in path.parent.iterdir()] == ["api.py"]


def test_a_first_export_that_fails_makes_no_folder(
    app: AppContext, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder does not exist afterwards."""
    monkeypatch.setitem(sys.modules, "only_here", pytest)
    module = app.load({"api.py": small() + "import only_here\n"}, id="orders")
    with pytest.raises(ExportError, match=r"(?s)fresh process:.*No module named 'only_here'"):
        module.export()
    assert list(workspace.iterdir()) == []


def test_what_is_required_has_to_be_exported_first(app: AppContext) -> None:
    """A module can't be exported if it requires one that exists only in cells."""
    app.load({"api.py": small("Stock")}, id="stock")
    text = small().replace("@module\n", "@module(requires=['stock'])\n")
    module = app.load({"api.py": text}, id="orders")
    with pytest.raises(ExportError, match=r"standard\.stock"):
        module.export()
    app.modules["stock"].export()
    assert len(module.export().written) == 1


def test_the_trial_has_the_session_s_settings_and_data_files_of_its_own(workspace: Path) -> None:
    """The fresh process has the settings given at start; what the module writes is discarded."""
    text = (
        "from pathlib import Path\nfrom modframe.decorators import module\n"
        "from pydantic import BaseModel, SecretStr\n\n\n"
        "class OrdersSettings(BaseModel):\n    key: SecretStr\n\n\n"
        "@module(settings=OrdersSettings)\nclass Orders:\n"
        "    def initialize(self):\n"
        "        assert self.app_context.settings.key.get_secret_value() == 'k'\n"
        "        assert (self.app_context.path / 'prices.csv').read_text() == 'tea'\n"
        "        if 'modframe-trial' in str(self.app_context.path):\n"
        "            (self.app_context.path / 'prices.csv').write_text('spoilt')\n"
    )
    folder = workspace / "modules/standard/orders"
    folder.mkdir(parents=True)
    (folder / "prices.csv").write_text("tea")
    with modframe.start(
        workspace=workspace, data=":memory:", settings={"orders": {"key": "k"}}
    ) as app:
        app.load({"api.py": text}, id="orders").export()
    assert (folder / "prices.csv").read_text() == "tea"


def test_a_hanging_trial_ends(
    app: AppContext, monkeypatch: pytest.MonkeyPatch, workspace: Path
) -> None:
    """A module that hangs in the fresh process is refused within the timeout."""
    monkeypatch.setattr(fresh_process, "TIMEOUT", 2.0)
    monkeypatch.setitem(sys.modules, "only_here", pytest)
    text = small() + "import sys, time\nif 'only_here' not in sys.modules: time.sleep(60)\n"
    module = app.load({"api.py": text}, id="orders")
    with pytest.raises(ExportError, match="not up within 2 s"):
        module.export()


def test_a_file_name_can_t_lead_out(tmp_path: Path) -> None:
    """A file name that leads out of the folder is refused before anything is written."""
    source = Source.from_texts("standard.orders", {"api.py": small(), "../evil.py": "x = 1\n"})
    with pytest.raises(ExportError, match=r"'\.\./evil\.py' leads out"):
        export(source, tmp_path / "modules", workspace=tmp_path, record=ExportRecord(None))


def test_a_record_that_can_t_be_read_is_named(keeping: AppContext, workspace: Path) -> None:
    """Equal files can still be exported, and the record is begun again."""
    module = keeping.load({"api.py": small()}, id="orders")
    module.export()
    record = workspace / "data/exports.json"
    record.write_text("not json")
    assert rules(module.export()) == [("export-record", "")]
    assert list(json.loads(record.read_text())) == ["../modules/standard/orders/api.py"]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
ENDS = st.sampled_from(["", "\n", "\r\n", "\r", "\n\n", "  ", "\t\n"])


@given(lines=st.lists(TEXTS, max_size=5), line_end=st.sampled_from(["\n", "\r\n", "\r"]), end=ENDS)
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_is_written_byte_for_byte(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lines: list[str],
    line_end: str,
    end: str,
) -> None:
    """Line ends, blanks, characters of any script and a missing last line end are kept."""
    monkeypatch.setattr(
        sys.modules["modframe.ship.export"], "load_in_fresh_process", lambda *args, **options: []
    )
    text = line_end.join(lines) + end
    source = Source.from_texts("standard.orders", {"api.py": text})
    target, record = tmp_path / "modules", ExportRecord(None)
    report = export(source, target, workspace=tmp_path, record=record, force=True)
    assert report.paths[0].read_bytes() == text.encode()
    again = export(source, target, workspace=tmp_path, record=record)
    assert again.written == ()


def test_an_app_that_is_started_again_knows_what_it_wrote(workspace: Path) -> None:
    """Without a data folder the record outlasts the app: nobody changed the files by hand."""
    for number in (1, 2):
        with modframe.start(workspace=workspace, modules=[], data=":memory:") as app:
            app.load({"api.py": SMALL.format(name=f"Small{number}")}, id="small")
            report = app.modules["small"].export()
            assert [path.name for path in report.written] == ["api.py"]


REVISION = '''"""make orders"""
revision, down_revision = "one", None
def upgrade(): pass
def downgrade(): pass
'''


def test_revisions_travel_with_the_module_and_are_no_code_of_it(
    app: AppContext, workspace: Path
) -> None:
    """An export elsewhere takes them along; one in place, or of an older text, leaves them alone."""
    home = workspace / "modules" / "standard" / "orders"
    app.load({"api.py": small()}, id="orders")
    app.modules["orders"].export()
    revision = home / "migrations" / "versions" / "0001_make.py"
    revision.parent.mkdir(parents=True)
    revision.write_text(REVISION)
    (revision.parent / "__pycache__").mkdir()
    (revision.parent / "__pycache__" / "0001_make.pyc").write_bytes(b"")
    module = app.load("orders", force=True)
    assert list(module.source.files) == ["api.py"]
    report = module.export(to="shipped")
    shipped = workspace / "shipped" / "standard" / "orders"
    assert [path.relative_to(shipped).as_posix() for path in report.paths] == [
        "api.py",
        "migrations/versions/0001_make.py",
    ]
    assert (shipped / "migrations/versions/0001_make.py").read_text() == REVISION
    app.load({"api.py": small() + "# edited\n"}, id="orders")
    report = app.modules["orders"].export()
    assert [one.rule for one in report.findings] == []
    app.modules["orders"].rollback()
    assert app.modules["orders"].export().removed == ()
    assert revision.read_text() == REVISION
    assert not [one for one in app.check("orders") if "migrations" in one.file]
    assert app.load(shipped).state == "LIVE"
