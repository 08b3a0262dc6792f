"""State that one generation hands to the next, and the gate at which calls wait meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import LoadError
from tests import inside
from tests.fakes import simple

PATIENCE = 60
Behind = Callable[..., Future[Any]]

COUNTER = """
async def initialize(self):
    self.count = {start}
    self.seen = {{"first": {start}}}

def dump_state(self):
    return {{"count": self.count, "seen": self.seen}}

def load_state(self, state, from_version):
    self.count, self.seen = state["count"], state["seen"]
    self.source = from_version

async def add(self, number: int = 1):
    self.count += number
    self.seen[self.count] = number
    return self.count
"""


def counter(start: int, extra: str = "", *, head: str = "", without: str = "") -> str:
    """Return a module that counts and hands its count over."""
    body = COUNTER.format(start=start)
    if without:
        body = "\n\n".join(
            method for method in body.split("\n\n") if f"def {without}" not in method
        )
    return simple(f"MODULE_VERSION = '{start}.0'\n{body}\n{extra}", head=head)


def line(app: AppContext, text: str, id: str = "counter") -> str:
    """Load a text as a cell does, and return the line it leaves."""
    from modframe.source import SourceFile

    app.draft(id, "api.py", SourceFile(text, f"<{hash(text)}>"))
    return str(app.try_draft(id))


# -- what is handed over -----------------------------------------------------------------------


def test_dump_and_load(app: AppContext) -> None:
    """The new generation loads what the old one dumped, with its version; the line says so."""
    app.load({"api.py": counter(0)}, id="counter")
    app.get_service("counter").add(5).result(PATIENCE)
    outcome = line(app, counter(100, "def whence(self): return self.source, self.seen"))
    assert " · state handed over" in outcome
    service = app.get_service("counter")
    assert service.add(1).result(PATIENCE) == 6
    assert service.whence().result(PATIENCE) == ("0.0", {"first": 0, 5: 5, 6: 1})


def test_async_hooks(app: AppContext) -> None:
    """Both hooks may be coroutines."""
    text = counter(0).replace("def dump_state", "async def dump_state")
    text = text.replace("def load_state", "async def load_state")
    app.load({"api.py": text}, id="counter")
    app.get_service("counter").add(5).result(PATIENCE)
    app.load({"api.py": f"{text}\n#"}, id="counter")
    assert app.get_service("counter").add().result(PATIENCE) == 6


def test_what_is_handed_over_is_a_copy(app: AppContext, stage: SimpleNamespace) -> None:
    """Old and new generation can't change each other's state, however deep it is."""
    keep = "def _(self): pass\nasync def mine(self): stage.said.append(self.seen); return self.seen"
    text = counter(0, keep, head="from tests_stage import stage")
    app.load({"api.py": text}, id="counter")
    app.get_service("counter").mine().result(PATIENCE)
    app.load({"api.py": f"{text}\n#"}, id="counter")
    app.get_service("counter").add(7).result(PATIENCE)
    app.get_service("counter").mine().result(PATIENCE)
    assert stage.said == [{"first": 0}, {"first": 0, 7: 7}]


def test_keep_state(app: AppContext) -> None:
    """Named attributes are kept; one that the old generation doesn't have is reported."""
    body = "async def initialize(self): self.n = 0\nasync def add(self): self.n += 1; return self.n"
    app.load({"api.py": simple(body, arguments="keep_state=('n',)")}, id="counter")
    app.get_service("counter").add().result(PATIENCE)
    outcome = line(app, simple(f"{body}\n# again", arguments="keep_state=('n', 'm')"))
    assert outcome.endswith(" · kept n · m not kept, for generation 1 has none")
    assert app.get_service("counter").add().result(PATIENCE) == 2


