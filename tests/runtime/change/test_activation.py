"""``activate`` starts consumers after publish; the old and the new one never consume together."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError
from tests.fakes import simple

PATIENCE = 60
HEAD = "import asyncio\nfrom tests_stage import stage"
CONSUMER = """
async def activate(self):
    self.task = asyncio.create_task(self.consume())
    await asyncio.sleep(0)

async def consume(self):
    stage.said.append("begin {name}")
    try:
        await asyncio.Event().wait()
    finally:
        stage.said.append("end {name}")

async def inside(self):
    stage.entered.set()
    await asyncio.to_thread(stage.release.wait)
    return "{name}"
"""


def test_consumers_never_overlap(app: AppContext, stage: SimpleNamespace) -> None:
    """The old consumer ends before the new one begins, even while the old generation drains."""
    app.load({"api.py": simple(CONSUMER.format(name="a"), head=HEAD)}, id="consumer")
    inside = app.get_service("consumer").inside()
    assert stage.entered.wait(PATIENCE)
    app.load({"api.py": simple(CONSUMER.format(name="b"), head=HEAD)}, id="consumer")
    assert stage.said == ["begin a", "end a", "begin b"]
    stage.release.set()
    assert inside.result(PATIENCE) == "a"


def test_a_failed_swap_activates_nothing(app: AppContext, stage: SimpleNamespace) -> None:
    """A generation that fails to go live consumes nothing, and the old one continues."""
    app.load({"api.py": simple(CONSUMER.format(name="a"), head=HEAD)}, id="consumer")
    broken = CONSUMER.format(name="b") + "\nasync def initialize(self): 1 / 0"
    with pytest.raises(LoadError):
        app.load({"api.py": simple(broken, head=HEAD)}, id="consumer")
    assert stage.said == ["begin a"]


def test_what_stands_behind_the_yield(app: AppContext, stage: SimpleNamespace) -> None:
    """An ``activate`` with a ``yield`` ends with the code after it."""
    body = """
async def activate(self):
    stage.said.append("begin {name}")
    yield
    stage.said.append("end {name}")
"""
    app.load({"api.py": simple(body.format(name="a"), head=HEAD)}, id="consumer")
    app.load({"api.py": simple(body.format(name="b"), head=HEAD)}, id="consumer")
    assert stage.said == ["begin a", "end a", "begin b"]
    app.modules["consumer"].unload()
    assert stage.said[3:] == ["end b"]


def test_tasks_of_tasks(app: AppContext, stage: SimpleNamespace) -> None:
    """Tasks that a consumer starts later end with it."""
    body = (
        CONSUMER.replace("create_task(self.consume())", "create_task(self.outer())")
        + """
async def outer(self):
    await asyncio.create_task(self.consume())
"""
    )
    body = body.replace("await asyncio.sleep(0)", "await asyncio.sleep(0); await asyncio.sleep(0)")
    app.load({"api.py": simple(body.format(name="a"), head=HEAD)}, id="consumer")
    app.load({"api.py": simple(body.format(name="b"), head=HEAD)}, id="consumer")
    assert stage.said == ["begin a", "end a", "begin b"]


@pytest.mark.parametrize("fault", ["raise OSError('no queue')", "return False", "raise SystemExit"])
def test_an_activation_that_fails(
    app: AppContext, stage: SimpleNamespace, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A failing ``activate`` fails the load, yet the generation is live; a new load retries it."""
    body = f"async def activate(self):\n    stage.said.append(1)\n    {fault}"
    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(LoadError) as caught,
    ):
        app.load({"api.py": simple(body, head=HEAD)}, id="consumer")
    assert caught.value.step == "activate"
    assert "Generation 1 is live all the same" in "".join(caught.value.__notes__)
    module = app.modules["consumer"]
    assert (module.state, module.generation, module.error) == ("LIVE", 1, caught.value)
    with pytest.raises(LoadError):
        app.load({"api.py": simple(body, head=HEAD)}, id="consumer")
    assert stage.said == [1, 1]


def test_activation_follows_the_graph(app: AppContext, stage: SimpleNamespace) -> None:
    """Modules of one change are activated after those they require."""

    def text(name: str, *requires: str) -> str:
        body = f"async def activate(self): stage.said.append('{name}')"
        return simple(body, head=HEAD, arguments=f"requires={list(requires)}")

    app.load(
        [
            ("a", {"api.py": text("a", "b", "c")}),
            ("b", {"api.py": text("b", "c")}),
            ("c", {"api.py": text("c")}),
        ]
    )
    assert stage.said == ["c", "b", "a"]
