"""`Reports`: what pytest says of each test → counts and failures, each with its place.

A plugin of the trial's pytest session; the trial reads it when the session is over, or given up.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Generator
from typing import Any, Literal

import pytest

from ..errors import ModframeError
from ..load.text import is_code
from ..names import plain_names
from ..runtime.change.outcome import Passed
from ..wording import count, near
from .subject import Failure, Subject

_OF_HANDLES = re.compile(r" \+ +(where|and) .*(<Call |<method |<service |= result\(\)$)")
"""Lines of an explanation that say only how a handle was called."""
_FIXTURE = "Define it with @pytest.fixture, in the file or in a conftest.py"
Ended = Literal["passed", "skipped", "expected"]


class Reports:
    """What came of the tests.

    Attributes:
        failures: What failed, in the order it did.
        current: The test that runs at the moment, or the last one that did.
        stopped: Whether the trial has ended the run; what that raises is no failure of its own.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._ended: dict[str, Ended] = {}
        self._collected: dict[str, str] = {}
        self.failures: list[Failure] = []
        self.current = ""
        self.stopped = False

    @property
    def passed(self) -> Passed:
        """The counts of a run without failures."""
        ends = list(self._ended.values())
        return Passed(ends.count("passed"), ends.count("skipped"), ends.count("expected"))

    @property
    def none(self) -> bool:
        """Whether there was no test at all."""
        return not self._ended and not self.failures

    def refuse_unrun(self) -> None:
        """A run without failures that left tests out is none that they passed."""
        unrun = [name for nodeid, name in self._collected.items() if nodeid not in self._ended]
        if unrun and not self.failures:
            text = f"{count(len(unrun), 'test')} {'was' if len(unrun) == 1 else 'were'} not run"
            self.failures.append(Failure("test-failed", unrun[0], f"{text}, this one first"))

    # -- pytest's hooks -------------------------------------------------------------------

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note what is about to be run."""
        self._collected = {item.nodeid: _name(item) for item in session.items}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        """Note which test it is."""
        self.current = _name(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Take down how a test's setup, its call or its teardown ended."""
        report = yield
        if report.failed and not self.stopped:
            self.failures.append(self._failure(item, report, call))
        elif report.skipped:
            self._ended[item.nodeid] = "expected" if hasattr(report, "wasxfail") else "skipped"
        elif report.when == "call":
            self._ended.setdefault(item.nodeid, "passed")
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file may skip itself, as by ``pytest.importorskip``."""
        if report.skipped:
            self._ended[report.nodeid] = "skipped"

    def pytest_exception_interact(self, node: Any, call: pytest.CallInfo[Any], report: Any) -> None:
        """Take down which file's tests could not be read."""
        if isinstance(report, pytest.CollectReport) and call.excinfo and not self.stopped:
            file = getattr(node, "file", "") or f"{getattr(node, 'inside', '')}conftest.py"
            error = call.excinfo.value
            text = self._said(call.excinfo)
            found, line = self._place(error)
            self.failures.append(
                Failure("test-import", "", text, found or file, line, _cure(error), error)
            )

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """A test ended the run: the rest of them was not run."""
        if not self.stopped and not isinstance(excinfo.value, pytest.Session.Interrupted):
            self.broke(excinfo.value)

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """A hook of a conftest failed, or pytest itself; nothing is printed."""
        if not self.stopped:
            self.broke(excinfo.value)
        return True

    # -- failures -------------------------------------------------------------------------

    def broke(self, error: BaseException) -> None:
        """Something other than a failing test ended the run."""
        file, line = self._place(error)
        text = f"{type(error).__name__} ended the run of the tests"
        said = plain_names(str(error))
        name = self.current if file else ""
        self.failures.append(
            Failure("test-failed", name, f"{text}: {said}" if said else text, file, line, "", error)
        )

    def _failure(self, item: pytest.Item, report: pytest.TestReport, call: Any) -> Failure:
        name = _name(item)
        if report.when != "call":
            name = f"{name}, in its {report.when}"
        if call.excinfo is None:  # a strict xfail that passed
            text, error = str(report.longrepr), None
            file, line = "", 0
        else:
            error = call.excinfo.value
            text = self._said(call.excinfo)
            file, line = self._place(error)
        if not file:
            path, at, _ = item.reportinfo()
            file, line = self._subject.source.file_named(str(path)), (at or 0) + 1
            node = item.getparent(pytest.Module)
            file = file or getattr(node, "file", "")
        return Failure("test-failed", name, text, file, line, _cure(error), error)

    @staticmethod
    def _said(excinfo: pytest.ExceptionInfo[BaseException]) -> str:
        """pytest's explanation, in lines."""
        error = excinfo.value
        if isinstance(error, pytest.FixtureLookupError):
            return f"there is no fixture {error.argname!r}"
        if isinstance(error, ModframeError):
            return error.message
        if isinstance(error, pytest.fail.Exception):
            return error.msg or "pytest.fail()"
        text = plain_names(excinfo.exconly())
        if text.startswith("AssertionError: assert "):
            text = text.removeprefix("AssertionError: ")
        return "\n".join(one for one in text.splitlines() if not _OF_HANDLES.match(one))

    def _place(self, error: BaseException) -> tuple[str, int]:
        """The innermost line of the tests in a traceback, else of the module's own code."""
        source, found = self._subject.source, ("", 0)
        if isinstance(error, ModframeError) and source.file_named(getattr(error, "file", "")):
            return source.file_named(error.file), int(getattr(error, "line", 0))  # type: ignore[attr-defined]  # said to be there
        for frame, line in traceback.walk_tb(error.__traceback__):
            file = source.file_named(frame.f_code.co_filename)
            if file and (not is_code(file) or not found[0] or is_code(found[0])):
                found = file, line
        return found


def _cure(error: BaseException | None) -> str:
    if isinstance(error, pytest.FixtureLookupError) and error.argname:
        _, _, listed = str(error.formatrepr().errorstring).partition("available fixtures: ")
        return f"{near(error.argname, listed.splitlines()[0].split(', '))}{_FIXTURE}"
    return error.cure if isinstance(error, ModframeError) else ""


def _name(item: pytest.Item) -> str:
    """``TestTotals.test_sum[3]``: a test, as its author would call it."""
    names = [one.name for one in item.listchain() if not isinstance(one, _ABOVE)]
    return ".".join(names)


_ABOVE = (pytest.Session, pytest.Directory, pytest.Module)