def test_keep_state_in_the_guides_form(app: AppContext) -> None:
    """A class constant declares the same, and a wrong value is an error."""
    body = "MODULE_KEEP_STATE = {}\nasync def initialize(self): self.n = 0\n"
    body += "async def add(self): self.n += 1; return self.n"
    app.load({"api.py": simple(body.format("'n'"))}, id="counter")
    app.get_service("counter").add().result(PATIENCE)
    app.load({"api.py": simple(body.format("('n',)"))}, id="counter")
    assert app.get_service("counter").add().result(PATIENCE) == 2
    with pytest.raises(LoadError, match=r"MODULE_KEEP_STATE is 3, and has to name attributes"):
        app.load({"api.py": simple(body.format("3"))}, id="counter")
    with pytest.raises(LoadError, match=r"MODULE_SWAP is 'first', and has to be 'overlap' or"):
        app.load({"api.py": simple("MODULE_SWAP = 'first'")}, id="other")


def test_no_load_state(app: AppContext) -> None:
    """If the new text has no ``load_state``, the state is dropped and the line says so."""
    app.load({"api.py": counter(0)}, id="counter")
    outcome = line(app, counter(100, without="load_state"))
    assert outcome.endswith(" · state dropped, for the new text has no load_state()")
    assert app.get_service("counter").add().result(PATIENCE) == 101


def test_no_dump_state(app: AppContext) -> None:
    """If the old text has no ``dump_state``, the line says so."""
    app.load({"api.py": counter(0, without="dump_state")}, id="counter")
    outcome = line(app, counter(100))
    assert outcome.endswith(" · no state to load, for generation 1 has no dump_state()")
    assert app.get_service("counter").add().result(PATIENCE) == 101


# -- a failing hand-over -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("self.count, self.seen = state", "raise KeyError('count') #"), r"KeyError"),
        (("self.source = from_version", "return False"), r"load_state\(\) gave False"),
    ],
)
def test_a_load_that_fails(app: AppContext, change: tuple[str, str], message: str) -> None:
    """A ``load_state`` that fails is a failed swap, and the old generation counts on."""
    app.load({"api.py": counter(0)}, id="counter")
    service = app.get_service("counter")
    service.add().result(PATIENCE)
    text = counter(9).replace(*change)
    with pytest.raises(LoadError, match=message) as caught:
        app.load({"api.py": text}, id="counter")
    assert caught.value.step == "handover"
    assert service.add().result(PATIENCE) == 2
    assert app.modules["counter"].generation == 1


@pytest.mark.parametrize(
    ("dumped", "message"),
    [
        ("[self.count]", r"dump_state\(\) gave 'list', not a dict"),
        ("{'lock': __import__('threading').Lock()}", r"can't be copied: TypeError.*resource"),
        ("{'own': Own()}", r"holds a 'Own', whose class belongs to generation 1"),
        ("{'deep': [{'own': Own()}]}", r"holds a 'Own'"),
        ("1 / 0", r"ZeroDivisionError"),
    ],
)
def test_a_dump_that_fails(app: AppContext, dumped: str, message: str) -> None:
    """State that can't be dumped or copied fails the swap, with advice."""
    text = counter(0, head="class Own: pass")
    text = text.replace("{'count': self.count, 'seen': self.seen}", dumped)
    text = text.replace('{"count": self.count, "seen": self.seen}', dumped)
    app.load({"api.py": text}, id="counter")
    with pytest.raises(LoadError, match=f"(?s){message}"):
        app.load({"api.py": counter(1)}, id="counter")
    assert app.get_service("counter").add().result(PATIENCE) == 1


