"""Modules that own something exclusive: the old one stops before the new one starts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError, ServiceUnavailableError
from tests import inside
from tests.fakes import simple
from tests.ports import free_port

PATIENCE = 60
Behind = Callable[..., Future[Any]]

PORT = """
import asyncio
import socket
from tests_stage import stage
"""
HOLDER = """
async def initialize(self):
    self.listener = socket.socket()
    self.listener.bind(("127.0.0.1", stage.port))
    self.listener.listen()
    stage.said.append("start {name}")

def cleanup_resources(self):
    self.listener.close()
    stage.said.append("stop {name}")

async def name(self):
    return "{name}"
"""


@pytest.fixture
def port(stage: SimpleNamespace) -> SimpleNamespace:
    """Return the stage with a port that one module at a time can have."""
    stage.port = free_port()
    return stage


def holder(name: str, extra: str = "") -> str:
    """Return a module that listens on the port."""
    arguments = 'swap="stop_first"'
    return simple(HOLDER.format(name=name) + extra, head=PORT, arguments=arguments)


def test_the_old_one_stops_first(app: AppContext, port: SimpleNamespace) -> None:
    """A port is taken over, and no call fails meanwhile."""
    app.load({"api.py": holder("a")}, id="holder")
    service = app.get_service("holder")
    stop = threading.Event()
    answers: set[str] = set()

    def ask() -> None:
        while not stop.is_set():
            answers.add(service.name().result(PATIENCE))

    asking = threading.Thread(target=ask)
    asking.start()
    app.load({"api.py": holder("b")}, id="holder")
    app.load({"api.py": holder("c")}, id="holder")
    stop.set()
    asking.join(PATIENCE)
    assert service.name().result(PATIENCE) == "c"
    assert answers <= {"a", "b", "c"}
    assert port.said == ["start a", "stop a", "start b", "stop b", "start c"]
    assert app.modules["holder"].generation == 3


def test_a_text_that_can_not_load_stops_nothing(app: AppContext, port: SimpleNamespace) -> None:
    """A fault that shows before anything starts leaves the old generation running."""
    app.load({"api.py": holder("a")}, id="holder")
    for broken in ("class", "1 / 0", "from .nowhere import x", "@module\nclass Other: pass"):
        with pytest.raises(LoadError):
            app.load({"api.py": f"{holder('b')}\n{broken}"}, id="holder")
    assert port.said == ["start a"]
    assert app.modules["holder"].generation == 1


@pytest.mark.parametrize("step", ["phase2", "handover"])
def test_a_failure_brings_the_old_text_back(
    app: AppContext, port: SimpleNamespace, step: str
) -> None:
    """If the new generation doesn't start, the old text is built again under a new number."""
    state = "\ndef dump_state(self): return {'n': getattr(self, 'n', 5)}\n"
    state += "def load_state(self, state, version): self.n = state['n']\n"
    state += "def n_now(self): return getattr(self, 'n', 5)"
    app.load({"api.py": holder("a", state)}, id="holder")
    broken = holder("b", state)
    if step == "phase2":
        broken = broken.replace("self.listener.listen()", "self.listener.listen(); 1 / 0")
    else:
        broken = broken.replace("self.n = state['n']", "1 / 0")
    with pytest.raises(LoadError) as caught:
        app.load({"api.py": broken}, id="holder")
    assert caught.value.step == step
    assert "its old text runs again, as generation 2" in "".join(caught.value.__notes__)
    module = app.modules["holder"]
    assert (module.state, module.generation) == ("LIVE", 2)
    assert isinstance(module.error, LoadError)
    assert app.get_service("holder").name().result(PATIENCE) == "a"
    assert app.get_service("holder").n_now().result(PATIENCE) == 5
    app.load({"api.py": holder("c")}, id="holder")
    assert app.modules["holder"].generation == 3


