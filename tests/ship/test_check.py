"""Checks: whether a module would load and follows the guide, without starting anything."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError
from modframe.ship import check, scaffold
from modframe.source import Source, SourceFile, read_folder

SHORT = """\
from modframe.decorators import module


@module
class Orders:
    def one(self):
        return 1
"""


@pytest.fixture
def texts(workspace: Path) -> dict[str, str]:
    """The files of a scaffolded module, which pass all checks."""
    return read_folder(scaffold("orders", workspace=workspace).folder).texts


def found(texts: dict[str, str], workspace: Path) -> list[tuple[str, str, str]]:
    source = Source.from_texts("standard.orders", texts)
    return [(one.rule, one.level, one.file) for one in check(source, modules=workspace / "modules")]


def changed(texts: dict[str, str], old: str, new: str, file: str = "api.py") -> dict[str, str]:
    assert old in texts[file]
    return {**texts, file: texts[file].replace(old, new)}


HEALTH = "@module_health_check(check_function=None)\n"
FIRST = '@inject_dependencies("app_context")\n'
FORCE = '@force_shutdown(method="force_cleanup", timeout=5)'
REGISTERS = "self.app_context.register_pydantic_model(self.MODULE_ID, OrdersSettings)"
ERRORS = "from core.error_utils"
METHOD = "    def force_cleanup"
GRACEFUL = '@graceful_shutdown(method="cleanup_resources"'


@pytest.mark.parametrize(
    ("finding", "edits"),
    [
        ("missing-decorator error api.py", [(f"{FORCE}\n", "")]),
        ("decorator-order warning api.py", [(HEALTH, ""), (FIRST, f"{HEALTH}{FIRST}")]),
        ("module-facts warning api.py", [('    MODULE_VERSION = "1.0.0"\n', "")]),
        ("settings-not-registered error api.py", [(REGISTERS, "OrdersSettings()")]),
        (
            "cleanup-not-async warning api.py",
            [(GRACEFUL, '@graceful_shutdown(method="force_cleanup"')],
        ),
        ("force-cleanup-async warning api.py", [(METHOD, "    async def force_cleanup")]),
        ("missing-cleanup warning api.py", [(FORCE, "@force_shutdown(method=None, timeout=5)")]),
        ("duplicate-route error api.py", [('@router.get("/status"', '@router.get("/records"')]),
        ("body-error error api.py", [("router = APIRouter()", "router = APIRouter")]),
        ("anti-mock warning services.py", [(ERRORS, f"from unittest import mock\n{ERRORS}")]),
        ("anti-mock warning services.py", [(ERRORS, f"import unittest.mock as m\n{ERRORS}")]),
        (
            "documented-signature warning services.py",
            [("create_record(self, name: str)", "create_record(self, name: str, count: int)")],
        ),
        (
            "undocumented-method info services.py",
            [(METHOD, f"    async def extra(self):\n        return 1\n\n{METHOD}")],
        ),
        ("database error db_models.py", [('orders"', 'orders-x"')]),
    ],
)
def test_each_demand_is_a_finding(
    texts: dict[str, str], workspace: Path, finding: str, edits: list[tuple[str, str]]
) -> None:
    """Each fault is a finding with its rule, level and file."""
    rule, level, file = finding.split()
    for old, new in edits:
        texts = changed(texts, old, new, file)
    assert (rule, level, file) in found(texts, workspace)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, id="a scaffold"),
        pytest.param({"tests/test_orders.py": "from unittest import mock\n"}, id="mocks in tests"),
        pytest.param({"api.py": SHORT}, id="the short form"),
    ],
)
def test_what_complies(texts: dict[str, str], workspace: Path, more: dict[str, str]) -> None:
    """The guide's rules apply neither to tests and scripts nor to `@module`."""
    files = more if "api.py" in more else {**texts, **more}
    assert found(files, workspace) == []


