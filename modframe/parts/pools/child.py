"""What runs in a child process: it makes a shipment's modules importable and calls their functions.

`ChildProcess` starts `main`, which reads calls from standard input and writes replies to what was
standard output. Pickles that an executor of module code sends to its processes call `restore`.
"""

from __future__ import annotations

import builtins
import importlib
import logging
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NoReturn

from ...errors import NotRunningError, reason_line
from ...load import Package
from ...names import folder_of, plain_names
from ...observe import get_framework_logger
from ...observe.loggers import TREES
from ...runtime.finder import PLAIN_NAMES
from ...runtime.output import make_printer
from ...runtime.traces import shorten_traceback
from .pipe import read_message, write_message
from .shipment import Shipment

if TYPE_CHECKING:
    from ...config import FrameworkSettings

_installed: dict[str, Package] = {}
"""Private package → the package; of a child process, which has nothing else of modules."""


def install(shipment: Shipment, *, printer: Callable[..., None] = builtins.print) -> None:
    """Make the packages of a shipment importable in this process, unless they are."""
    ids = {source.module_id: name for name, source in shipment.sources.items()}
    missing = [name for name in shipment.sources if name not in sys.modules]
    if not missing:
        return
    os.environ.setdefault("MODFRAME_WORKSPACE", shipment.workspace)
    PLAIN_NAMES.resolvers.insert(0, ids.get)
    for name in missing:
        source = shipment.sources[name]
        path = folder_of(Path(shipment.workspace, "modules"), source.module_id)
        context = ChildContext(source.module_id, path)
        package = Package(name, source, context=context, resolve=ids.get, printer=printer)
        package.complete = True  # its files are executed when something imports them
        _installed[name] = package
        package.open()


def restore(shipment: Shipment, module: str, qualname: str) -> Any:
    """Return a function or class of a shipped package."""
    install(shipment)
    thing: Any = importlib.import_module(module)
    for part in qualname.split("."):
        thing = getattr(thing, part)
    return thing


class ChildContext:
    """The ``app_context`` of a module in a child process, where no app runs."""

    settings = None

    def __init__(self, module_id: str, path: Path) -> None:
        self.module_id = module_id
        self.path = path

    @cached_property
    def config(self) -> FrameworkSettings:
        """The framework's settings."""
        from ...config import read_settings  # pydantic takes longer than many a function

        return read_settings()

    def get_logger(self, module_id: str | None = None) -> logging.Logger:
        """Return the logger of a module, by default this one."""
        return get_framework_logger(module_id or self.module_id)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotRunningError(
            f"app_context.{name}: this function of {self.module_id} runs in a process of its own, "
            "where no app runs",
            cure="pass what it needs as arguments, and use the app where its result is awaited",
        )

    def __repr__(self) -> str:
        return f"<app_context of {self.module_id}, in a child process>"


# -- the process that a generation keeps -------------------------------------------------------


def main() -> None:
    """Answer calls until the parent closes the pipe or kills this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends this process
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no reply
    calls: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_read_calls, args=(os.dup(0), calls), daemon=True).start()
    lock = threading.Lock()

    own = os.getpid()

    def reply(kind: str, content: Any) -> None:
        if os.getpid() != own:  # in a process that a function forked, whose replies nobody awaits
            if kind in ("print", "log"):
                sys.stderr.write(f"{content[-1]}\n")
            return
        message = pickle.dumps((kind, content))
        with lock:
            write_message(replies, message)

    def tell_log(module_id: str, text: str) -> None:
        reply("print", (module_id, text))

    if hasattr(os, "register_at_fork"):  # a fork would keep the pipe open when this process ends
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.register_at_fork(after_in_child=lambda: os.dup2(nowhere, replies.fileno()))
    shipment: Shipment = pickle.loads(calls.get())  # noqa: S301  # from the parent alone
    (package, *_) = shipment.sources.values()
    for logger in TREES:
        logger.setLevel(logging.DEBUG)  # the parent leaves out what it doesn't log
        logger.addHandler(_Forwarder(reply))
    install(shipment, printer=make_printer(package.module_id, tell_log, str))
    while True:
        _answer(calls.get(), reply)


def _read_calls(pipe: int, calls: SimpleQueue[bytes]) -> None:
    """Queue the parent's calls; end this process with the parent, also while a call runs."""
    with os.fdopen(pipe, "rb") as stream:
        while message := read_message(stream):
            calls.put(message)
    if os.name == "posix":
        os.killpg(0, signal.SIGKILL)  # with what the functions have started
    os._exit(1)


def _answer(call: bytes, reply: Callable[[str, Any], None]) -> None:
    try:
        function, args, kwargs = pickle.loads(call)  # noqa: S301  # from the parent alone
    except BaseException as error:  # noqa: BLE001  # importing the file may raise anything
        if isinstance(error, AttributeError) and "'__main__'" in str(error):
            reply("unread", reason_line(error))
        else:
            _reply_error(error, reply)
        return
    try:
        result = function(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001  # raised in the parent, SystemExit included
        _reply_error(error, reply)
        return
    try:
        reply("result", result)
    except Exception as error:  # noqa: BLE001  # whatever its __reduce__ raises
        reply("refused", f"its result can't be pickled: {plain_names(str(error))}")


def _reply_error(error: BaseException, reply: Callable[[str, Any], None]) -> None:
    shorten_traceback(error)
    text = plain_names("".join(traceback.format_exception(error))).rstrip()
    error.__traceback__ = error.__cause__ = error.__context__ = None
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  # some can be pickled and not be restored
        reply("error", (error, text))
    except Exception:  # noqa: BLE001  # whatever its __reduce__ raises
        reply("error", (None, text))


class _Forwarder(logging.Handler):
    """Sends log records to the parent, whose log they belong to."""

    def __init__(self, reply: Callable[[str, Any], None]) -> None:
        super().__init__()
        self._reply = reply

    def emit(self, record: logging.LogRecord) -> None:
        self._reply("log", (record.name, record.levelno, self.format(record)))
