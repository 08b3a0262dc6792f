"""Who needs whom and what started when, as a front end hears it and as it is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

import modframe
from modframe import AppContext
from modframe.cockpit.layout import lay_out
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
        **{f"link{at}": requiring(f"link{at + 1}") for at in range(6)},
        "link6": requiring(),
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


def test_what_is_around_a_module_is_drawn_and_said(app: AppContext, front: Front) -> None:
    """What blocks it is marked; what is missing is there; a circle comes to an end."""
    drawing = front.ask("graph", module="till")
    assert names_of(drawing)[0] == "till"
    assert set(names_of(drawing)) == {"till", "orders", "tax", "stock"}
    broken = [(one["source"], one["target"]) for one in drawing["edges"] if one["broken"]]
    assert broken == [("standard.till", "standard.tax")]
    said = {node["id"]: node["said"] for node in drawing["nodes"]}
    assert said["standard.till"] == ", blocked, requires orders, tax; is kept down by tax"
    assert said["standard.orders"] == ", live, requires stock; is required by till"
    lost, gone = front.ask("graph", module="lost")["nodes"]
    assert (lost["id"], gone["state"]) == ("standard.lost", "MISSING")
    assert gone["said"] == ", missing, is required by lost"
    assert set(names_of(front.ask("graph", module="egg"))) == {"egg", "chicken"}


def test_what_to_look_at_comes_first(app: AppContext, front: Front) -> None:
    """Of one module what is within two steps; of all those that fail, and those needed most."""
    near = front.ask("graph", module="link3")
    assert names_of(near) == ["link3", "link4", "link5", "link2", "link1"]
    assert near["total"] == 7
    assert len(front.ask("graph", module="link3", whole=True)["nodes"]) == 7
    names = names_of(front.ask("graph"))
    assert set(names[:5]) == {"chicken", "egg", "tax", "gone", "lost"}
    assert names[5] == "till"


def names_of(drawing: Mapping[str, Any]) -> list[str]:
    """Return the names of the modules that are drawn."""
    return [node["id"].removeprefix("standard.") for node in drawing["nodes"]]


def test_each_module_stands_left_of_what_it_needs(app: AppContext) -> None:
    """None covers another one, and an edge over several columns goes round what is between."""
    drawing = lay_out(needs("abf bc cd d ed f"))
    nodes = {node["id"]: node for node in drawing["nodes"]}
    for edge in drawing["edges"]:
        assert nodes[edge["source"]]["x"] < nodes[edge["target"]]["x"]
    for one, other in combinations(nodes.values(), 2):
        assert one["x"] != other["x"] or abs(one["y"] - other["y"]) > one["height"]
    assert all(0 <= one["y"] <= drawing["height"] - one["height"] for one in nodes.values())
    paths = {(one["source"], one["target"]): one["path"] for one in drawing["edges"]}
    assert paths["a", "f"].count("h") == 2
    assert paths["b", "c"].count("h") == 0


def test_circles_are_drawn_with_an_edge_that_leads_back() -> None:
    """Also a module that needs itself, and one that is not shown; nothing at all is a drawing."""
    drawing = lay_out(needs("aab bc caz"))
    assert len({node["x"] for node in drawing["nodes"]}) == 3
    ends = {one["source"] + one["target"]: one["path"][-9:] for one in drawing["edges"]}
    assert ends == {"ab": "l6 4l-6 4", "bc": "l6 4l-6 4", "ca": "l-6 4l6 4"}
    assert lay_out({})["nodes"] == []


def test_a_thousand_modules_are_drawn() -> None:
    """In a chain, in layers, and in a thousand circles; no recursion is too deep for that."""
    ids = [f"m{at}" for at in range(1000)]
    layers = {one: [ids[at // 2], ids[at // 50]] for at, one in enumerate(ids)}
    chain = {one: ids[at + 1 : at + 4] for at, one in enumerate(ids)}
    circles = {one: [ids[(at + 1) % 1000], ids[0]] for at, one in enumerate(ids)}
    for needed in (layers, chain, circles):
        assert len(lay_out(needed)["nodes"]) == 1000


def needs(text: str) -> dict[str, list[str]]:
    """Return what modules of one letter need: ``abc d`` is that a needs b and c."""
    return {word[0]: list(word[1:]) for word in text.split()}


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