def test_an_old_text_that_does_not_start_again(app: AppContext, port: SimpleNamespace) -> None:
    """If neither starts, the module is down with a reason, and can be loaded again."""
    once = "async def initialize(self):\n        stage.starts = getattr(stage, 'starts', 0) + 1\n"
    once += "        if stage.starts > 1: raise RuntimeError('only once')\n"
    text = holder("a").replace("async def initialize(self):\n", once)
    app.load({"api.py": text}, id="holder")
    with pytest.raises(LoadError) as caught:
        app.load({"api.py": holder("b").replace("self.listener.listen()", "1 / 0")}, id="holder")
    assert "can't be built again" in "".join(caught.value.__notes__)
    assert app.modules["holder"].state == "FAILED"
    with pytest.raises(ServiceUnavailableError, match="FAILED"):
        app.get_service("holder").name().result(PATIENCE)
    app.load({"api.py": holder("c")}, id="holder")
    assert app.get_service("holder").name().result(PATIENCE) == "c"


def test_importers_of_what_was_stopped(app: AppContext, port: SimpleNamespace) -> None:
    """Importers are rebuilt with it, also when the old text is brought back."""
    thing = "\n\nclass Piece: pass\n"
    app.load({"api.py": holder("a") + thing}, id="holder")
    user = "from modules.standard.holder.api import Piece"
    app.load({"api.py": simple("def which(self): return Piece.__module__", head=user)}, id="user")
    broken = holder("b").replace("self.listener.listen()", "1 / 0") + thing
    with pytest.raises(LoadError):
        app.load({"api.py": broken}, id="holder")
    assert app.get_service("user").which().result(PATIENCE) == "modules.standard.holder~2.api"
    app.load({"api.py": holder("c") + thing}, id="holder")
    assert app.get_service("user").which().result(PATIENCE) == "modules.standard.holder~3.api"


def test_calls_wait_while_neither_runs(
    app: AppContext, port: SimpleNamespace, behind: Behind
) -> None:
    """A running call ends first; a call that comes between the two goes to the new one."""
    method = "\nasync def inside(self):\n    stage.entered.set()\n"
    method += "    await asyncio.to_thread(stage.release.wait)\n    return '{name}'\n"
    app.load({"api.py": holder("a", method.format(name="a"))}, id="holder")
    service = app.get_service("holder")
    first = service.inside()
    assert port.entered.wait(PATIENCE)
    swap = behind(app.load, {"api.py": holder("b", method.format(name="b"))}, id="holder")
    old = inside.generation(app, "holder")
    while old.gate is None:
        assert not swap.done()
    waiting = service.name()
    port.release.set()
    swap.result(PATIENCE)
    assert (first.result(PATIENCE), waiting.result(PATIENCE)) == ("a", "b")


def test_a_group_stops_dependents_first_and_cleanups_may_call(
    app: AppContext, stage: SimpleNamespace
) -> None:
    """A group stops dependents first, in whatever order it is given, so cleanups can call."""
    head = "from tests_stage import stage"
    user = """
async def cleanup_resources(self):
    stage.said.append(f"user down, {await self.app_context.get_service('base').ping()}")
"""
    base = """
async def ping(self): return "pong"
async def cleanup_resources(self): stage.said.append("base down")
"""
    texts = {
        "base": simple(base, head=head, arguments="swap='stop_first'"),
        "user": simple(user, head=head, arguments="swap='stop_first', requires=['base']"),
    }
    for order in (("base", "user"), ("user", "base")):
        app.load([(name, {"api.py": texts[name]}) for name in order])
        stage.said.clear()
        app.load([(name, {"api.py": f"{texts[name]}# {order}"}) for name in order])
        assert stage.said == ["user down, pong", "base down"]


def test_a_cleanup_that_calls_what_is_down_already(app: AppContext, stage: SimpleNamespace) -> None:
    """If two modules call each other in their cleanups, the later call raises at once."""
    text = """
async def ping(self): return "pong"
async def cleanup_resources(self):
    try:
        stage.said.append(await self.app_context.get_service("OTHER").ping())
    except Exception as error:
        stage.said.append(str(error))
"""
    head = "from tests_stage import stage"
    group = [
        (
            name,
            {
                "api.py": simple(
                    text.replace("OTHER", other), head=head, arguments="swap='stop_first'"
                )
            },
        )
        for name, other in ("ab", "ba")
    ]
    app.load(group)
    app.load([(name, {"api.py": f"{text['api.py']}#"}) for name, text in group])
    assert "pong" in stage.said
    assert all(answer == "pong" or "was stopped, and its next" in answer for answer in stage.said)
    assert app.snapshot().module("standard.a").unsettled == ()
