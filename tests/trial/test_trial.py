"""A module's own tests, run on a new generation before it goes live; through `app.load`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import linecache
import logging
import os
import pkgutil
import sys
import tempfile
import threading
import time
import warnings
import weakref
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import LoadError
from modframe.module import Module
from modframe.source import Source
from tests.fakes import ORDERS, simple


def tried(app: AppContext, tests: str, *, api: str = ORDERS, **more: str) -> Module:
    """The orders module with a file of tests, loaded behind the gate."""
    texts = {"api.py": api, "test_api.py": dedent(tests), **{k: dedent(v) for k, v in more.items()}}
    return app.load(texts, id="orders", test=True)


def red(app: AppContext, tests: str, *, api: str = ORDERS, **more: str) -> LoadError:
    """The error of a load whose tests must not pass."""
    with pytest.raises(LoadError) as caught:
        tried(app, tests, api=api, **more)
    assert caught.value.step == "test"
    return caught.value


def number(app: AppContext) -> int:
    return app.modules["orders"].generation


# -- red and green -----------------------------------------------------------------------------


def test_green_goes_live(app: AppContext) -> None:
    """Where all tests pass, what they passed on is live."""
    module = tried(app, "def test_it(service):\n    assert service.total().result() == 40\n")
    assert (module.state, module.generation) == ("LIVE", 1)
    assert module.error is None


def test_red_is_not_live(app: AppContext) -> None:
    """A failing test fails the swap; its error has the place and pytest's explanation."""
    app.load({"api.py": ORDERS}, id="orders")
    error = red(
        app,
        """
        def test_it(service):
            count = service.total().result()
            assert count == 41
        """,
        api=ORDERS.replace("= 40", "= 39"),
    )
    (finding,) = error.findings
    assert (finding.rule, finding.file, finding.line) == ("test-failed", "test_api.py", 4)
    assert finding.message == "test_it: assert 39 == 41"
    assert str(error) == (
        "standard.orders: test_api.py, line 4: test_it: assert 39 == 41\n"
        "Mend the module or its tests; nothing live has changed."
    )
    assert isinstance(error.__cause__, AssertionError)
    assert number(app) == 1
    assert app.get_service("orders").total().result() == 40
    assert app.modules["orders"].error is error


def test_the_tests_see_the_new_generation_and_nobody_else_does(app: AppContext) -> None:
    """Imports, at the top and in functions, service, client and context lead to what is tried."""
    app.load({"api.py": ORDERS}, id="orders")
    tried(
        app,
        """
        from core.app_context import app_context as mine
        from modules.standard.orders.api import Orders as same

        import modules.standard.orders.api as by_name
        from .api import Orders


        def test_imports(app_context):
            from modules.standard.orders.api import Orders as late
            from . import api

            assert Orders is same is late is by_name.Orders is api.Orders
            assert mine is app_context
            assert Orders().twice(1) == 3


        def test_sync(service, client):
            assert service.twice(1).result() == 3
            assert client.get("/api/v1/orders/total").json() == {"total": 43}
            assert client.get("/api/v1/orders/nope").status_code == 404
            assert client.get("/health/live").status_code == 200


        async def test_async(service, client, app_context):
            assert await service.twice(1) == 3
            assert await app_context.get_service("orders").twice(1) == 3
            assert (await client.get("/api/v1/orders/total")).json() == {"total": 43}


        def test_the_live_one_answers_on():
            import modframe.app

            assert modframe.app.current_app().get_service("orders").twice(1).result() == 2
        """,
        api=ORDERS.replace("= 40", "= 41").replace("2 * number", "3 * number"),
    )
    assert app.get_service("orders").twice(1).result() == 3


