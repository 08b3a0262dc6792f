"""Functions of modules run in threads and child processes, which end with their generation."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import psutil
import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import ProcessError
from tests import inside
from tests.fakes import simple
from tests.faults.processes import run_script
from tests.waiting import has_ended, wait_for

WORK = """
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

from core.app_context import app_context


HANG = "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"


@dataclass
class Sum:
    value: int


class NoSuchOrder(Exception):
    pass


def total(numbers, plus=0):
    print("adding")
    app_context.get_logger().warning("adds %d numbers", len(numbers))
    return Sum(sum(numbers) + plus)


def number_of_process():
    return os.getpid()


def fail(text):
    raise NoSuchOrder(text)


def hang(path):
    with open(path, "w") as file:
        file.write(str(os.getpid()))
    while True:
        time.sleep(0.01)


def unpicklable():
    return lambda: 1


class Unreadable:
    def __reduce__(self):
        return int, ("x",)


def unreadable():
    return Unreadable()


def same(value):
    return value


def no_more():
    next(iter(()))


def forks(path):
    if os.fork() == 0:
        print("in the fork")
        hang(path)
    os._exit(5)


def break_off(path):
    for descriptor in range(3, 10):
        with suppress(OSError):
            os.write(descriptor, bytes(7) + bytes([200]) + b"half")
    os._exit(9)


def starts_another(path):
    subprocess.Popen([sys.executable, "-c", f"import time; {HANG}", path])
    time.sleep(60)


def reach():
    return app_context.get_service("thing")
"""

API = simple(
    """
    async def total(self, numbers):
        result = await self.app_context.tasks.process(work.total, numbers, plus=1)
        return type(result) is work.Sum, result.value

    async def run(self, name, *args):
        return await self.app_context.tasks.process(getattr(work, name), *args)

    async def thread(self, function, *args):
        return await self.app_context.tasks.thread(function, *args)

    async def method(self):
        return await self.app_context.tasks.process(self.total, [1])

    def sync_method(self):
        return 1

    async def bound(self):
        return await self.app_context.tasks.process(self.sync_method)
    """,
    head="from . import work",
)


def load(app: AppContext, **files: str) -> Any:
    app.load({"api.py": API, "work.py": WORK, **files}, id="thing")
    return app.get_service("thing")


def started(path: Path) -> psutil.Process:
    """Return the process that wrote its number to a file."""
    wait_for(lambda: path.exists() and path.read_text())
    return psutil.Process(int(path.read_text()))


def test_a_function_of_cells_runs_in_a_process_of_its_own(app: AppContext) -> None:
    """Its class comes back as the generation's own, and its lines of the log arrive."""
    thing = load(app)
    assert thing.total([1, 2, 3]).result() == (True, 7)
    assert thing.run("number_of_process").result() != os.getpid()
    log = [(line.module_id, line.message) for line in app.snapshot().log]
    assert ("standard.thing", "adds 3 numbers") in log
    (worker,) = app.snapshot().module("standard.thing").parts["pools"]["processes"]
    assert worker["runs"] == ""


def test_the_process_stays_for_the_next_call_and_ends_with_its_generation(app: AppContext) -> None:
    """So that a call costs no start of an interpreter."""
    thing = load(app)
    first, second = (thing.run("number_of_process").result() for _ in range(2))
    assert first == second
    process = psutil.Process(first)
    load(app, **{"notes.py": "x = 1"})
    inside.settle(app)
    wait_for(lambda: has_ended(process))
    assert thing.run("number_of_process").result() != first


def test_an_exception_comes_back_with_the_lines_of_the_module(app: AppContext) -> None:
    """It is of the module's own class."""
    thing = load(app)
    with pytest.raises(Exception, match="no order 7") as caught:
        thing.run("fail", "no order 7").result()
    assert type(caught.value).__name__ == "NoSuchOrder"
    text = "".join(traceback.format_exception(caught.value))
    assert "raise NoSuchOrder(text)" in text
    assert "child.py" not in text


