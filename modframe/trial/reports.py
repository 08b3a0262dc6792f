"""`Reports`: collects how each test ended: counts, and failures with their places.

A plugin of the trial's pytest session. The trial reads it when the session has ended or was left.
"""

from __future__ import annotations

import re
import traceback
from collections import defaultdict
from collections.abc import Generator
from typing import Any, Literal

import pytest

from ..errors import ModframeError
from ..load.text import is_code
from ..names import plain_names
from ..runtime.change.outcome import Passed, Tried
from ..wording import count, near
from .subject import Failure, Subject

_HANDLE_LINE = re.compile(r" \+ +(where|and) .*(<Call |<method |<service |= result\(\)$)")
"""A line of an explanation that only shows how a handle was called."""
_FIXTURE = "Define it with @pytest.fixture, in the file or in a conftest.py"
End = Literal["passed", "skipped", "expected"]


class Reports:
    """How the tests ended.

    Attributes:
        failures: What failed, in the order it did.
        current: The test that runs now, or that ran last.
        stopped: Whether the trial stopped the run; exceptions that this causes aren't failures.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._ends: dict[str, End] = {}
        self._collected: dict[str, pytest.Item] = {}
        self._seconds: dict[str, float] = defaultdict(float)
        self._words: dict[str, str] = {}  # of those that were skipped
        self.failures: list[Failure] = []
        self.current = ""
        self.stopped = False

    @property
    def passed(self) -> Passed:
        """The counts of a run without failures."""
        ends = list(self._ends.values())
        counts = (ends.count("passed"), ends.count("skipped"), ends.count("expected"))
        return Passed(*counts, tried=self.tried)

    @property
    def tried(self) -> tuple[Tried, ...]:
        """How each test ended; a file that could not be read comes first, without a name."""
        failed = {failure.nodeid: failure for failure in self.failures}
        unread = [one for one in self.failures if one.nodeid not in self._collected]
        rows = [Tried(one.name, one.file, "failed", 0.0, one.text, one.line) for one in unread]
        for nodeid, item in self._collected.items():
            failure = failed.get(nodeid)
            rows.append(
                Tried(
                    _name(item),
                    (failure.file if failure else "") or _file(item),
                    "failed" if failure else self._ends.get(nodeid, "not run"),
                    self._seconds.get(nodeid, 0.0),
                    failure.text if failure else self._words.get(nodeid, ""),
                    failure.line if failure else 0,
                )
            )
        return tuple(rows)

    @property
    def empty(self) -> bool:
        """Whether there was no test at all."""
        return not self._ends and not self.failures

    def report_unrun(self) -> None:
        """Add a failure if the run has none but left tests out: those did not pass."""
        unrun = [item for nodeid, item in self._collected.items() if nodeid not in self._ends]
        if unrun and not self.failures:
            text = f"{count(len(unrun), 'test')} {'was' if len(unrun) == 1 else 'were'} not run"
            self.failures.append(Failure("test-failed", _name(unrun[0]), f"{text}, this one first"))

    # -- pytest's hooks -------------------------------------------------------------------

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._collected = {item.nodeid: item for item in session.items}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        self.current = _name(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note how a test's setup, call or teardown ended."""
        report = yield
        self._seconds[item.nodeid] += report.duration
        if report.failed and not self.stopped:
            self.failures.append(self._failure(item, report, call))
        elif report.skipped:
            self._ends[item.nodeid] = "expected" if hasattr(report, "wasxfail") else "skipped"
            self._words[item.nodeid] = _reason(report)
        elif report.when == "call":
            self._ends.setdefault(item.nodeid, "passed")
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that skips itself, for example by ``pytest.importorskip``."""
        if report.skipped:
            self._ends[report.nodeid] = "skipped"

    def pytest_exception_interact(self, node: Any, call: pytest.CallInfo[Any], report: Any) -> None:
        """Note a file whose tests could not be read."""
        if isinstance(report, pytest.CollectReport) and call.excinfo and not self.stopped:
            file = getattr(node, "file", "") or f"{getattr(node, 'inside', '')}conftest.py"
            error = call.excinfo.value
            text = self._explain(call.excinfo)
            located, line = self._place(error)
            self.failures.append(
                Failure("test-import", "", text, located or file, line, _cure(error), error)
            )

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note that a test ended the run, so that the other tests did not run."""
        if not self.stopped and not isinstance(excinfo.value, pytest.Session.Interrupted):
            self.run_failed(excinfo.value)

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """Note that a hook of a conftest failed, or pytest itself; print nothing."""
        if not self.stopped:
            self.run_failed(excinfo.value)
        return True

    # -- failures -------------------------------------------------------------------------

    def run_failed(self, error: BaseException) -> None:
        """Add the failure of a run that ended otherwise than by a failing test."""
        file, line = self._place(error)
        text = f"{type(error).__name__} ended the run of the tests"
        if reason := plain_names(str(error)):
            text = f"{text}: {reason}"
        name = self.current if file else ""
        self.failures.append(Failure("test-failed", name, text, file, line, "", error))

    def _failure(self, item: pytest.Item, report: pytest.TestReport, call: Any) -> Failure:
        name = _name(item)
        if report.when != "call":
            name = f"{name}, in its {report.when}"
        if call.excinfo is None:  # a strict xfail that passed
            text, error = str(report.longrepr), None
            file, line = "", 0
        else:
            error = call.excinfo.value
            text = self._explain(call.excinfo)
            file, line = self._place(error)
        if not file:
            path, at, _ = item.reportinfo()
            file, line = self._subject.source.file_named(str(path)), (at or 0) + 1
            node = item.getparent(pytest.Module)
            file = file or getattr(node, "file", "")
        return Failure("test-failed", name, text, file, line, _cure(error), error, item.nodeid)

    @staticmethod
    def _explain(excinfo: pytest.ExceptionInfo[BaseException]) -> str:
        """Return pytest's explanation, in lines."""
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
        return "\n".join(line for line in text.splitlines() if not _HANDLE_LINE.match(line))

    def _place(self, error: BaseException) -> tuple[str, int]:
        """Return the innermost line of the tests in a traceback, else of the module's own code."""
        source, place = self._subject.source, ("", 0)
        if isinstance(error, ModframeError) and source.file_named(getattr(error, "file", "")):
            return source.file_named(error.file), int(getattr(error, "line", 0))  # type: ignore[attr-defined]  # it has a file, so it has both
        for frame, line in traceback.walk_tb(error.__traceback__):
            file = source.file_named(frame.f_code.co_filename)
            if file and (not is_code(file) or not place[0] or is_code(place[0])):
                place = file, line
        return place


def _cure(error: BaseException | None) -> str:
    if isinstance(error, pytest.FixtureLookupError) and error.argname:
        _, _, listed = str(error.formatrepr().errorstring).partition("available fixtures: ")
        return f"{near(error.argname, listed.splitlines()[0].split(', '))}{_FIXTURE}"
    return error.cure if isinstance(error, ModframeError) else ""


def _reason(report: pytest.TestReport) -> str:
    """Return why a test was skipped, or failed as it should."""
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return str(getattr(report, "wasxfail", ""))


def _file(item: pytest.Item) -> str:
    return str(getattr(item.getparent(pytest.Module), "file", ""))


def _name(item: pytest.Item) -> str:
    """Return the name of a test within its file: ``TestTotals.test_sum[3]``."""
    names = [node.name for node in item.listchain() if not isinstance(node, _ABOVE)]
    return ".".join(names)


_ABOVE = (pytest.Session, pytest.Directory, pytest.Module)