def test_what_pytest_offers(app: AppContext) -> None:
    """Fixtures, conftest, classes, marks, parameters, monkeypatch and tmp_path work."""
    outcome = load_outcome(
        app,
        {
            "api.py": ORDERS,
            "conftest.py": """
                import pytest

                @pytest.fixture
                def base():
                    return 1
            """,
            "tests/conftest.py": """
                import pytest

                @pytest.fixture
                async def prepared(service, base):
                    yield base + await service.total()
                    assert await service.total() == 40

                @pytest.fixture
                async def simple(base):
                    return base
            """,
            "tests/helpers.py": "def double(n):\n    assert n != 13\n    return 2 * n\n",
            "tests/test_deep.py": """
                import asyncio
                import logging
                import unittest

                import pytest

                from ..api import app_context as context
                from .helpers import double

                @pytest.mark.parametrize("n", [1, 2, 3])
                def test_numbers(n, base):
                    assert double(n) == n + n

                @pytest.mark.slow
                @pytest.mark.skip(reason="not today")
                def test_skipped():
                    raise AssertionError

                @pytest.mark.xfail(strict=True)
                def test_expected():
                    assert False

                class TestClass:
                    @pytest.fixture
                    async def mark(self):
                        self.mark = 3

                    def setup_method(self):
                        self.ready = True

                    async def test_method(self, mark, prepared, simple):
                        assert (self.ready, self.mark, prepared, simple) == (True, 3, 41, 1)

                class TestOld(unittest.TestCase):
                    def test_old(self):
                        self.assertEqual(double(1), 2)

                def test_files(tmp_path, request):
                    (tmp_path / "a").write_text("b")

                def test_logs(caplog):
                    logging.getLogger("x").warning("tea is out")
                    context.get_logger().warning("coffee too")
                    assert "tea is out" in caplog.text

                def test_output(capsys):
                    print("seen")
                    assert capsys.readouterr().out == "seen\\n"

                def test_warnings(recwarn):
                    import warnings
                    with pytest.warns(UserWarning, match="careful"):
                        warnings.warn("careful")

                @pytest.mark.filterwarnings("error")
                def test_filter():
                    import warnings
                    with pytest.raises(UserWarning):
                        warnings.warn("now an error")
            """,
        },
    )
    assert str(outcome.tests) == "10 tests passed, 1 skipped, 1 failed as expected"
    assert " · 10 tests passed, 1 skipped" in str(outcome)


def test_what_skips_itself_is_no_failure(app: AppContext) -> None:
    """A file may skip itself, and so may every test: nothing is red."""
    texts = {"api.py": ORDERS, "test_api.py": "import pytest\npytest.importorskip('nowhere')\n"}
    assert str(load_outcome(app, texts).tests) == "0 tests passed, 1 skipped"


def load_outcome(app: AppContext, texts: dict[str, str]) -> Any:
    """The outcome of a draft that is tried behind the gate."""
    from modframe.source import SourceFile

    for file, text in texts.items():
        app.draft("orders", file, SourceFile(dedent(text), f"<{file}>"))
    return app.try_draft("orders", test=True)


def test_names_in_texts_mean_what_is_tried(app: AppContext) -> None:
    """monkeypatch and mock.patch by name change the generation under test, never the live one."""
    app.load({"api.py": ORDERS + "\nRATE = 1\n"}, id="orders")
    before: Any = app._engine.find("standard.orders")
    live = before.package.modules()["api.py"]
    import modules.standard.orders.api as plain  # the plain name is taken already

    assert plain.RATE == 1
    tried(
        app,
        """
        from unittest import mock

        import modframe.app
        from . import api


        def live():
            return modframe.app.current_app()._engine.find("standard.orders").package.modules()["api.py"]


        def test_monkeypatch(monkeypatch):
            monkeypatch.setattr("modules.standard.orders.api.RATE", 5)
            assert (api.RATE, live().RATE) == (5, 1)
            monkeypatch.delattr("modules.standard.orders.api.RATE")
            assert not hasattr(api, "RATE")


        @mock.patch("modules.standard.orders.api.RATE", 7)
        def test_mock():
            assert (api.RATE, live().RATE) == (7, 1)


        def test_afterwards():
            assert api.RATE == 2
        """,
        api=ORDERS + "\nRATE = 2\n",
    )
    assert live.RATE == 1


