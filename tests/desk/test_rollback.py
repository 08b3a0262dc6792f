"""`Module.history` and `Module.rollback`: what was live, and the way back as a swap like any other."""

from __future__ import annotations

import inspect
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import modframe
from modframe.app import AppContext
from modframe.desk.history import KEPT
from modframe.errors import ContractError, LoadError, ModframeError, SupersededError
from tests import inside
from tests.fakes import simple


def text(number: int, *, more: str = "") -> str:
    """A module that answers a number."""
    return simple(f"async def number(self):\n    return {number}\n{more}", name="Numbers")


def answer(app: AppContext, name: str = "numbers") -> int:
    """What the live generation answers."""
    found: int = app.get_service(name).number().result()
    return found


@pytest.fixture
def keeping(workspace: Path) -> Iterator[AppContext]:
    """An app with a data folder."""
    running = modframe.start(workspace=workspace)
    yield running
    running.stop()


def load(app: AppContext, *numbers: int) -> modframe.Module:
    """Load texts one after the other."""
    for number in numbers:
        app.load({"api.py": text(number)}, id="numbers")
    return app.modules["numbers"]


def test_history_has_what_went_live_newest_last(app: AppContext) -> None:
    """Failures and equal texts are no entries."""
    module = load(app, 1, 2)
    with pytest.raises(LoadError):
        app.load({"api.py": "1 / 0\n"}, id="numbers")
    load(app, 2)
    assert [(one.generation, one.outcome.split(" · ")[0]) for one in module.history] == [
        (1, "standard.numbers 1"),
        (2, "standard.numbers 1 → 2"),
    ]
    assert app.snapshot().module("standard.numbers").outcome == module.history[-1].outcome  # type: ignore[union-attr]


def test_rollback_is_a_swap_to_the_previous_different_source(app: AppContext) -> None:
    """It takes a new number, says so in the history, and twice is there and back."""
    module = load(app, 1, 2)
    module.reload()
    assert module.rollback() is not None
    assert (answer(app), module.generation) == (1, 4)
    assert module.history[-1].outcome.startswith("rollback to 1 · standard.numbers 3 → 4 · live in")
    module.rollback()
    assert (answer(app), module.generation) == (2, 5)


def test_rollback_to_a_generation_or_an_entry(app: AppContext) -> None:
    """A number of this run and an entry of the history both say which."""
    module = load(app, 1, 2, 3)
    module.rollback(1)
    assert answer(app) == 1
    module.rollback(module.history[1])
    assert answer(app) == 2
    module.rollback(to=2)
    assert (answer(app), module.generation) == (2, 5)


def test_the_draft_is_the_text_that_was_rolled_back_to(app: AppContext) -> None:
    """What a cell had broken meanwhile is out of the draft."""
    module = load(app, 1, 2)
    app.draft("numbers", "api.py", modframe.source.SourceFile("1 / 0\n", "<a cell>"))
    with pytest.raises(LoadError):
        app.try_draft("numbers")
    module.rollback()
    assert module.error is None
    draft = app.draft("numbers", "more.py", modframe.source.SourceFile("x = 1\n", "<a cell>"))
    assert draft.texts == {"api.py": text(1), "more.py": "x = 1\n"}


def test_where_there_is_nothing_to_go_back_to_it_says_what_there_is(app: AppContext) -> None:
    """Unknown generations, other modules' entries and values that are none are told apart."""
    module = load(app, 1)
    with pytest.raises(
        ModframeError, match=r"no other source to roll back to\. Its history has only what is live"
    ):
        module.rollback()
    with pytest.raises(ModframeError, match=r"had no generation 7 in this run.*There are: 1;"):
        module.rollback(7)
    with pytest.raises(ModframeError, match=r"'1' is nothing to roll back to"):
        module.rollback("1")  # type: ignore[arg-type]
    app.load({"api.py": text(1)}, id="other")
    with pytest.raises(ModframeError, match=r"is no entry of standard\.other's history"):
        app.modules["other"].rollback(module.history[0])
    assert module.generation == 1


