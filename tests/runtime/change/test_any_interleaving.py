"""Verbs of every kind from many threads at once end in a state that the snapshot explains.

``MODFRAME_TEST_SEEDS`` gives how many seeds are tried.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import ModframeError
from tests import inside
from tests.fakes import simple

PATIENCE = 60
THREADS, STEPS = 4, 12
NAMES = ("base", "user", "alone")
HEAD = """
import asyncio
from fastapi import APIRouter
router = APIRouter()

@router.get("/n")
async def n() -> int:
    return {n}
"""
BODY = """
async def initialize(self):
    self.count = 0
    self.task = asyncio.create_task(asyncio.Event().wait())
    await asyncio.sleep(random.random() / 200)
    {fault}

def dump_state(self):
    return {{"count": self.count}}

def load_state(self, state, from_version):
    self.count = state["count"]

async def n(self):
    await asyncio.sleep(0)
    return {n}
"""
ARGUMENTS = {
    "base": "",
    "user": "requires=['base']",
    "alone": "swap='stop_first', keep_state='count'",
}
FAULTS = ("", "", "", "", "1 / 0", "return False")


def text(name: str, n: int, fault: str = "") -> dict[str, str]:
    """Return a module that answers its number; ``user`` imports from ``base``."""
    head = f"import random\n{HEAD.format(n=n)}"
    if name == "user":
        head += "\nfrom modules.standard.base.api import n as other\n"
    return {"api.py": simple(BODY.format(n=n, fault=fault), head=head, arguments=ARGUMENTS[name])}


class Person:
    """Someone who carries out random verbs, one after the other."""

    def __init__(self, app: AppContext, seed: int) -> None:
        self.app = app
        self.random = random.Random(seed)

    def work(self) -> None:
        """Take all steps; a refused one is skipped."""
        for _ in range(STEPS):
            act = self.random.choice([*[self.load] * 3, self.ask, self.ask, *self._seldom()])
            with suppress(ModframeError):
                act()

    def _seldom(self) -> list[Callable[[], None]]:
        change = [self.group, self.unload, self.reload, self.rollback]
        return [*change, self.plan, self.override, self.serve]

    def load(self) -> None:
        name = self.random.choice(NAMES)
        n, fault = self.random.randrange(1000), self.random.choice(FAULTS)
        self.app.load(text(name, n, fault), id=name)

    def group(self) -> None:
        n = self.random.randrange(1000)
        self.app.load([(name, text(name, n)) for name in NAMES])

    def unload(self) -> None:
        self.app.modules[self.random.choice(NAMES)].unload()

    def reload(self) -> None:
        self.app.modules[self.random.choice(NAMES)].reload()

    def rollback(self) -> None:
        module = self.app.modules[self.random.choice(NAMES)]
        module.rollback(self.random.choice([None, *module.history]))

    def plan(self) -> None:
        name = self.random.choice(NAMES)
        self.app.plan(text(name, self.random.randrange(1000), self.random.choice(FAULTS)), id=name)

    def override(self) -> None:
        name = self.random.choice(NAMES)
        with self.app.override(name, SimpleNamespace(n=lambda: -1)):
            self.ask()

    def serve(self) -> None:
        self.app.serve(port=0)

    def ask(self) -> None:
        answer = self.app.get_service(self.random.choice(NAMES)).n().result(PATIENCE)
        assert isinstance(answer, int)


@pytest.mark.soak
@pytest.mark.parametrize("stops", [False, True])
@pytest.mark.parametrize("seed", range(int(os.environ.get("MODFRAME_TEST_SEEDS", "3"))))
def test_any_interleaving(workspace: Path, seed: int, stops: bool) -> None:
    """After random verbs from several threads, the snapshot explains a consistent state."""
    app = modframe.start(workspace=workspace, data=":memory:")
    people = [Person(app, 100 * seed + n) for n in range(THREADS)]
    failures: list[BaseException] = []

    def work(person: Person) -> None:
        try:
            person.work()
        except BaseException as error:  # handed to the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    if stops:
        threads[0].join(0.3)
        report = app.stop()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert failures == []
    if not stops:
        explains(app)
        report = app.stop()
    assert report.unsettled == ()
    assert not inside.live_packages(app)
    assert not inside.owners(app)


def explains(app: AppContext) -> None:
    """Assert that the snapshot describes what runs."""
    inside.settle(app)
    snapshot = app.snapshot()
    for view in snapshot.modules:
        assert view.retired == ()
        assert view.unsettled == ()
        assert view.overridden == ()
        assert view.state in ("LIVE", "FAILED", "BLOCKED", "STOPPED")
        if view.state in ("FAILED", "BLOCKED"):
            assert view.error
        if view.id.startswith("core."):
            continue
        name = view.id.removeprefix("standard.")
        if view.state == "LIVE":
            module = app.modules[name]
            n = app.get_service(name).n().result(PATIENCE)
            assert app.run(ask(app, name)) == n
            assert module.source is not None
            assert f"return {n}\n" in module.source.texts["api.py"]
            assert len(view.parts["tasks"]["running"]) == 1
    assert inside.owners(app) == inside.live_packages(app)
    if app.modules["user"].state == "LIVE":
        base, user = inside.generation(app, "base"), inside.generation(app, "user")
        assert user.built_on["standard.base"] is base.package


async def ask(app: AppContext, name: str) -> int:
    """Return the answer of a module's route."""
    async with app.test_client() as http:
        return int((await http.get(f"/api/v1/{name}/n")).json())