def test_other_modules_are_those_of_the_change(app: AppContext) -> None:
    """Modules loaded together are tested with each other's new generation, all or none."""
    stock = simple("async def left(self):\n    return LEFT", head="LEFT = 1", name="Stock")
    app.load([("stock", {"api.py": stock}), ("orders", {"api.py": ORDERS})])
    tests = """
        async def test_left(app_context):
            from modules.standard.stock import api
            assert api.LEFT == 2
            assert await app_context.get_service("stock").left() == 2
    """
    change = [
        (
            "stock",
            {"api.py": stock.replace("LEFT = 1", "LEFT = 2"), "test_a.py": "def test_a(): pass"},
        ),
        ("orders", {"api.py": ORDERS, "test_api.py": dedent(tests)}),
    ]
    app.load(change, test=True)
    assert app.get_service("stock").left().result() == 2
    change[0][1]["test_a.py"] = "def test_a(): assert 0"
    with pytest.raises(LoadError, match=r"standard.stock: test_a.py, line 1: test_a: assert 0"):
        app.load(change, test=True)
    assert [app.modules[one].generation for one in ("stock", "orders")] == [2, 2]


def test_those_that_import_from_it_are_tried_as_well(app: AppContext) -> None:
    """A module that is rebuilt with the one given must pass its tests too, if it has any."""
    base = simple("pass", head="LIMIT = 3", name="Base")
    user = simple("pass", head="from modules.standard.base.api import LIMIT", name="User")
    app.load({"api.py": base, "test_b.py": "def test_b(): pass"}, id="base")
    tests = "from ..api import LIMIT\ndef test_limit(): assert LIMIT < 10\n"
    app.load({"api.py": user, "tests/test_u.py": tests}, id="user")
    with pytest.raises(LoadError, match=r"standard.user: tests/test_u.py, line 2.*assert 30 < 10"):
        app.load(
            {"api.py": base.replace("= 3", "= 30"), "test_b.py": "def test_b(): pass"},
            id="base",
            test=True,
        )
    assert app.modules["base"].generation == 1
    app.load({"api.py": base + "\n", "test_b.py": "def test_b(): pass"}, id="base", test=True)
    assert [app.modules[one].generation for one in ("base", "user")] == [2, 2]


def test_equal_text_is_tried_again(app: AppContext) -> None:
    """Loading the same text behind the gate runs its tests: what passed is what is live."""
    for expected in (1, 2):
        assert tried(app, "def test_it(): pass").generation == expected


def test_without_the_gate_tests_are_only_text(app: AppContext) -> None:
    """Tests are not run unless they are asked for."""
    app.load({"api.py": ORDERS, "test_api.py": "def test_it(): assert 0"}, id="orders")
    assert number(app) == 1


STORE = """
from core.app_context import app_context
from core.database import get_database_base
from fastapi import APIRouter
from modframe.decorators import module
from sqlalchemy import Column, Integer, func, select

DATABASE_NAME = "store"
Base = get_database_base(DATABASE_NAME)
router = APIRouter()


class Row(Base):
    __tablename__ = "rows"
    id = Column(Integer, primary_key=True)


@router.post("/rows")
async def add() -> int:
    return await app_context.get_service("store").add()


@module
class Store:
    async def initialize(self):
        await self.add()

    async def add(self) -> int:
        async with app_context.database.integrity_session("store", "add") as session:
            session.add(Row())
            await session.commit()
            return (await session.execute(select(func.count()).select_from(Row))).scalar_one()
"""


