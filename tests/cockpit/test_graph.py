"""Who needs whom and what started when, as a front end hears it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import modframe
from modframe import AppContext
from modframe.errors import ModframeError
from tests.cockpit.front import Front
from tests.fakes import simple

FAILS = "async def initialize(self):\n    raise KeyError('x')"


def requiring(*names: str, body: str = "pass") -> str:
    """Return a module that requires others."""
    return simple(body, arguments=f"requires={list(names)!r}")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[AppContext]:
    """Start an app with modules that are live, fail, are blocked, lack one or go round in a circle."""
    modules = {
        "stock": requiring(),
        "orders": requiring("stock"),
        "tax": requiring("stock", body=FAILS),
        "till": requiring("orders", "tax"),
        "lost": requiring("gone"),
        "chicken": requiring("egg"),
        "egg": requiring("chicken"),
    }
    for name, text in modules.items():
        folder = tmp_path / "modules" / "standard" / name
        folder.mkdir(parents=True)
        folder.joinpath("api.py").write_text(text)
    with modframe.start(workspace=tmp_path, data=":memory:") as app:
        yield app


def test_rows_say_who_needs_whom(app: AppContext, front: Front) -> None:
    """Also of modules that never were live: what they require, and what blocks them."""
    rows = {key.partition(".")[2]: row for key, row in front.rows.items()}
    assert rows["orders"]["requires"] == ["standard.stock"]
    assert rows["tax"]["requires"] == ["standard.stock"]
    assert rows["till"]["requires"] == ["standard.orders", "standard.tax"]
    assert rows["till"]["cause"]["blocked_by"] == ["standard.tax"]
    assert rows["lost"]["requires"] == ["standard.gone"]
    assert rows["egg"]["requires"] == ["standard.chicken"]
    with pytest.raises(ModframeError):
        app.load({"api.py": "this is no Python"}, id="lost")
    front.wait_for(lambda: "no Python" in str(front.rows["standard.lost"].get("error")))
    assert front.rows["standard.lost"]["requires"] == ["standard.gone"]  # as far as it is known
    app.load({"api.py": requiring()}, id="lost")
    front.wait_for(lambda: front.rows["standard.lost"]["state"] == "LIVE")
    assert "requires" not in front.rows["standard.lost"]


def test_a_start_has_its_times(app: AppContext, front: Front) -> None:
    """Of what started together, the most at first; of a module, what started with it."""
    start = front.ask("startup")
    names = [one["id"] for one in start["modules"]]
    assert {"core.settings", "standard.stock", "standard.orders"} < set(names)
    assert not {"standard.tax", "standard.till"} & set(names)
    assert (start["others"], start["at"][:2]) == (0, "20")
    for one in start["modules"]:
        steps = one["steps"]
        assert [each["what"] for each in steps][:2] == [
            "the import of its files",
            "phase 1 (service)",
        ]
        assert one["number"] == 1
        assert 0 <= one["began"] <= steps[0]["ended"] <= steps[1]["began"] <= one["ended"]
        assert one["took"] <= one["ended"] - one["began"] + 0.1
        assert one["ended"] <= start["took"]
    app.load({"api.py": requiring("stock", body="x = 1")}, id="orders")
    (own,) = front.ask("startup", module="orders")["modules"]
    assert (own["id"], own["number"], own["began"]) == ("standard.orders", 2, 0)
    assert front.ask("startup")["others"] == 1
    assert "standard.orders" not in [one["id"] for one in front.ask("startup")["modules"]]
    assert front.ask("startup", module="tax")["modules"] == []
    assert front.ask("startup", module="nothing")["modules"] == []
