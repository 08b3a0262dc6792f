"""Background tasks that die: the module, its views, the console and /health say it."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError, TaskDiedError
from tests.fakes import simple
from tests.faults.processes import run_script
from tests.kernels import kernel

PATIENCE = 60
DIES = """
    async def work(self):
        raise ValueError("the wire is loose")
"""


def text_of(start: str, *, more: str = "") -> str:
    """Return a module whose task dies, started by the given lines."""
    return simple(f"{start}\n{more}{DIES}", head="import asyncio\nfrom fastapi import APIRouter")


STARTED = {
    "initialize": text_of("""
    async def initialize(self):
        self.task = asyncio.create_task(self.work())
    """),
    "activate": text_of("""
    async def activate(self):
        self.task = asyncio.create_task(self.work())
    """),
    "a method": text_of("""
    async def initialize(self):
        pass

    async def go(self):
        self.task = asyncio.create_task(self.work())
    """),
}


def until_degraded(app: AppContext) -> None:
    """Wait until the module has an error."""

    async def wait() -> None:
        while app.modules["thing"].error is None:
            await asyncio.sleep(0.01)

    app.run(asyncio.wait_for(wait(), PATIENCE))


@pytest.mark.parametrize("start", list(STARTED))
def test_the_module_stays_live_and_names_the_task(
    app: AppContext, start: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """In `error`, the reprs, the inspector's facts and one line on stderr."""
    app.load({"api.py": STARTED[start]}, id="thing")
    if start == "a method":
        app.get_service("thing").go().result()
    until_degraded(app)
    module = app.modules["thing"]
    error = module.error
    assert module.state == "LIVE"
    assert isinstance(error, TaskDiedError)
    assert (error.task, error.last_line) == ("Thing.work", "ValueError: the wire is loose")
    number = STARTED[start].splitlines().index('        raise ValueError("the wire is loose")') + 1
    said = (
        "standard.thing: task 'Thing.work' died, and nobody awaits it: "
        f"api.py, line {number}: ValueError: the wire is loose. Catch the error"
    )
    assert str(error).startswith(said)
    assert "task 'Thing.work' died" in repr(module)
    assert "task &#x27;Thing.work&#x27; died" in module._repr_html_()
    view = app.snapshot().module("standard.thing")
    assert view is not None
    assert "dead task" in str(view)
    assert "ValueError: the wire is loose" in str(view)
    assert [line for line in capfd.readouterr().err.splitlines() if line.startswith(said)]


def test_health_is_ready_and_says_what_died(app: AppContext) -> None:
    """The readiness stays; the body has the task and its last line."""
    app.load({"api.py": STARTED["initialize"]}, id="thing")
    until_degraded(app)

    async def health() -> tuple[int, object]:
        async with app.test_client() as http:
            answer = await http.get("/health")
            return answer.status_code, answer.json()

    status, body = asyncio.run(health())
    assert status == 200
    assert isinstance(body, dict)
    died = "task 'Thing.work' died: ValueError: the wire is loose"
    assert body["degraded"] == {"standard.thing": [died]}


def test_a_new_generation_has_no_dead_task(app: AppContext) -> None:
    """The error goes with the generation, and a failed attempt comes before it."""
    app.load({"api.py": STARTED["initialize"]}, id="thing")
    until_degraded(app)
    with pytest.raises(LoadError, match="not yet"):
        app.load(
            {"api.py": simple("async def initialize(self): raise OSError('not yet')")}, id="thing"
        )
    assert "not yet" in str(app.modules["thing"].error)
    app.load({"api.py": simple()}, id="thing")
    assert app.modules["thing"].error is None


def test_a_task_whose_failure_is_awaited_is_no_dead_one(app: AppContext) -> None:
    """Whoever awaits it gets the error; the module is as before."""
    text = text_of("""
    async def initialize(self):
        self.task = asyncio.create_task(self.work())
        self.other = asyncio.create_task(self.look())

    async def look(self):
        try:
            await self.task
        except ValueError:
            self.seen = True

    async def has_seen(self):
        await self.other
        return self.seen
    """)
    app.load({"api.py": text}, id="thing")
    assert app.get_service("thing").has_seen().result()
    app.run(asyncio.sleep(0.7))  # longer than a task may wait for who awaits it
    assert app.modules["thing"].error is None


def test_many_dead_tasks_are_a_few_lines(
    app: AppContext, capfd: pytest.CaptureFixture[str]
) -> None:
    """A generation remembers and prints ten; the log has all of them."""
    text = text_of("""
    async def initialize(self):
        for number in range(30):
            asyncio.create_task(self.work(), name=f"job {number}")
    """)
    app.load({"api.py": text}, id="thing")

    def logged() -> int:
        log = app.snapshot().log
        return sum("nobody awaits it" in line.message for line in log)

    async def until_logged() -> None:
        while logged() < 30:
            await asyncio.sleep(0.01)

    app.run(asyncio.wait_for(until_logged(), PATIENCE))
    assert len(capfd.readouterr().err.splitlines()) == 10
    assert "'job 29'" in str(app.modules["thing"].error)


def test_a_strict_start_does_not_fail_for_it(tmp_path: Path) -> None:
    """In a script the line stands on stderr, and the start succeeds."""
    folder = tmp_path / "modules" / "standard" / "thing"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(STARTED["initialize"])
    done = run_script(
        """
        import json, modframe
        from tests.waiting import wait_for
        app = modframe.start(data=":memory:", strict=True)
        wait_for(lambda: app.modules["thing"].error)
        print(json.dumps([app.modules["thing"].state, str(app.modules["thing"].error)]))
        app.stop()
        """,
        tmp_path,
    )
    state, error = json.loads(done.stdout)
    assert state == "LIVE"
    assert "task 'Thing.work' died" in error
    assert len(re.findall("Thing.work' died", done.stderr)) == 1