def test_what_tests_store_is_not_kept(app: AppContext) -> None:
    """Tests write to databases of their own, in memory and empty at first; nothing live changes."""
    other = simple(
        "async def add(self):\n    return await app_context.get_service('store').add()",
        head="from core.app_context import app_context",
        arguments="requires=['store']",
    )
    app.load([("store", {"api.py": STORE}), ("other", {"api.py": other})])
    tests = """
        def test_sync(service, client):
            assert service.add().result() == 1
            assert client.post("/api/v1/store/rows").json() == 2

        async def test_async(service, client, app_context):
            assert (await client.post("/api/v1/store/rows")).json() == 3
            assert await app_context.get_service("other").add() == 4
    """
    app.load({"api.py": STORE + "\n", "test_it.py": dedent(tests)}, id="store", test=True)
    rows = app.database.sql("select count(*) as n from store.rows").rows
    assert [list(row.values()) if isinstance(row, dict) else list(row) for row in rows] == [[2]]
    assert app.get_service("store").add().result() == 3


# -- red, in all its kinds ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tests", "rule", "line", "said"),
    [
        ("import nowhere\ndef test_it(): pass", "test-import", 1, "No module named 'nowhere'"),
        ("from .nowhere import x\ndef test_it(): pass", "test-import", 1, "No module named 'modules.standard.orders.nowhere'"),
        ("def test_it(: pass", "test-import", 1, "invalid syntax"),
        ("x = 1", "no-tests", 0, "there is no test in test_api.py"),
        ("def test_it(servce): pass", "test-failed", 1, "test_it, in its setup: there is no fixture 'servce'. Did you mean 'service'?"),
        ("def test_it(service):\n    service.boom().result()", "test-failed", 2, "test_it: ValueError: no such order"),
        ("async def test_it(service):\n    await service.boom()", "test-failed", 2, "test_it: ValueError: no such order"),
        ("import pytest\n@pytest.fixture\ndef bad():\n    yield\n    1 / 0\ndef test_it(bad): pass", "test-failed", 5, "test_it, in its teardown: ZeroDivisionError"),
        ("import pytest\n@pytest.mark.xfail(strict=True)\ndef test_it(): pass", "test-failed", 2, r"\[XPASS\(strict\)\]"),
        ("import pytest\ndef test_it(): pytest.fail('not good')", "test-failed", 2, "test_it: not good"),
        ("class TestX:\n    def test_it(self): raise SystemExit(3)", "test-failed", 2, "TestX.test_it: SystemExit: 3"),
        ("def test_it(subtests):\n    with subtests.test('one'):\n        assert 1 == 2", "test-failed", 3, "test_it: assert 1 == 2"),
        ("import unittest\nclass TestX(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(1, 2)", "test-failed", 4, "TestX.test_it: AssertionError: 1 != 2"),
        ("def test_it(): raise KeyboardInterrupt", "test-failed", 1, "test_it: KeyboardInterrupt ended the run"),
        ("import pytest\ndef test_it(): pytest.exit('enough')", "test-failed", 2, "Exit ended the run of the tests: enough"),
        ("async def test_it(): raise KeyboardInterrupt", "test-failed", 1, "test_it: .*KeyboardInterrupt"),
        ("import asyncio\nasync def test_it(): raise asyncio.CancelledError", "test-failed", 2, "test_it: .*Cancel"),
        ("def test_a(): assert {'a': 1} == {'a': 2}", "test-failed", 1, r"test_a: assert {'a': 1} == {'a': 2}"),
    ],
)  # fmt: skip
def test_every_kind_of_failure_is_said(
    app: AppContext, tests: str, rule: str, line: int, said: str
) -> None:
    """Whatever is wrong with tests is a finding with its rule, its line and what happened."""
    app.load({"api.py": ORDERS}, id="orders")
    error = red(app, tests)
    assert (error.findings[0].rule, error.findings[0].line) == (rule, line), error
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(str(error))
    assert number(app) == 1
    tried(app, "def test_it(service):\n    assert service.total().result() == 40\n")
    assert number(app) == 2


def test_a_broken_conftest_is_said(app: AppContext) -> None:
    """A conftest that can't be imported is named with its line."""
    error = red(app, "def test_it(): pass", **{"conftest.py": "x = 1\n1 / 0\n"})
    assert (error.file, error.line) == ("conftest.py", 2)
    assert "ZeroDivisionError" in str(error)


