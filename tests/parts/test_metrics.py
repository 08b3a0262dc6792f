"""Metrics that module code registers with prometheus_client: each generation has its own."""

from __future__ import annotations

import gc
import sys
import types
import weakref
from collections.abc import Iterator
from typing import Any

import prometheus_client
import pytest
from prometheus_client import REGISTRY, generate_latest

from modframe.app import AppContext
from modframe.errors import LoadError
from tests import inside
from tests.fakes import simple

HEAD = """
from prometheus_client import REGISTRY, Counter, Gauge

SEEN = Counter("thing_seen", "What was seen.", ["kind"])
"""
BODY = """
async def initialize(self):
    self.ready = Gauge("thing_ready", "Whether it is.")
    self.ready.set({number})

async def see(self, kind: str):
    SEEN.labels(kind).inc()

async def drop(self):
    REGISTRY.unregister(SEEN)
"""


def text(number: int = 1, more: str = "", head: str = "") -> dict[str, str]:
    body = BODY.replace("{number}", str(number)) + more
    return {"api.py": simple(body, head=HEAD + head)}


def shown() -> set[str]:
    """The samples that a scrape gives of the tests' metrics."""
    lines = generate_latest(REGISTRY).decode().splitlines()
    return {one for one in lines if one.startswith(("thing_", "other_")) and "created" not in one}


def test_a_module_with_metrics_can_be_loaded_again(app: AppContext) -> None:
    """What the process shows is the live generation's, whose counts begin anew."""
    app.load(text(1), id="thing")
    app.get_service("thing").see("a").result()
    assert shown() == {'thing_seen_total{kind="a"} 1.0', "thing_ready 1.0"}
    app.load(text(2), id="thing")
    assert shown() == {"thing_ready 2.0"}
    app.get_service("thing").see("b").result()
    assert shown() == {'thing_seen_total{kind="b"} 1.0', "thing_ready 2.0"}
    assert REGISTRY.get_sample_value("thing_ready") == 2.0
    some = generate_latest(REGISTRY.restricted_registry(["thing_ready"])).decode()
    assert "thing_ready 2.0" in some
    assert "thing_seen" not in some
    view = app.snapshot().module("standard.thing")
    assert view is not None
    assert view.parts["metrics"]["names"] == ("thing_ready", "thing_seen")
    app.modules["thing"].unload()
    assert shown() == set()


def test_a_failed_load_shows_nothing(app: AppContext) -> None:
    """The live generation's metrics are as they were, whether a phase or the text failed."""
    app.load(text(1), id="thing")
    before = shown()
    for failing in (text(2, "\nasync def broken(:\n"), text(2, head="\n1 / 0\n")):
        with pytest.raises(LoadError):
            app.load(failing, id="thing")
        assert shown() == before
    late = text(2)["api.py"].replace("self.ready.set(2)", "raise ValueError('no')")
    with pytest.raises(LoadError, match="ValueError: no"):
        app.load({"api.py": late}, id="thing")
    assert shown() == before
    app.load(text(3), id="thing")
    assert shown() == {"thing_ready 3.0"}


def test_names_are_taken_once(app: AppContext) -> None:
    """Twice in one generation, by another live module or by the process: an error that says who."""
    app.load(text(1), id="thing")
    with pytest.raises(LoadError, match=r"standard\.thing has thing_seen"):
        app.load(text(1), id="other")
    with pytest.raises(LoadError, match="Duplicated timeseries"):
        app.load(text(1, head='\nAGAIN = Gauge("thing_seen", "x")\n'), id="thing")
    mine = prometheus_client.Gauge("other_mine", "A cell's own.")
    try:
        with pytest.raises(LoadError, match="this process has other_mine"):
            app.load(text(1, head='\nMINE = Gauge("other_mine", "x")\n'), id="thing")
        assert "other_mine 0.0" in shown()
    finally:
        REGISTRY.unregister(mine)
    assert shown() == {"thing_ready 1.0"}


def test_a_module_can_take_its_metric_out(app: AppContext) -> None:
    """``REGISTRY.unregister`` finds it."""
    app.load(text(1), id="thing")
    app.get_service("thing").see("a").result()
    app.get_service("thing").drop().result()
    assert shown() == {"thing_ready 1.0"}


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A library that makes a metric of its own when it is first used."""
    library: Any = types.ModuleType("metrics_library")
    exec(
        "from prometheus_client import Counter\n"
        "def made():\n"
        "    global MADE\n"
        "    if 'MADE' not in globals(): MADE = Counter('other_made', 'x')\n"
        "    return MADE\n",
        vars(library),
    )
    monkeypatch.setitem(sys.modules, "metrics_library", library)
    yield library
    REGISTRY.unregister(library.MADE)


def test_metrics_of_libraries_are_their_own(app: AppContext, library: Any) -> None:
    """What a library registers is the process's, though module code was first to call it."""
    head = "\nfrom metrics_library import made\nmade().inc()\n"
    app.load(text(1, head=head), id="thing")
    app.load(text(2, head=head), id="thing")
    assert "other_made_total 2.0" in shown()


@pytest.mark.soak
def test_nothing_is_left_after_many_swaps(app: AppContext) -> None:
    """The process's registry holds as much as before, and old generations die."""
    app.load(text(0), id="thing")
    known = len(REGISTRY._collector_to_names)
    generation: Any = inside.generation(app, "thing")
    kept = [weakref.ref(generation), weakref.ref(type(generation.module))]
    del generation
    for number in range(1, 20):
        app.load(text(number), id="thing")
    inside.settle(app)
    gc.collect()
    assert len(REGISTRY._collector_to_names) == known
    assert [one() for one in kept] == [None, None]
    assert shown() == {"thing_ready 19.0"}