def test_a_rollback_that_fails_changes_nothing(app: AppContext) -> None:
    """What is live stays, and the draft as well."""
    api = "import os\n" + simple(
        "async def initialize(self):\n    if os.environ.get('BROKEN'):\n        raise ValueError('broken')\n"
        "async def number(self):\n    return 1"
    )
    app.load({"api.py": api}, id="numbers")
    module = load(app, 2)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("BROKEN", "1")
        with pytest.raises(LoadError, match="broken"):
            module.rollback()
    assert (answer(app), module.generation) == (2, 2)
    assert len(module.history) == 2


def test_a_rollback_keeps_to_the_contract(app: AppContext) -> None:
    """What a live module uses is not taken away by going back either, unless that is forced."""
    load(app, 1)
    app.load({"api.py": text(2, more="async def more(self):\n    return 1")}, id="numbers")
    user = "async def ask(self):\n    return await self.app_context.get_service('numbers').more()"
    app.load({"api.py": simple(user, arguments='requires=["numbers"]')}, id="user")
    module = app.modules["numbers"]
    with pytest.raises(ContractError, match=r"more\(\) is gone.*standard\.user"):
        module.rollback()
    module.rollback(force=True)
    assert answer(app) == 1


def test_an_unloaded_module_comes_back(app: AppContext) -> None:
    """Where nothing is live, a rollback brings what was live last."""
    module = load(app, 1, 2)
    module.unload()
    module.rollback()
    assert (module.state, answer(app)) == ("LIVE", 2)


def test_earlier_runs_are_there(keeping: AppContext, workspace: Path) -> None:
    """A workspace keeps its sources; they come back with text that `inspect` finds."""
    load(keeping, 1, 2)
    keeping.stop()
    app = modframe.start(workspace=workspace, modules=[])
    module = load(app, 3)
    assert [one.generation for one in module.history] == [1, 2, 1]
    entry = module.history[0]
    module.rollback(entry)
    assert answer(app) == 1
    assert module.history[-1].outcome.startswith(f"rollback to 1 of run {entry.run} · ")
    cls = type(inside.generation(app, "numbers").module)
    assert inspect.getsource(cls) in text(1)
    assert "return 1" in inspect.getsource(cls.number)
    app.stop()


@pytest.mark.parametrize("many", [1, KEPT + 5])
def test_what_another_process_made_live_since_is_not_gone_back_to(
    keeping: AppContext, workspace: Path, many: int
) -> None:
    """Two processes on the same data: each goes there and back between what it had itself."""
    module = load(keeping, 1, 2)
    meanwhile = "import modframe\nfrom tests.desk.test_rollback import load\n"
    meanwhile += f"with modframe.start(modules=[]) as app:\n    load(app, *range(3, {3 + many}))\n"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", meanwhile],
        cwd=workspace, env={**os.environ, "PYTHONPATH": str(root)}, check=False, timeout=60,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert module.history[-1].generation == many
    for number in (1, 2, 1):
        module.rollback()
        assert answer(keeping) == number


def test_a_start_that_keeps_nothing_makes_no_file(keeping: AppContext, workspace: Path) -> None:
    """The framework's own modules are not the workspace's."""
    keeping.stop()
    assert not (workspace / "data").exists()


def test_what_leaked_is_added_when_the_old_generation_was_closed(
    keeping: AppContext, workspace: Path
) -> None:
    """The account of a swap and the entry of what it replaced say what would not settle."""
    body = (
        "async def number(self):\n    return 1\n"
        "async def end(self):\n    raise ValueError('stuck')\n"
    )
    head = "from modframe.decorators import graceful_shutdown, force_shutdown"
    leaking = simple(body, head=head).replace(
        "@module",
        "@force_shutdown(method='end', timeout=1)\n@graceful_shutdown(method='end', timeout=1)\n@module",
    )
    keeping.load({"api.py": leaking}, id="numbers")
    source = modframe.source.Source.from_texts("standard.numbers", {"api.py": text(2)})

    async def swap() -> modframe.runtime.change.outcome.Outcome:
        (outcome,) = await inside.change(keeping, source)
        await inside.settled(keeping)
        return outcome

    outcome = keeping.run(swap())
    assert outcome.account.settled
    (left,) = outcome.account.leaked
    assert "stuck" in left
    assert f"leaked {left}" in str(outcome.account)
    module = keeping.modules["numbers"]
    assert [one.leaked for one in module.history] == [(left,), ()]
    keeping.stop()
    with sqlite3.connect(workspace / "data" / "history.sqlite") as connection:
        (kept,) = connection.execute("SELECT leaked FROM entries ORDER BY id LIMIT 1").fetchone()
    connection.close()
    assert "stuck" in kept


