"""Threads and executors of module code: ended with their generation, or named."""

from __future__ import annotations

import threading
from textwrap import dedent

import pytest

from modframe.app import AppContext
from tests import inside
from tests.fakes import simple

HEAD = """
import threading
from concurrent.futures import ThreadPoolExecutor

GO = threading.Event()
POOL = ThreadPoolExecutor(2)


class Poller(threading.Thread):
    def run(self):
        GO.wait()
"""
RELEASE = """
async def release(self):
    GO.set()
"""


def load(app: AppContext, body: str) -> threading.Event:
    """Load a module; the event that its threads wait for."""
    app.load({"api.py": simple(dedent(body) + RELEASE, head=HEAD)}, id="thing")
    generation = inside.generation(app, "thing")
    go: threading.Event = vars(generation.package.modules()["api.py"])["GO"]
    return go


def test_threads_that_run_on_are_named(app: AppContext) -> None:
    """By name and by what they run, whether given a target or written as a class."""
    go = load(
        app,
        """
        async def initialize(self):
            threading.Thread(target=GO.wait, name="foreign").start()
            threading.Thread(target=self.work, name="worker").start()
            Poller(name="poller").start()

        def work(self):
            GO.wait()
        """,
    )
    try:
        app.modules["thing"].unload()
        assert app.modules["thing"].state == "FAILED_UNLOAD"
        (fault,) = app.stop().unsettled
    finally:
        go.set()
    assert "threads of generation 1 still run: " in fault
    assert "'worker' (Thing.work)" in fault
    assert "'poller' (Poller.run)" in fault
    assert "foreign" not in fault  # the standard library's code: nothing says whose it is


def test_threads_that_were_told_to_end_are_waited_for(app: AppContext) -> None:
    """A cleanup that sets its event and does not join is no fault."""
    load(
        app,
        """
        async def initialize(self):
            self.poller = Poller()
            self.poller.start()

        async def cleanup_resources(self):
            GO.set()
        """,
    )
    app.modules["thing"].unload()
    assert app.modules["thing"].state == "STOPPED"
    assert app.stop().unsettled == ()


def test_threading_timers_are_cancelled(app: AppContext) -> None:
    """They end at once, and are named in the log."""
    load(
        app,
        """
        async def initialize(self):
            self.timer = threading.Timer(3600, self.tick)
            self.timer.start()

        def tick(self):
            pass
        """,
    )
    app.modules["thing"].unload()
    assert app.modules["thing"].state == "STOPPED"
    assert not any(isinstance(one, threading.Timer) for one in threading.enumerate())
    assert any(
        line.message == "threading.Timers of generation 1 cancelled at its end: Thing.tick"
        for line in app.snapshot().log
    )


def test_executors_are_shut_down(app: AppContext) -> None:
    """Those on the service and in a file's globals; idle ones leave no thread and no fault."""
    load(
        app,
        """
        async def initialize(self):
            self.pool = ThreadPoolExecutor(2, thread_name_prefix="thing")
            self.pool.submit(int).result()
            POOL.submit(int).result()
        """,
    )
    before = [one for one in threading.enumerate() if one.name.startswith("thing")]
    assert len(before) == 1
    app.modules["thing"].unload()
    assert app.modules["thing"].state == "STOPPED"
    assert not before[0].is_alive()


def test_work_that_still_runs_in_an_executor_is_named(app: AppContext) -> None:
    """What waits in its queue is dropped, what runs is named with its executor."""
    go = load(
        app,
        """
        async def initialize(self):
            self.pool = ThreadPoolExecutor(1, thread_name_prefix="busy")
            self.runs = self.pool.submit(GO.wait)
            self.waits = self.pool.submit(int)
        """,
    )
    generation = inside.generation(app, "thing")
    waits = generation.module.waits
    try:
        app.modules["thing"].unload()
        (fault,) = app.stop().unsettled
    finally:
        go.set()
    assert "'busy_0' (a worker of the executor 'self.pool')" in fault
    assert waits.cancelled()


def test_an_executor_that_was_imported_is_someone_elses(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that a file imports stands for a library's executor, which goes on."""
    import concurrent.futures
    import sys
    import types

    library = types.ModuleType("some_library")
    library.POOL = pool = concurrent.futures.ThreadPoolExecutor(1)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "some_library", library)
    app.load({"api.py": simple(head="from some_library import POOL")}, id="thing")
    app.modules["thing"].unload()
    assert pool.submit(int).result() == 0
    pool.shutdown()
