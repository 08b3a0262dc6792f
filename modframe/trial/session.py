"""`Run`: one pytest session over the tests of one generation, on a thread of its own.

The trial starts it, is told when it is over, and reads what came of it. The only file that knows
how pytest is driven.
"""

from __future__ import annotations

import ast
import ctypes
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from contextvars import copy_context
from pathlib import Path
from traceback import walk_stack
from types import CodeType

import pytest
from _pytest.assertion.rewrite import rewrite_asserts  # no public door; what its import hook calls

from ..errors import ModframeError
from ..load.text import Fault, is_code, understand
from ..source import SourceFile
from .bridge import Bridge
from .fixtures import Offered
from .isolation import let_names_mean
from .nodes import Folder
from .reports import Reports
from .scratch import ScratchDatabases
from .subject import Failure, Subject

_ARGUMENTS = (
    "--assert=plain",  # the tests are rewritten here; no import hook of pytest's
    "--capture=no",
    "--disable-plugin-autoload",
    "--noconftest",  # those of the module are found in its source
    "--import-mode=importlib",
    "--continue-on-collection-errors",
    "-W", "ignore::pytest.PytestUnknownMarkWarning",
    *(
        word
        for name in (
            "cacheprovider", "debugging", "doctest", "faulthandler", "junitxml", "pastebin",
            "terminal", "threadexception", "unraisableexception",
        )
        for word in ("-p", f"no:{name}")
    ),
)  # fmt: skip
_OPTIONS = {"usepdb": False, "trace": False, "verbose": 0, "tbstyle": "native"}
"""What the plugins left out would have said, and those that stay ask for."""


class Run:
    """One run.

    Attributes:
        reports: What came of the tests so far.
        bridge: Where the async ones run.
    """

    def __init__(self, subject: Subject, databases: ScratchDatabases) -> None:
        self._subject = subject
        self._databases = databases
        self.bridge = Bridge(subject.app_loop)
        self.reports = Reports(subject)
        self._stopped = False
        self._thread: threading.Thread | None = None

    def start(self, over: Callable[[], None]) -> None:
        """Begin; ``over`` is called on the thread at the end."""
        context = copy_context()

        def work() -> None:
            try:
                context.run(self._work)
            except BaseException as error:  # noqa: BLE001  # of pytest's, or what ended the run
                if not self._stopped:
                    self.reports.broke(error)
            finally:
                over()

        self._thread = threading.Thread(target=work, name="modframe-test", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it: cancel what it awaits, and interrupt what it computes."""
        self._stopped = self.reports.stopped = True
        self.bridge.stop()
        if self._thread is not None and self._thread.is_alive() and self._thread.ident:
            self._subject.app_loop.cancel_asked_by(self._thread.ident)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._thread.ident), ctypes.py_object(KeyboardInterrupt)
            )

    def place(self) -> tuple[str, int]:
        """The file and line of the tests that it is at; an empty file if it is in none."""
        source = self._subject.source
        frames = [(one, one.f_lineno) for one in reversed(self.bridge.frames())]
        thread = sys._current_frames().get(self._thread.ident or 0) if self._thread else None
        frames += walk_stack(thread) if thread is not None else []
        for frame, line in frames:
            file = source.file_named(frame.f_code.co_filename)
            if file and not is_code(file):
                return file, line
        return "", 0

    # -- on its thread --------------------------------------------------------------------

    def _work(self) -> None:
        subject = self._subject
        let_names_mean(subject.lookup)
        self._databases.use_here()
        subject.package.code_for = self._code_for
        with tempfile.TemporaryDirectory(
            prefix="modframe-test-", ignore_cleanup_errors=True
        ) as made:
            folder = Path(made).resolve()
            arguments = [
                *_ARGUMENTS,
                *("-c", os.devnull),
                f"--rootdir={folder}",
                f"--basetemp={folder / 'tmp'}",
            ]
            # Unlike `pytest.main`, it reads no PYTEST_ADDOPTS and no addopts.
            config = pytest.Config.fromdictargs(dict(_OPTIONS), arguments)
            config.option.assertmode = "rewrite"  # for the explanations of what is rewritten here
            for plugin in (_Collects(subject), Offered(subject, self.bridge), self.reports):
                config.pluginmanager.register(plugin)
            config.hook.pytest_cmdline_main(config=config)
        if not self._stopped:
            self.reports.refuse_unrun()

    def _code_for(self, file: str) -> CodeType | None:
        return None if is_code(file) else rewritten(self._subject.source.files[file])

    def failures(self) -> list[Failure]:
        """What failed so far."""
        return list(self.reports.failures)


class _Collects:
    """Takes the tests from the source, where pytest would look through folders."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> bool:
        """Collect what the source has."""
        items = session.items = list(session.genitems(Folder.of(session, self._subject, "")))
        hook = session.config.hook
        hook.pytest_collection_modifyitems(session=session, config=session.config, items=items)
        hook.pytest_collection_finish(session=session)
        session.testscollected = len(items)
        return True


def rewritten(content: SourceFile) -> CodeType:
    """The code of a test file, or of one that tests import; lines are those of the cell or file.

    Raises:
        ModframeError: If the text is no Python.
    """
    text = understand(content)
    if isinstance(text, Fault):
        raise ModframeError(
            text.message, cure=text.cure, file=content.filename, line=text.line
        ) from None
    padded = "\n" * (content.first_line - 1) + content.code
    tree = ast.parse(padded, content.filename)
    rewrite_asserts(tree, padded.encode("utf-8"), content.filename)
    return compile(tree, content.filename, "exec", dont_inherit=True)
