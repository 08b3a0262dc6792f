"""All kinds of failing tests: nothing goes live, and the error says why."""

from __future__ import annotations

import sys

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError
from tests.fakes import ORDERS

from .orders import number, red, tried


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
    """Each fault of tests is a finding with its rule, its line and what happened."""
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
    """If a conftest ends the run early, the tests that did not run fail the load."""
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
    """Requiring tests of a module without any is an error that says where to write them."""
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
    """Without pytest, the error says how to install it."""
    for name in [one for one in sys.modules if one.startswith("modframe.trial.")]:
        if name.rpartition(".")[2] not in ("trial", "subject", "surroundings", "verdict"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pytest", None)
    with pytest.raises(
        LoadError, match=r"pytest is not installed. Pip install 'modframe\[pytest\]'"
    ):
        tried(app, "def test_it(): pass")