def test_a_load_that_hangs_is_a_finding(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check leaves the load behind and returns."""
    monkeypatch.setenv("MODFRAME_LOAD_TIMEOUT", "0.5")
    text = "import threading\nthreading.Event().wait(30)\n" + SHORT
    assert found({"api.py": text}, workspace) == [("import-failed", "error", "api.py")]


@pytest.mark.parametrize("body", ["raise SystemExit(3)", "1 / 0", "import nowhere_at_all"])
def test_a_body_that_fails_is_a_finding(workspace: Path, body: str) -> None:
    """The finding has its line."""
    source = Source.from_texts("standard.orders", {"api.py": f"{SHORT}{body}\n"})
    (finding,) = check(source, modules=workspace / "modules")
    assert (finding.rule, finding.file, finding.line) == ("body-error", "api.py", 8)


def test_imports_from_other_modules_are_followed(workspace: Path) -> None:
    """A fault of an imported module is named as that module's."""
    other = workspace / "modules/standard/stock"
    other.mkdir(parents=True)
    (other / "api.py").write_text(SHORT.replace("Orders", "Stock"))
    texts = {"api.py": "from modules.standard.stock.api import Stock\n" + SHORT}
    assert found(texts, workspace) == []
    (other / "api.py").write_text("1 / 0\n")
    source = Source.from_texts("standard.orders", texts)
    (finding,) = check(source, modules=workspace / "modules")
    assert "standard.stock" in finding.message
    assert "division by zero" in finding.message


def test_a_circle_of_imports_is_told_as_a_load_tells_it(app: AppContext, workspace: Path) -> None:
    """A check and a load report the same sentence, at the same line of the same module."""
    texts = {
        name: f"from modules.standard.{other}.api import Orders as Other\n{SHORT}"
        for name, other in (("orders", "stock"), ("stock", "orders"))
    }
    for name, text in texts.items():
        folder = workspace / "modules" / "standard" / name
        folder.mkdir(parents=True)
        (folder / "api.py").write_text(text)
    (finding,) = app.check("orders")
    path = "standard.orders → standard.stock → standard.orders"
    assert finding.message == (
        "imports from standard.stock, which does not load: api.py line 1: modules import each "
        f"other in a circle: {path}"
    )
    with pytest.raises(LoadError) as raised:
        app.load("orders")
    (told,) = raised.value.findings
    assert (told.rule, told.file, told.line) == ("import-circle", "api.py", 1)
    assert told.message == f"modules import each other in a circle: {path}"
    assert told.cure == finding.cure


def test_a_check_starts_nothing_and_leaves_nothing(workspace: Path) -> None:
    """No instance is made, no file is written, no package stays."""
    text = SHORT.replace(
        "    def one(self):",
        "    def __init__(self):\n        raise RuntimeError\n\n    def one(self):",
    )
    assert found({"api.py": text}, workspace) == []
    assert list(workspace.iterdir()) == []
    assert not [name for name in sys.modules if "~check" in name]


def test_app_check_looks_at_the_draft(app: AppContext) -> None:
    """A draft is checked in place of the live text."""
    app.load({"api.py": SHORT}, id="orders")
    assert app.check("orders") == ()
    app.draft("orders", "api.py", SourceFile(SHORT + "x = (\n", "<a cell>"))
    assert [one.rule for one in app.check("orders")] == ["syntax-error"]


def test_checks_leave_no_classes_behind(texts: dict[str, str], workspace: Path) -> None:
    """Repeated checks leave no classes in memory."""

    def classes() -> int:
        gc.collect()
        kinds = [one for one in gc.get_objects() if isinstance(one, type)]
        return sum(str(one.__module__).endswith("~check.api") for one in kinds)

    found(texts, workspace)
    before = classes()
    for number in range(5):
        found(changed(texts, '"1.0.0"', f'"1.0.{number}"'), workspace)
    assert classes() <= before
