"""Cleanups that hang, swallow a cancellation or raise are bounded, reported, and block nobody."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from modframe.app import AppContext
from tests import inside

BOUND = 20.0
"""Seconds that any of these may take at most; the bounds they meet add up to one."""

TEXT = """
import asyncio
from core.decorators import force_shutdown, graceful_shutdown
from modframe.decorators import module
from tests_stuck import FREE

NUMBER = {number}


async def hangs():
    await FREE.wait()


async def swallows():
    while not FREE.is_set():
        try:
            await FREE.wait()
        except asyncio.CancelledError:
            pass


async def raises():
    raise OSError("stuck")


async def ends():
    pass


@graceful_shutdown(method="cleanup_resources", timeout=0.2)
@force_shutdown(method="force_cleanup", timeout=0.2)
@module
class Thing:
    def get(self):
        return NUMBER

    async def cleanup_resources(self):
        await {graceful}()

    async def force_cleanup(self):
        await {force}()
"""
OTHER = "from modframe.decorators import module\n\n\n@module\nclass Other:\n    def get(self):\n        return 42\n"

STUCK = [
    ("hangs", "hangs", r"force_cleanup\(\) took longer than its 0\.2 s"),
    ("hangs", "raises", r"force_cleanup\(\) failed: OSError\('stuck'\)"),
    ("hangs", "swallows", r"force_cleanup\(\).*ignores its cancellation"),
    ("swallows", "hangs", r"cleanup_resources\(\).*ignores its cancellation"),
    ("swallows", "ends", r"cleanup_resources\(\).*ignores its cancellation"),
    ("raises", "raises", r"cleanup_resources\(\) raised OSError\('stuck'\)"),
]
stuck = pytest.mark.parametrize(("graceful", "force", "message"), STUCK, ids=range(len(STUCK)))
forced = pytest.mark.parametrize("graceful", ["hangs", "raises"])


@pytest.fixture
def free(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Load another module, and return what lets the waiting cleanups continue."""
    monkeypatch.setattr("modframe.runtime.loop.bounds.GRACE", 0.1)
    module: Any = ModuleType("tests_stuck")
    module.FREE = asyncio.Event()
    monkeypatch.setitem(sys.modules, "tests_stuck", module)
    app.load({"api.py": OTHER}, id="other")

    def let_go() -> None:
        if not inside.is_closing(app):
            inside.app_loop(app).call_soon_threadsafe(module.FREE.set)

    yield let_go
    let_go()


def text(number: int, graceful: str, force: str) -> dict[str, str]:
    """Return a module with these cleanups."""
    return {"api.py": TEXT.format(number=number, graceful=graceful, force=force)}


def bounded(verb: Callable[[], Any]) -> Any:
    """Run a verb, assert that it stays within the bound, and return its result."""
    began = time.monotonic()
    outcome = verb()
    assert time.monotonic() - began < BOUND
    return outcome


@stuck
def test_a_module_that_does_not_let_go_is_failed_unload(
    app: AppContext, free: Callable[[], None], graceful: str, force: str, message: str
) -> None:
    """The unload ends and names what hangs; the module can be loaded again, and others go on."""
    app.load(text(1, graceful, force), id="thing")
    bounded(app.modules["thing"].unload)
    assert app.modules["thing"].state == "FAILED_UNLOAD"
    assert re.search(rf"did not stop cleanly: .*{message}", str(app.modules["thing"].error))
    assert app.get_service("other").get().result(BOUND) == 42
    assert app.load(text(2, "ends", "ends"), id="thing").state == "LIVE"
    assert app.get_service("thing").get().result(BOUND) == 2
    free()
    assert re.search(message, "\n".join(bounded(app.stop).unsettled))


@forced
@pytest.mark.usefixtures("free")
def test_force_that_works_is_no_failure(app: AppContext, graceful: str) -> None:
    """A module that ends by force is stopped, and the log says that it took force."""
    app.load(text(1, graceful, "ends"), id="thing")
    bounded(app.modules["thing"].unload)
    assert app.modules["thing"].state == "STOPPED"
    assert "force follows" in "\n".join(line.message for line in app.snapshot().log)
    assert bounded(app.stop).unsettled == ()


@stuck
def test_a_swap_does_not_wait_for_the_old_one_to_let_go(
    app: AppContext, free: Callable[[], None], graceful: str, force: str, message: str
) -> None:
    """The new generation answers at once and can be swapped; the stop reports what hangs."""
    app.load(text(1, graceful, force), id="thing")
    for number in (2, 3):
        bounded(lambda: app.load(text(number, "ends", "ends"), id="thing"))  # noqa: B023  # called at once
        assert app.get_service("thing").get().result(BOUND) == number
    assert app.get_service("other").get().result(BOUND) == 42
    bounded(lambda: inside.settle(app))
    assert app.modules["thing"].state == "LIVE"
    free()
    assert re.search(message, "\n".join(bounded(app.stop).unsettled))


@pytest.mark.usefixtures("free")
def test_one_that_hangs_holds_up_no_other_at_the_stop(app: AppContext) -> None:
    """Every module is stopped, and the report names the one that hangs."""
    app.load(text(1, "hangs", "hangs"), id="thing")
    report = bounded(app.stop)
    assert len(report.unsettled) == 1
    assert "standard.thing" in report.unsettled[0]