def test_the_account_says_what_was_executed_kept_rebuilt_and_dropped(app: AppContext) -> None:
    """As data and as one line; the cell's line has only what is not always so."""
    head = "from fastapi import APIRouter\nrouter = APIRouter()\n@router.get('/old')\ndef old(): pass\n"
    api = simple(
        "async def number(self):\n    return 1\nasync def total(self):\n    return 2", head=head
    )
    app.load({"api.py": api, "extra.py": "x = 1\n"}, id="numbers")
    importer = "from modules.standard.numbers.api import router as other"
    app.load({"api.py": simple(head=importer)}, id="importer")
    app.load({"api.py": simple(arguments='requires=["numbers"]')}, id="caller")
    changed = api.replace("'/old'", "'/new'").replace("def total", "def sum")
    source = modframe.source.Source.from_texts("standard.numbers", {"api.py": changed})
    outcome, rebuilt = app.run(inside.change(app, source))
    account = outcome.account
    assert (account.executed, account.rebuilt, account.kept) == (
        ("api.py",),
        ("standard.importer",),
        ("standard.caller",),
    )
    assert account.dropped == ("GET /old", "total()", "extra.py")
    assert str(outcome).endswith(
        "1 route · dropped GET /old, total(), extra.py · rebuilt standard.importer with it"
    )
    assert str(account).startswith(
        "re-executed api.py, standard.importer; kept standard.caller; "
        "dropped GET /old, total(), extra.py; leaked "
    )
    assert rebuilt.account.dropped == ()


def test_loads_plans_and_rollbacks_at_once_end_in_one_of_the_texts(app: AppContext) -> None:
    """Whatever meets, each verb succeeds or says why, and nothing but what is live stays behind."""
    module = load(app, 1, 2, 3)
    wrong: list[BaseException] = []

    def work(verb: Callable[[int], object]) -> None:
        for number in range(5):  # few enough for the history to keep them all
            try:
                verb(number)
            except SupersededError:
                continue
            except BaseException as error:  # what isn't expected fails the test below
                wrong.append(error)

    verbs: list[Callable[[int], object]] = [
        lambda number: load(app, number),
        lambda number: app.plan({"api.py": text(number % 5)}, id="numbers"),
        lambda number: module.rollback(),
        lambda number: module.rollback(1 + number % 3),
    ]
    threads = [threading.Thread(target=work, args=(verb,)) for verb in verbs]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert wrong == []
    inside.settle(app)
    live = module.source
    assert live is not None
    assert live.texts["api.py"] == text(answer(app))
    assert module.history[-1].digest == live.digest
    prefix = "modules.standard.numbers~"
    packages = {name.split(".api")[0] for name in sys.modules if name.startswith(prefix)}
    assert packages == {f"{prefix}{module.generation}"}


def test_the_history_does_not_wait_for_the_app_loop(app: AppContext) -> None:
    """While a handler blocks the loop, the newest entry can be read already."""
    body = """
    async def block(self, entered, leave):
        entered.set()
        leave.wait(30)
    """
    entered, leave = threading.Event(), threading.Event()
    app.load({"api.py": simple(body)}, id="thing")
    service = app.get_service("thing")
    app.load({"api.py": f"{simple(body)}\n# changed"}, id="thing")
    call = service.block(entered, leave)
    try:
        assert entered.wait(30)
        assert [entry.generation for entry in app.modules["thing"].history] == [1, 2]
        assert not call.done()
    finally:
        leave.set()
    call.result()
