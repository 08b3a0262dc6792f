"""`Run`: one pytest session over the tests of one generation, on a thread of its own.

The trial starts it, is called back at the end, and reads its reports. Only this file knows how
pytest is started.
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
from _pytest.assertion.rewrite import (
    rewrite_asserts,  # private; pytest has no public way to rewrite a tree
)

from ..errors import ModframeError
from ..load.text import Fault, analyze, is_code
from ..source import SourceFile
from .bridge import Bridge
from .fixtures import Fixtures
from .isolation import resolve_names_with
from .levels import Levels
from .nodes import Folder
from .reports import Reports
from .scratch import ScratchDatabases
from .subject import Subject

_ARGUMENTS = (
    "--assert=plain",  # asserts are rewritten here, without pytest's import hook
    "--capture=no",
    "--disable-plugin-autoload",
    "--noconftest",  # a conftest.py is taken from the module's source
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
"""Options of the plugins that are left out, which other plugins read."""


class Run:
    """One run of the tests; ``reports`` says how they ended so far."""

    def __init__(self, subject: Subject, databases: ScratchDatabases) -> None:
        self._subject = subject
        self._databases = databases
        self.bridge = Bridge(subject.app_loop)
        self.reports = Reports(subject)
        self._stopped = False
        self._thread: threading.Thread | None = None

    def start(self, on_end: Callable[[], None]) -> None:
        """Start the thread; it calls ``on_end`` at its end."""
        context = copy_context()

        def work() -> None:
            try:
                context.run(self._work)
            except BaseException as error:  # noqa: BLE001  # whatever ended the run
                if not self._stopped:
                    self.reports.run_failed(error)
            finally:
                on_end()

        self._thread = threading.Thread(target=work, name="modframe-test", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Cancel what the tests await, and interrupt what they compute."""
        self._stopped = self.reports.stopped = True
        self.bridge.stop()
        if self._thread is not None and self._thread.is_alive() and self._thread.ident:
            self._subject.app_loop.cancel_asked_by(self._thread.ident)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._thread.ident), ctypes.py_object(KeyboardInterrupt)
            )

    def current_place(self) -> tuple[str, int]:
        """Return the file and line of the tests that runs now; the file is empty if none does."""
        source = self._subject.source
        frames = [(frame, frame.f_lineno) for frame in reversed(self.bridge.suspended_frames())]
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
        resolve_names_with(subject.lookup)
        levels = Levels(self._databases, self.bridge)
        subject.package.code_for = self._code_for
        with tempfile.TemporaryDirectory(
            prefix="modframe-test-", ignore_cleanup_errors=True
        ) as temporary:
            folder = Path(temporary).resolve()
            arguments = [
                *_ARGUMENTS,
                *("-c", os.devnull),
                f"--rootdir={folder}",
                f"--basetemp={folder / 'tmp'}",
            ]
            # Unlike `pytest.main`, this reads no PYTEST_ADDOPTS and no addopts.
            config = pytest.Config.fromdictargs(dict(_OPTIONS), arguments)
            config.option.assertmode = "rewrite"  # so that rewritten asserts are explained
            for plugin in (self, levels, Fixtures(subject, self.bridge), self.reports):
                config.pluginmanager.register(plugin)
            config.hook.pytest_cmdline_main(config=config)
        if not self._stopped:
            self.reports.report_unrun()

    def _code_for(self, file: str) -> CodeType | None:
        return None if is_code(file) else compile_test_file(self._subject.source.files[file])

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> bool:
        """Collect the tests from the source; pytest would look through folders."""
        items = session.items = list(session.genitems(Folder.of(session, self._subject, "")))
        hook = session.config.hook
        hook.pytest_collection_modifyitems(session=session, config=session.config, items=items)
        hook.pytest_collection_finish(session=session)
        session.testscollected = len(items)
        return True


def compile_test_file(content: SourceFile) -> CodeType:
    """Compile a test file, or a file that tests import, with rewritten asserts.

    Lines are those of the cell or file.

    Raises:
        ModframeError: If the text is not Python.
    """
    text = analyze(content)
    if isinstance(text, Fault):
        raise ModframeError(
            text.message, cure=text.cure, file=content.filename, line=text.line
        ) from None
    padded = "\n" * (content.first_line - 1) + content.code
    tree = ast.parse(padded, content.filename)
    rewrite_asserts(tree, padded.encode("utf-8"), content.filename)
    return compile(tree, content.filename, "exec", dont_inherit=True)