def test_a_hook_that_hangs(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook that hangs fails the swap at its timeout, and the gate opens again."""
    monkeypatch.setenv("MODFRAME_HANDOVER_TIMEOUT", "0.2")
    with modframe.start(workspace=workspace, data=":memory:") as app:
        app.load({"api.py": counter(0)}, id="counter")
        text = counter(1).replace("    def load_state", "    async def load_state")
        text = text.replace("self.source = from_version", "await asyncio.Event().wait()")
        with pytest.raises(LoadError, match=r"load_state\(\) took longer than its 0.2 s"):
            app.load({"api.py": f"import asyncio\n{text}"}, id="counter")
        assert app.get_service("counter").add().result(PATIENCE) == 1


# -- the gate ----------------------------------------------------------------------------------

SLOW = """
async def slow(self):
    stage.entered.set()
    await asyncio.to_thread(stage.release.wait)
    self.count += 1000
    return self.count
"""
HEAD = "import asyncio\nfrom tests_stage import stage"


def test_no_update_of_a_call_in_flight_is_lost(
    app: AppContext, stage: SimpleNamespace, behind: Behind
) -> None:
    """New calls wait until the old ones have ended, and the state they left is handed over."""
    app.load({"api.py": counter(0, SLOW, head=HEAD)}, id="counter")
    service = app.get_service("counter")
    slow = service.slow()
    assert stage.entered.wait(PATIENCE)
    swap = behind(app.load, {"api.py": counter(7, SLOW, head=HEAD)}, id="counter")
    app.run(_until(lambda: gate_of(app, "counter") is not None))
    waiting = [service.add() for _ in range(20)]
    assert not any(call.done() for call in waiting)
    stage.release.set()
    swap.result(PATIENCE)
    assert slow.result(PATIENCE) == 1000
    assert sorted(call.result(PATIENCE) for call in waiting) == list(range(1001, 1021))


def gate_of(app: AppContext, name: str) -> object:
    """Return the gate at which calls of a module wait; None while they may pass."""
    return inside.generation(app, name).gate


async def _until(true: Callable[[], bool]) -> None:
    import asyncio

    while not true():
        await asyncio.sleep(0.001)


BACK = """
async def slow(self):
    stage.entered.set()
    await asyncio.to_thread(stage.release.wait)
    others = app_context.get_service("other")
    from_thread = await asyncio.to_thread(lambda: others.back().result(60))
    return [from_thread, *await asyncio.gather(others.back(), others.in_a_task())]

async def add(self):
    self.n = getattr(self, "n", 0) + 1
    return self.n
"""
OTHER = """
async def back(self):
    return await self.app_context.get_service("counter").add()

async def in_a_task(self):
    return await asyncio.create_task(self.back())
"""


@pytest.mark.parametrize("after", ["", 'keep_state="n"', 'swap="stop_first"'])
@pytest.mark.parametrize("before", ["", 'keep_state="n"', 'swap="stop_first"'])
def test_work_of_the_old_generation_passes(
    app: AppContext, stage: SimpleNamespace, behind: Behind, before: str, after: str
) -> None:
    """A call that leads back to its module through others, threads and tasks passes the gate."""
    head = f"{HEAD}\nfrom core.app_context import app_context"
    app.load({"api.py": simple(BACK, head=head, arguments=before)}, id="counter")
    app.load({"api.py": simple(OTHER, head="import asyncio")}, id="other")
    slow = app.get_service("counter").slow()
    assert stage.entered.wait(PATIENCE)
    text = simple(f"{BACK}\n# again", head=head, arguments=after)
    swap = behind(app.load, {"api.py": text}, id="counter")
    if "stop_first" in before + after or after:
        app.run(_until(lambda: gate_of(app, "counter") is not None))
        waiting = app.get_service("counter").add()
        assert not waiting.done()
        stage.release.set()
        assert sorted(slow.result(PATIENCE)) == [1, 2, 3]
        assert waiting.result(PATIENCE) == (4 if "keep" in after else 1)
    stage.release.set()
    swap.result(PATIENCE)
    assert len(slow.result(PATIENCE)) == 3


def test_hooks_of_a_group_pass_each_others_gates(app: AppContext) -> None:
    """``dump_state`` and ``load_state`` may call another module of the same change."""
    hooks = """
async def dump_state(self): return {"seen": await self.app_context.get_service("OTHER").ping()}
async def load_state(self, state, version): self.seen = state["seen"]
async def ping(self): return "pong"
async def what(self): return self.seen
"""
    group = [
        (name, {"api.py": simple(hooks.replace("OTHER", other))}) for name, other in ("ab", "ba")
    ]
    app.load(group)
    app.load([(name, {"api.py": f"{text['api.py']}#"}) for name, text in group])
    assert [app.get_service(name).what().result(PATIENCE) for name in "ab"] == ["pong", "pong"]


def test_calls_that_do_not_end(
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage: SimpleNamespace,
) -> None:
    """If calls don't end in time the swap fails and names them, and the gate opens."""
    monkeypatch.setenv("MODFRAME_HANDOVER_TIMEOUT", "0.2")
    with modframe.start(workspace=workspace, data=":memory:") as app:
        app.load({"api.py": counter(0, SLOW, head=HEAD)}, id="counter")
        service = app.get_service("counter")
        slow = service.slow()
        assert stage.entered.wait(PATIENCE)
        with pytest.raises(LoadError, match=r"still inside generation 1 after 0.2 s: slow\(\)"):
            app.load({"api.py": counter(7)}, id="counter")
        assert service.add().result(PATIENCE) == 1
        stage.release.set()
        assert slow.result(PATIENCE) == 1001
        app.load({"api.py": counter(7)}, id="counter")
        assert service.add().result(PATIENCE) == 1002


def test_streams_are_not_waited_for(app: AppContext) -> None:
    """An open stream continues on the old generation, and the swap doesn't wait for it."""
    import asyncio

    ticks = "async def ticks(self):\n    while True:\n        yield self.count"
    app.load({"api.py": counter(0, ticks)}, id="counter")

    async def go() -> list[int]:
        stream = app.get_service("counter").ticks()
        counts = [await anext(stream)]
        await asyncio.to_thread(app.load, {"api.py": counter(7, ticks)}, id="counter")
        await app.get_service("counter").add(5)
        counts.append(await anext(stream))
        await stream.aclose()
        return counts

    assert asyncio.run(go()) == [0, 0]


def test_requests_wait_at_the_gate(app: AppContext, stage: SimpleNamespace, behind: Behind) -> None:
    """Requests wait during a hand-over as calls do, and none fails."""
    head = (
        HEAD
        + """
from fastapi import APIRouter
from core.app_context import app_context
router = APIRouter()

@router.post("/add")
async def add() -> int:
    return await app_context.get_service("counter").add()

@router.post("/slow")
async def slow() -> int:
    return await app_context.get_service("counter").slow()
"""
    )
    app.load({"api.py": counter(0, SLOW, head=head)}, id="counter")

    async def post(path: str) -> Any:
        async with app.test_client() as http:
            answer = await http.post(f"/api/v1/counter/{path}")
            return answer.status_code, answer.json()

    def ask(path: str) -> Any:
        return app.run(post(path))

    slow = behind(ask, "slow")
    assert stage.entered.wait(PATIENCE)
    swap = behind(app.load, {"api.py": counter(7, SLOW, head=head)}, id="counter")
    app.run(_until(lambda: gate_of(app, "counter") is not None))
    requests = [behind(ask, "add") for _ in range(4)]
    stage.release.set()
    swap.result(PATIENCE)
    assert slow.result(PATIENCE) == (200, 1000)
    assert sorted(request.result(PATIENCE) for request in requests) == [
        (200, n) for n in range(1001, 1005)
    ]


@pytest.mark.soak
def test_many_swaps_under_load_lose_no_update(app: AppContext) -> None:
    """Threads count during many swaps, and every count arrives once."""
    app.load({"api.py": counter(0)}, id="counter")
    service = app.get_service("counter")
    stop = threading.Event()
    counts: list[int] = []

    def count() -> None:
        mine = 0
        while not stop.is_set():
            service.add().result(PATIENCE)
            mine += 1
        counts.append(mine)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(30):
        app.load({"api.py": counter(number + 1)}, id="counter")
    stop.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert service.add(0).result(PATIENCE) == sum(counts)
