"""A disabled module is kept out and shown; what requires it is blocked and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import BlockedError, DisabledError, WorkspaceError
from tests.fakes import simple

NEEDS = simple(arguments='requires=["orders"]')
IMPORTS = simple(head="from modules.standard.orders.api import Thing as Other")
FILE = "modules/standard/orders/.disabled"


@pytest.fixture
def modules(workspace: Path) -> Path:
    """Orders, a shop that requires it, and something else."""
    for name, text in (("orders", simple()), ("shop", NEEDS), ("other", simple())):
        folder = workspace / "modules/standard" / name
        folder.mkdir(parents=True)
        (folder / "api.py").write_text(text)
    return workspace


def disable_by_file(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (workspace / FILE).write_text("waits for\nthe new prices\n")
    return f"{FILE} (waits for the new prices)"


def disable_by_setting(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (workspace / "pyproject.toml").write_text('[tool.modframe]\ndisabled = ["orders"]\n')
    return "[tool.modframe] of pyproject.toml"


def disable_by_variable(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MODFRAME_DISABLED", "nothing, standard.orders")
    return "MODFRAME_DISABLED"


@pytest.mark.parametrize("disable", [disable_by_file, disable_by_setting, disable_by_variable])
def test_a_disabled_module_is_kept_out_and_shown(
    modules: Path, monkeypatch: pytest.MonkeyPatch, disable: object
) -> None:
    """State, error and snapshot say by what; the rest starts, and what requires it is blocked."""
    assert callable(disable)
    by = disable(modules, monkeypatch)
    with modframe.start(workspace=modules, data=":memory:") as app:
        states = {key: module.state for key, module in app.modules.items()}
        assert (states["standard.orders"], states["standard.shop"], states["standard.other"]) == (
            "DISABLED", "BLOCKED", "LIVE",
        )  # fmt: skip
        error = app.modules["orders"].error
        assert isinstance(error, DisabledError)
        assert error.by == by
        view = app.snapshot().module("standard.orders")
        assert view is not None
        assert (view.state, f"disabled by {by}" in view.error) == ("DISABLED", True)
        blocked = app.modules["shop"].error
        assert isinstance(blocked, BlockedError)
        assert str(blocked).startswith(
            f"standard.shop is blocked by standard.orders, which is disabled by {by}. "
        )


def test_a_strict_start_goes_on_without_disabled_modules(modules: Path) -> None:
    """They have not failed, the app is ready without them, and the status page shows them."""
    (modules / FILE).touch()
    (modules / "modules/standard/shop/api.py").write_text(simple())
    with modframe.start(workspace=modules, data=":memory:", strict=True) as app:
        assert app.modules["orders"].state == "DISABLED"
        assert app.snapshot().ready

        async def ask(path: str) -> tuple[int, str]:
            async with app.test_client() as client:
                answer = await client.get(path)
                return answer.status_code, answer.text

        assert app.run(ask("/health/ready"))[0] == 200
        assert "DISABLED" in app.run(ask("/modframe/"))[1]
        status, text = app.run(ask("/api/v1/orders/one"))
        assert (status, "standard.orders is DISABLED" in text) == (503, True)


def test_a_load_says_what_enables_it(app: AppContext, modules: Path) -> None:
    """An import of it is refused with the same sentence; without the file both load."""
    (modules / FILE).touch()
    with pytest.raises(DisabledError, match=rf"disabled by {FILE}\. Remove {FILE} and load it"):
        app.load("orders")
    (modules / "modules/standard/shop/api.py").write_text(IMPORTS)
    with pytest.raises(DisabledError):
        app.load("shop")
    assert "which is disabled by" in str(app.modules["shop"].error)
    (modules / FILE).unlink()
    assert app.load("shop").state == "LIVE"
    assert app.modules["orders"].state == "LIVE"


def test_what_is_live_stays_when_its_folder_is_disabled(app: AppContext, modules: Path) -> None:
    """A disabled module takes no new text; its live generation goes on."""
    app.load("orders")
    (modules / FILE).touch()
    with pytest.raises(DisabledError):
        app.load({"api.py": simple("x = 1")}, id="orders")
    assert (app.modules["orders"].state, app.modules["orders"].generation) == ("LIVE", 1)


def test_a_plan_says_that_it_is_disabled(app: AppContext, modules: Path) -> None:
    """A dry run refuses it for that reason."""
    (modules / FILE).touch()
    assert "disabled" in str(app.plan("orders"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('disabled = "orders"', "not a list of ids"),
        ('disabled = ["My Module"]', "is not a module id"),
    ],
)
def test_a_setting_that_can_t_be_is_refused_at_start(modules: Path, text: str, says: str) -> None:
    """The error names the setting."""
    (modules / "pyproject.toml").write_text(f"[tool.modframe]\n{text}\n")
    with pytest.raises(WorkspaceError, match=says):
        modframe.start(workspace=modules, data=":memory:")
