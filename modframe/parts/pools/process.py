"""`ChildProcess`: one child process, and the thread that sends it calls and reads its replies.

Made by `Pools`, which gives it one call at a time.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import IO, Any

from ...errors import ProcessError, reason_line
from ...names import plain_names
from ...runtime.ownership import callable_name
from ...worker import Worker
from .pipe import read_message, write_message
from .shipment import Shipment

_START = "import sys; sys.path[:] = {path!r}; from {child} import main; main()"
_CHILD = f"{__package__}.child"
_GROUP = 0 if os.name == "posix" else None
"""A process leads a group of its own, so that what it has started can be killed with it."""


class ProcessTraceback(Exception):  # noqa: N818  # it is shown as the cause of an error, as text
    """The traceback of an exception in a child process; its text is the traceback."""


class ChildProcess:
    """One child process; it starts with its first call, and runs one call after the other.

    Args:
        module_id: The module whose functions it runs.
        shipment: What it can import.
        printer: The ``print`` of the module.

    Attributes:
        runs: The name of the function that it runs; empty while it is idle.
        ended: Whether it takes no more calls.
    """

    def __init__(self, module_id: str, shipment: Shipment, printer: Callable[..., None]) -> None:
        self.runs = ""
        self.ended = False
        self._module_id = module_id
        self._shipment = shipment
        self._print = printer
        self._worker = Worker("modframe-process")
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    @property
    def pid(self) -> int:
        """The number of the process; 0 before its first call."""
        return self._process.pid if self._process is not None else 0

    @property
    def alive(self) -> bool:
        """Whether it takes calls: it has not ended, and nothing has killed it."""
        return not self.ended and (self._process is None or self._process.poll() is None)

    def call(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> asyncio.Future[Any]:
        """Run a function there; return a future of its result."""
        self.runs = callable_name(function)
        run = partial(self._run, function, args, kwargs)
        return self._worker.call(partial(copy_context().run, run))

    def _run(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        call = self._pickled(function, (function, args, dict(kwargs)))
        started = self._started()
        kind, content = "ended", None
        with suppress(OSError):  # it ended: the reply is missing, and says so
            calls, replies = _pipes(started)
            write_message(calls, call)
            kind, content = self._reply(replies)
        return self._outcome(kind, content)

    def _reply(self, replies: IO[bytes]) -> tuple[str, Any]:
        """Return the reply to a call; what is printed and logged meanwhile goes to its place."""
        while message := read_message(replies):
            try:
                kind, content = pickle.loads(message)  # noqa: S301  # from a process of our own
            except Exception as error:  # noqa: BLE001  # whatever restores its result raises
                return "refused", f"its result can't be read: {plain_names(reason_line(error))}"
            if kind == "print":
                self._print(content[1])
            elif kind == "log":
                name, level, text = content
                logging.getLogger(name).log(level, "%s", text)
            else:
                return kind, content
        return "ended", None

    def _outcome(self, kind: str, content: Any) -> Any:
        if kind == "result":
            return content
        if kind == "error":
            error, trace = content
            if error is None:
                raise self._error(f"{self.runs}() failed in its process:\n{trace}")
            raise error from ProcessTraceback(f"\n{trace}")
        if kind == "unread":
            raise self._error(
                f"{self.runs}() can't be run in a process, since it or an argument can't be read "
                f"there: {content}",
                cure="what a script or a notebook's own cell defines isn't there; write it in a "
                "file of the module",
            )
        if kind == "refused":
            raise self._error(
                f"{self.runs}() was run in a process, and {content}",
                cure="return plain values, or instances of classes written at the top of a file",
            )
        status = self._process.wait() if self._process is not None else 0
        self.ended = True
        raise self._error(
            f"the process that ran {self.runs}() ended with status {status} before it returned",
            cure="a negative status is the number of a signal: -9 may be the system, for memory",
        )

    def _pickled(self, function: Callable[..., Any], call: object) -> bytes:
        try:
            return pickle.dumps(call)
        except Exception as error:  # noqa: BLE001  # whatever an argument's __reduce__ raises
            what = "a method" if inspect.ismethod(function) else "it or an argument"
            raise self._error(
                f"{self.runs}() can't be run in a process, since {what} can't be pickled: "
                f"{plain_names(str(error))}",
                cure="give a function written at the top of a file, and plain values as arguments",
            ) from None

    def _error(self, message: str, *, cure: str = "") -> ProcessError:
        return ProcessError(message, cure=cure, subject=self._module_id)

    def _started(self) -> subprocess.Popen[bytes]:
        """Return the process; start it if this is its first call."""
        with self._lock:
            if self._process is None:
                start = _START.format(path=[str(path) for path in sys.path], child=_CHILD)
                self._process = subprocess.Popen(
                    [sys.executable, "-c", start],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=_GROUP,
                )  # fmt: skip
                with suppress(OSError):  # it ended: the missing reply says so
                    write_message(_pipes(self._process)[0], pickle.dumps(self._shipment))
            if self.ended:  # meanwhile
                _kill(self._process)
            return self._process

    def end(self) -> None:
        """Kill the process, whatever it runs, and what it has started; does not wait."""
        with self._lock:
            self.ended = True
            if self._process is not None:
                _kill(self._process)
        self._worker.submit(self._reap)
        self._worker.close()

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait()
            for pipe in _pipes(self._process):
                with suppress(OSError):  # what was not written yet is lost with the process
                    pipe.close()

    def __repr__(self) -> str:
        return f"<child process {self.pid or 'not started'}: {self.runs or 'idle'}>"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process, and where the system has groups of processes, all that is left of its own."""
    if _GROUP is None:
        process.kill()
        return
    with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of ended ones
        os.killpg(process.pid, signal.SIGKILL)


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise OSError("the process has no pipes")
    return process.stdin, process.stdout
