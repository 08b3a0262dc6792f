"""Scaffold: what it writes loads, starts and passes the checks; refusals list the choices."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest

import modframe
from modframe.errors import ScaffoldError
from modframe.load.class_facts import MANDATORY
from modframe.ship import check, scaffold
from modframe.ship.scaffold import FEATURES
from modframe.source import read_folder

COMBINATIONS = [
    pytest.param(one, marks=() if count in (0, len(FEATURES)) else pytest.mark.soak)
    for count in range(len(FEATURES) + 1)
    for one in itertools.combinations(FEATURES, count)
]


@pytest.mark.parametrize("features", COMBINATIONS, ids=lambda one: ",".join(one) or "none")
def test_every_combination_of_features_complies_and_starts(
    workspace: Path, features: Sequence[str]
) -> None:
    """It has no finding, has all twelve decorators, and goes live."""
    done = scaffold("my_module", features=features, workspace=workspace)
    assert check(read_folder(done.folder), modules=workspace / "modules") == ()
    text = (done.folder / "api.py").read_text()
    assert [name for name in MANDATORY if f"@{name}(" not in text] == []
    with modframe.start(workspace=workspace, data=":memory:", strict=True) as app:
        assert app.modules["my_module"].state == "LIVE"
        assert app.modules["my_module"].export().written == ()


@pytest.mark.parametrize("kind", ["core", "standard", "extensions"])
def test_each_type_goes_to_its_own_folder(workspace: Path, kind: str) -> None:
    """Its routes are where its README says."""
    done = scaffold("main", kind=kind, workspace=workspace)
    assert done.folder == workspace / "modules" / kind / "main"
    with modframe.start(workspace=workspace, data=":memory:", strict=True) as app:
        prefix = "/api/v1/main" if kind == "standard" else f"/api/v1/{kind}/main"
        assert {one.path for one in app.modules[f"{kind}.main"].routes} == {
            f"{prefix}/status",
            f"{prefix}/records",
        }
        assert (
            f"curl http://localhost:8000{prefix}/status" in (done.folder / "README.md").read_text()
        )


def test_the_files_are_the_guide_s(workspace: Path) -> None:
    """It has tests and a README, and the workspace gets an app.py if it had none."""
    done = scaffold("orders", workspace=workspace)
    names = sorted(path.relative_to(workspace).as_posix() for path in done.paths)
    assert names == [
        "app.py",
        "modules/standard/orders/README.md",
        "modules/standard/orders/api.py",
        "modules/standard/orders/api_schemas.py",
        "modules/standard/orders/database.py",
        "modules/standard/orders/db_models.py",
        "modules/standard/orders/services.py",
        "modules/standard/orders/settings.py",
        "modules/standard/orders/tests/test_orders.py",
    ]
    (workspace / "app.py").write_text("# mine\n")
    assert "app.py" not in [path.name for path in scaffold("stock", workspace=workspace).paths]
    assert (workspace / "app.py").read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("name", "kind", "features", "says"),
    [
        ("My-Module", "standard", ["api"], "lower-case letters.*core, standard, extensions"),
        ("standard.orders", "standard", ["api"], "lower-case letters"),
        ("class", "standard", ["api"], "no Python keyword"),
        ("a__b", "standard", ["api"], "single underscores"),
        ("../up", "standard", ["api"], "can't be a module's name"),
        ("orders", "plugin", ["api"], "Choose one of core, standard, extensions"),
        ("orders", "standard", ["api", "cache"], "'cache'.*Choose from database, api, settings"),
        ("settings", "core", ["api"], "modframe's own"),
    ],
)
def test_what_can_t_be_is_refused_with_the_choices(
    workspace: Path, name: str, kind: str, features: list[str], says: str
) -> None:
    """A bad name is refused, and nothing is written."""
    with pytest.raises(ScaffoldError, match=says):
        scaffold(name, kind=kind, features=features, workspace=workspace)
    assert list(workspace.iterdir()) == []


def test_nothing_is_overwritten(workspace: Path) -> None:
    """An existing folder, even an empty one, is left alone."""
    folder = workspace / "modules/standard/orders"
    folder.mkdir(parents=True)
    with pytest.raises(ScaffoldError, match="nothing is overwritten"):
        scaffold("orders", workspace=workspace)
    assert list(folder.iterdir()) == []
    assert not (workspace / "app.py").exists()