def test_tests_that_were_not_run_are_not_green(app: AppContext) -> None:
    """A conftest that ends the run early does not let the rest pass."""
    conftest = """
        def pytest_runtest_logfinish(nodeid, location):
            SESSION[0].shouldstop = "enough"

        SESSION = []

        def pytest_sessionstart(session): pass

        def pytest_collection_finish(session):
            SESSION.append(session)
    """
    tests = "def test_a(): pass\ndef test_b(): pass\ndef test_c(): pass\n"
    error = red(app, tests, **{"conftest.py": conftest})
    assert "test_b: 2 tests were not run, this one first" in str(error)


def test_no_tests_at_all(app: AppContext) -> None:
    """Asking for tests of a module that has none is an error that says where they belong."""
    with pytest.raises(
        LoadError, match=r"standard.orders: the module has no tests. Write functions called test_"
    ):
        app.load({"api.py": ORDERS}, id="orders", test=True)
    assert app.modules["orders"].state == "FAILED"


def test_fifty_failures_stay_readable(app: AppContext) -> None:
    """Every failed test is a finding; the text has one line for each of the first twenty."""
    error = red(
        app,
        """
        import pytest

        @pytest.mark.parametrize("n", range(50))
        def test_n(n):
            assert {"a": n} == {"a": n + 1}
        """,
    )
    assert len(error.findings) == 50
    lines = str(error).splitlines()
    assert lines[0] == "standard.orders: 50 faults"
    assert lines[1] == "  - test_api.py, line 6: test_n[0]: assert {'a': 0} == {'a': 1}"
    assert lines[21] == "  - and 30 more, which its .findings hold"
    assert len(lines) == 23