def test_a_function_that_hangs_ends_with_its_call(app: AppContext, tmp_path: Path) -> None:
    """The process is killed, and the next call gets another one."""
    thing = load(app)
    call = thing.run("hang", str(tmp_path / "pid"))
    process = started(tmp_path / "pid")
    call.cancel()
    wait_for(lambda: has_ended(process))
    assert thing.total([1]).result() == (True, 2)


def test_a_function_that_hangs_ends_with_its_generation(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call is cancelled at the deadline, and its process killed."""
    monkeypatch.setenv("MODFRAME_DRAIN_TIMEOUT", "0.1")
    with modframe.start(workspace=workspace, data=":memory:") as app:
        thing = load(app)
        call = thing.run("hang", str(tmp_path / "pid"))
        process = started(tmp_path / "pid")
        app.modules["thing"].unload()
        wait_for(lambda: has_ended(process))
        with pytest.raises(modframe.errors.ModframeError):
            call.result()


@pytest.mark.skipif(os.name != "posix", reason="there is no such signal")
def test_a_process_that_dies_fails_its_call_alone(app: AppContext, tmp_path: Path) -> None:
    """The error says how it ended."""
    thing = load(app)
    call = thing.run("hang", str(tmp_path / "pid"))
    os.kill(started(tmp_path / "pid").pid, signal.SIGKILL)
    with pytest.raises(ProcessError, match=r"the process that ran hang\(\) ended with status -9"):
        call.result()
    assert thing.total([1]).result() == (True, 2)


@pytest.mark.skipif(os.name != "posix", reason="there is no such signal")
def test_a_process_that_died_while_idle_fails_no_call(app: AppContext) -> None:
    """The next call gets another one."""
    thing = load(app)
    pid = thing.run("number_of_process").result()
    os.kill(pid, signal.SIGKILL)
    # leaves it to be waited for; a zombie whose threads still end can't be waited for yet
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert thing.run("number_of_process").result() != pid


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_process_that_forked_and_died_fails_its_call(app: AppContext, tmp_path: Path) -> None:
    """What it forked doesn't keep the call waiting, and is killed."""
    thing = load(app)
    with pytest.raises(ProcessError, match=r"ran forks\(\) ended with status 5"):
        thing.run("forks", str(tmp_path / "pid")).result(timeout=30)
    assert thing.total([1]).result() == (True, 2)


@pytest.mark.skipif(os.name != "posix", reason="there are no process groups")
def test_what_a_process_starts_ends_with_it(app: AppContext, tmp_path: Path) -> None:
    """Also if the process is killed."""
    thing = load(app)
    call = thing.run("starts_another", str(tmp_path / "pid"))
    process = started(tmp_path / "pid")
    call.cancel()
    assert wait_for(lambda: has_ended(process))


@pytest.mark.skipif(os.name != "posix", reason="it writes to descriptors by number")
def test_a_reply_that_breaks_off_is_no_reply(app: AppContext) -> None:
    """The process was killed in the middle of a large result."""
    thing = load(app)
    with pytest.raises(ProcessError, match=r"ran break_off\(\) ended with status 9"):
        thing.run("break_off", "").result()
    assert thing.total([1]).result() == (True, 2)


def test_what_cannot_be_read_on_the_other_side_is_named(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A result whose pickle can't be restored, and an argument of a notebook's own class."""
    thing = load(app)
    with pytest.raises(ProcessError, match=r"unreadable\(\) was run .* its result can't be read"):
        thing.run("unreadable").result()
    mine = type("Mine", (), {"__module__": "__main__"})
    monkeypatch.setattr(sys.modules["__main__"], "Mine", mine, raising=False)
    with pytest.raises(ProcessError, match=r"same\(\) can't be run.*'Mine'.*a file of the module"):
        thing.run("same", mine()).result()


def test_a_stop_iteration_hangs_no_call(app: AppContext) -> None:
    """A future can't carry it, as a coroutine can't raise it."""
    thing = load(app)
    for call in (thing.run("no_more"), thing.thread(next, iter(()))):
        with pytest.raises(RuntimeError, match="raised StopIteration"):
            call.result(timeout=30)


def test_what_cannot_be_sent_is_refused_with_what_to_do(app: AppContext) -> None:
    """Methods, coroutine functions, results, and the app in the child."""
    thing = load(app)
    with pytest.raises(ProcessError, match=r"a method can't be pickled.*a function written at"):
        thing.bound().result()
    with pytest.raises(TypeError, match=r"total\(\) is an `async def`"):
        thing.method().result()
    with pytest.raises(ProcessError, match="its result can't be pickled"):
        thing.run("unpicklable").result()
    with pytest.raises(modframe.errors.NotRunningError, match="Pass what it needs as arguments"):
        thing.run("reach").result()


def test_a_file_imports_from_another_module_there(app: AppContext) -> None:
    """Of the generation that it was built with."""
    base = simple("async def one(self):\n    return 1", head="RATE = 3\n")
    app.load({"api.py": base}, id="base")
    work = WORK.replace("return Sum(sum(numbers) + plus)", "return Sum(RATE)")
    thing = load(app, **{"work.py": "from modules.standard.base.api import RATE\n" + work})
    assert thing.total([1]).result() == (True, 3)


def test_a_thread_runs_what_waits_and_returns_or_raises(app: AppContext) -> None:
    """The app loop goes on meanwhile, and the thread is named if it does not end."""
    thing = load(app)
    go = threading.Event()
    assert thing.thread(threading.get_ident).result() != inside.app_thread(app)
    with pytest.raises(ValueError, match="invalid literal"):
        thing.thread(int, "x").result()
    call = thing.thread(go.wait)
    wait_for(lambda: app.snapshot().module("standard.thing").parts["pools"]["threads"])
    call.cancel()
    app.modules["thing"].unload()
    fault = app.snapshot().module("standard.thing").unsettled[0]
    go.set()
    assert "functions that generation 1 runs in threads have not ended: Event.wait" in fault


def test_a_module_in_files_runs_functions_in_processes(workspace: Path) -> None:
    """Also one that its service has imported from nowhere yet."""
    folder = workspace / "modules" / "standard" / "thing"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(API)
    (folder / "work.py").write_text(WORK)
    with modframe.start(workspace=workspace, data=":memory:") as app:
        assert app.get_service("thing").total([1, 2, 3]).result() == (True, 7)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_an_executor_of_module_code_runs_its_functions(workspace: Path, method: str) -> None:
    """What it sends to a process carries the module's text."""
    done = run_script(
        f"""
        import modframe
        API = '''
        import asyncio
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        from dataclasses import dataclass
        from modframe.decorators import module

        @dataclass
        class Sum:
            value: int

        def total(numbers, of):
            return of(sum(numbers))

        @module
        class Thing:
            async def total(self):
                context = multiprocessing.get_context({method!r})
                with ProcessPoolExecutor(1, mp_context=context) as pool:
                    loop = asyncio.get_running_loop()
                    result = await loop.run_in_executor(pool, total, [1, 2], Sum)
                return type(result) is Sum, result.value
        '''
        if __name__ == "__main__":
            import textwrap
            with modframe.start(data=":memory:") as app:
                app.load({{"api.py": textwrap.dedent(API)}}, id="thing")
                print(app.get_service("thing").total().result())
        """,
        workspace,
    )
    assert done.stdout == "(True, 3)\n", done.stderr


def test_a_file_that_can_not_be_imported_there_raises_what_it_raises(app: AppContext) -> None:
    """With the line of the module, and what to do instead."""
    app.load({"api.py": simple("async def one(self):\n    return 1")}, id="base")
    work = WORK.replace("\n\nHANG", "\n\nBASE = app_context.get_service('base')\nHANG", 1)
    thing = load(app, **{"work.py": work})
    with pytest.raises(modframe.errors.NotRunningError, match="Pass what it needs") as caught:
        thing.run("number_of_process").result()
    assert "BASE = " in "".join(traceback.format_exception(caught.value))