@pytest.mark.kernel
def test_the_open_cell_shows_it(tmp_path: Path) -> None:
    """One line below the cell that runs; and the outcome of its own cell, run again, has it."""
    with kernel(tmp_path) as shell:
        shell.run("%load_ext modframe")
        text = "%%module thing\n" + STARTED["initialize"]
        shell.run(text)
        cell = shell.run(
            "import asyncio\nfrom tests.waiting import wait_for\n"
            "wait_for(lambda: app.modules['thing'].error)\n"
            "app.run(asyncio.sleep(0))  # the app loop has said it"
        )
        assert re.search(
            r"^standard\.thing: task 'Thing\.work' died, and nobody awaits it: api\.py, "
            r"Cell In\[\d+\], line \d+: ValueError: the wire is loose\.",
            cell.stderr,
            re.MULTILINE,
        )
        assert "ValueError" not in cell.stdout
        assert shell.run(text).stdout == (
            "standard.thing unchanged, generation 1 · task Thing.work died: "
            "ValueError: the wire is loose\n"
        )


def test_a_thread_that_dies_is_recorded_and_said_in_one_line(tmp_path: Path) -> None:
    """With the module's line; what isn't the module's is Python's to print, as before the start."""
    folder = tmp_path / "modules" / "standard" / "thing"
    folder.mkdir(parents=True)
    text = simple(
        """
        def initialize(self):
            thread = threading.Thread(target=self.work, name="poll")
            thread.start()
            thread.join()

        def work(self):
            raise ValueError("the wire is loose")
        """,
        head="import threading",
    )
    (folder / "api.py").write_text(text)
    line = next(at for at, row in enumerate(text.splitlines(), 1) if "raise" in row)
    done = run_script(
        """
        import modframe, threading
        before = threading.excepthook
        with modframe.start():
            own = threading.Thread(target=lambda: {}["key"], name="own")
            own.start()
            own.join()
        print(threading.excepthook is before)
        """,
        tmp_path,
    )
    assert (
        f"standard.thing: thread 'poll' died: api.py, line {line}: ValueError: the wire is loose\n"
    ) in done.stderr
    assert "Exception in thread poll" not in done.stderr
    assert "Exception in thread own" in done.stderr
    assert done.stdout == "True\n"
    [entry] = map(json.loads, (tmp_path / "data/logs/errors.jsonl").read_text().splitlines())
    assert entry["module_id"] == "standard.thing"
    assert entry["message"] == "thread 'poll' died"
    assert entry["place"] == f"api.py, line {line}"
    assert "threading.py" not in entry["traceback"]


def test_a_dead_thread_stands_in_the_error_and_in_health(app: AppContext) -> None:
    """As a dead task does: by name, line and last line; the module stays live."""
    text = simple(
        """
        def activate(self):
            threading.Thread(target=self.work, name="poll").start()

        def work(self):
            raise ValueError("the wire is loose")
        """,
        head="import threading",
    )
    app.load({"api.py": text}, id="thing")
    until_degraded(app)
    module = app.modules["thing"]
    line = next(at for at, row in enumerate(text.splitlines(), 1) if "raise" in row)
    assert module.state == "LIVE"
    assert isinstance(module.error, TaskDiedError)
    assert (module.error.kind, module.error.task) == ("thread", "poll")
    assert str(module.error).startswith(
        f"standard.thing: thread 'poll' died: api.py, line {line}: ValueError: the wire is loose. "
        "Catch the error in the thread"
    )
    assert "dead thread" in str(app.snapshot().module("standard.thing"))

    async def health() -> object:
        async with app.test_client() as http:
            return (await http.get("/health")).json()["degraded"]

    said = "thread 'poll' died: ValueError: the wire is loose"
    assert asyncio.run(health()) == {"standard.thing": [said]}
    app.load({"api.py": simple()}, id="thing")
    assert app.modules["thing"].error is None


def test_a_finalizer_that_raises_is_recorded_and_said_in_one_line(tmp_path: Path) -> None:
    """With the module's line, in place of the traceback that Python prints."""
    folder = tmp_path / "modules" / "standard" / "thing"
    folder.mkdir(parents=True)
    text = simple(
        "def initialize(self):\n    Held()",
        head="class Held:\n    def __del__(self):\n        raise ValueError('the wire is loose')",
    )
    (folder / "api.py").write_text(text)
    done = run_script(
        """
        import modframe, sys
        before = sys.unraisablehook
        with modframe.start():
            class Own:
                def __del__(self):
                    {}["key"]
            Own()
        print(sys.unraisablehook is before)
        """,
        tmp_path,
    )
    said = "standard.thing: exception ignored in Held.__del__: api.py, line 4: "
    assert f"{said}ValueError: the wire is loose\n" in done.stderr
    assert "Exception ignored in: <function Held" not in done.stderr
    assert "Exception ignored in: <function Own" in done.stderr
    assert done.stdout == "True\n"
    [entry] = map(json.loads, (tmp_path / "data/logs/errors.jsonl").read_text().splitlines())
    assert (entry["module_id"], entry["place"]) == ("standard.thing", "api.py, line 4")