def test_without_pytest_the_extra_is_named(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where pytest is not installed, the error says how to get it."""
    for name in [one for one in sys.modules if one.startswith("modframe.trial.")]:
        if name.rpartition(".")[2] not in ("trial", "subject", "surroundings", "verdict"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pytest", None)
    with pytest.raises(
        LoadError, match=r"pytest is not installed. Pip install 'modframe\[pytest\]'"
    ):
        tried(app, "def test_it(): pass")


HANGING = f"""{ORDERS}
    async def hang(self):
        import asyncio
        await asyncio.sleep(3600)
"""
HOLD = threading.Event()
"""What a test waits for that can't be interrupted."""


# -- time --------------------------------------------------------------------------------------


@pytest.fixture
def impatient(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An app whose tests have a second and a half."""
    monkeypatch.setenv("MODFRAME_TEST_TIMEOUT", "1.5")
    HOLD.clear()
    with modframe.start(workspace=workspace, data=":memory:") as app:
        yield app
    HOLD.set()
    for thread in runs():
        thread.join(30)


@pytest.mark.parametrize(
    ("tests", "line", "state"),
    [
        ("import asyncio\nasync def test_slow():\n    await asyncio.sleep(3600)\n", 3, "was ended"),
        ("def test_slow():\n    while True:\n        x = 1\n", 0, "was ended"),
        (f"import sys\ndef test_slow():\n    sys.modules[{__name__!r}].HOLD.wait(60)\n", 3, "was left behind"),
        ("def test_slow(service):\n    service.hang().result()\n", 2, "was ended"),
        (
            "import asyncio\nasync def test_slow():\n    while True:\n        try:\n            await asyncio.sleep(3600)\n"
            "        except asyncio.CancelledError:\n            pass\n",
            5,
            "was left behind|was ended",
        ),
    ],
)  # fmt: skip
def test_a_hanging_test_is_named(impatient: AppContext, tests: str, line: int, state: str) -> None:
    """A test that hangs ends the run in bounded time; nothing went live, and the next run works."""
    app = impatient
    began = time.monotonic()
    error = red(app, f"{tests}\ndef test_after(): pass\n", api=HANGING)
    assert time.monotonic() - began < 20
    (finding,) = error.findings
    assert finding.rule == "test-overdue"
    assert not line or finding.line == line
    with pytest.raises(AssertionError, match=f"test_slow: is not done after the 1.5 s.*({state})"):
        raise AssertionError(str(error))
    assert (
        tried(app, "def test_it(service):\n    assert service.total().result() == 40\n").state
        == "LIVE"
    )


def test_stopping_the_app_ends_a_run(app: AppContext) -> None:
    """A run under way does not hold up app.stop()."""
    started = threading.Event()
    holder: list[BaseException] = []
    sys.modules[__name__].__dict__["STARTED"] = started
    tests = f"""
        import asyncio, sys

        async def test_slow():
            sys.modules[{__name__!r}].STARTED.set()
            await asyncio.sleep(3600)
    """

    def load() -> None:
        try:
            tried(app, tests)
        except BaseException as error:
            holder.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    assert started.wait(30)
    app.stop()
    thread.join(30)
    assert "is being stopped" in str(holder[0])


def test_two_at_a_time_take_turns(app: AppContext) -> None:
    """Unrelated modules that are loaded at once are both tried."""

    async def both() -> None:
        sources = [
            Source.from_texts(
                f"standard.m{n}",
                {"api.py": simple("pass"), "test_it.py": f"def test_{n}(tmp_path): pass"},
            )
            for n in range(4)
        ]
        change, make = app._engine.swap.change, app._engine.trials.make
        outcomes = await asyncio.gather(
            *(change([one], trial=make([one.module_id])) for one in sources)
        )
        assert [str(outcome.tests) for (outcome,) in outcomes] == ["1 test passed"] * 4

    app.run(both())


def runs() -> list[threading.Thread]:
    """The threads that tests run on."""
    return [one for one in threading.enumerate() if one.name == "modframe-test"]


# -- what is left ------------------------------------------------------------------------------


def surroundings(*, at_rest: bool = True) -> dict[str, Any]:
    """What a run may not change in its process."""
    for thread in runs() if at_rest else ():
        thread.join(30)  # it has said that it is done, and is about to end
    return {
        "path": list(sys.path),
        "meta": list(map(id, sys.meta_path)),
        "modules": sorted(one for one in sys.modules if "~" in one),
        "filters": (id(warnings.filters), list(warnings.filters), warnings.showwarning),
        "handlers": list(logging.getLogger().handlers),
        "environment": {k: v for k, v in os.environ.items() if k.startswith("PYTEST_")},
        "cwd": os.getcwd(),
        "hooks": (sys.excepthook, sys.unraisablehook, threading.excepthook, sys.displayhook),
        "streams": (sys.stdout, sys.stderr, sys.stdin, pkgutil.resolve_name),
        "left": sorted(Path(tempfile.gettempdir()).glob("modframe-test-*")),
        "last": getattr(sys, "last_value", None),
        "threads": runs(),
    }


def test_the_process_is_as_it_was(app: AppContext) -> None:
    """Neither green nor red tests change paths, modules, filters, handlers, hooks or files."""
    app.load({"api.py": ORDERS}, id="orders")
    before = surroundings()
    texts = {
        "api.py": ORDERS,
        "tests/test_it.py": "import os, sys\ndef test_it(tmp_path):\n    os.chdir(tmp_path)\n    sys.path.append('/x')\n    assert 0",
    }
    with contextlib.suppress(LoadError):
        app.load(texts, id="orders", test=True)
    assert surroundings() == before
    texts["tests/test_it.py"] = texts["tests/test_it.py"].replace("assert 0", "assert 1")
    app.load(texts, id="orders", test=True)
    app.run(app._engine.swap.settled())
    after = surroundings()
    before["modules"] = [one.replace("orders~1", "orders~2") for one in before["modules"]]
    assert after == before
    assert not list(Path.cwd().rglob("*pytest*"))
    assert not list(Path.cwd().rglob("__pycache__"))


def test_a_left_behind_run_leaves_the_process_as_it_was(impatient: AppContext) -> None:
    """Also where a test could not be ended."""
    before = surroundings()
    tests = f"import sys\ndef test_slow(caplog):\n    sys.modules[{__name__!r}].HOLD.wait(60)\n"
    red(impatient, tests)
    meanwhile = surroundings(at_rest=False)
    assert len(meanwhile["threads"]) == 1
    assert {**meanwhile, "threads": [], "left": before["left"]} == before
    HOLD.set()
    assert surroundings() == before


def test_the_files_of_a_user_say_nothing(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pytest.ini, conftest.py or PYTEST_ADDOPTS outside of the module has a say."""
    Path("pytest.ini").write_text("[pytest]\naddopts = --nonsense\n")
    Path("conftest.py").write_text("raise RuntimeError('outside')\n")
    Path("modules/standard/orders").mkdir(parents=True)
    Path("modules/conftest.py").write_text("raise RuntimeError('outside')\n")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--more-nonsense")
    assert tried(app, "def test_it(): pass").state == "LIVE"


def test_a_folder_module_is_tried(app: AppContext) -> None:
    """Tests in a module's folder are run from there; data files are found beside them."""
    folder = Path("modules/standard/orders")
    (folder / "tests").mkdir(parents=True)
    (folder / "api.py").write_text(ORDERS)
    (folder / "tests/data.txt").write_text("40")
    (folder / "tests/test_orders.py").write_text(
        "from pathlib import Path\n\ndef test_it(service):\n"
        "    assert service.total().result() == int((Path(__file__).parent / 'data.txt').read_text())\n"
    )
    assert app.load("orders", test=True).state == "LIVE"
    (folder / "tests/data.txt").write_text("41")
    with pytest.raises(LoadError, match=r"tests/test_orders.py, line 4: test_it: assert 40 == 41"):
        app.load("orders", test=True)
    assert not list(folder.rglob("__pycache__"))


def test_tasks_of_tests_end_with_them(app: AppContext) -> None:
    """What tests start and forget does not go live with the module."""
    tried(
        app,
        """
        import asyncio

        async def test_it(service):
            task = asyncio.create_task(asyncio.sleep(3600))
            asyncio.create_task(forever(), name="forgotten")

        async def forever():
            await asyncio.sleep(3600)
        """,
    )
    generation: Any = app._engine.find("standard.orders")
    assert "forgotten" not in app.snapshot().to_json()
    assert [file for file in generation.package.modules() if "test" in file] == []


@pytest.mark.parametrize("green", [True, False])
def test_nothing_of_a_generation_that_was_tried_stays(
    app: AppContext, caplog: pytest.LogCaptureFixture, green: bool
) -> None:
    """A generation that was tested can be collected once it is replaced, or refused."""
    kept: list[weakref.ref[Any]] = []
    lines = set(linecache.cache)
    caplog.set_level(100, "modframe.modules")  # this pytest would keep the failure's record
    sys.modules[__name__].__dict__["KEPT"] = kept
    tests = f"""
        import sys, weakref
        import pytest
        from .api import Orders

        @pytest.fixture
        async def thing(service, client):
            yield Orders()

        def test_it(thing, client, monkeypatch, caplog, tmp_path):
            sys.modules[{__name__!r}].KEPT += [weakref.ref(Orders), weakref.ref(thing), weakref.ref(test_it)]
            client.get("/api/v1/orders/total")
            assert {green}

        async def test_other(thing, client):
            await client.get("/api/v1/orders/total")
    """
    if green:
        tried(app, tests)
    else:
        red(app, tests)
    app.load({"api.py": ORDERS + "\n"}, id="orders")
    app.run(app._engine.swap.settled())
    gc.collect()
    gc.collect()
    assert len(kept) == 3
    assert [one() for one in kept if one() is not None] == []
    if green:
        assert not {one for one in linecache.cache if "standard.orders test" in one} - lines
