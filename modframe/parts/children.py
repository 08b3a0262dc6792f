"""Child processes: those that a module's code started end with its generation.

Noted where they start, by ``subprocess``, ``asyncio`` on any loop and ``multiprocessing``. At the
generation's end, after its own cleanup, those that still run are terminated, with what they have
started, and killed a second later. One that a shared resource started is the resource's.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any, ClassVar

from ..errors import ModframeError
from ..load.imports import call_after_import
from ..observe import get_framework_logger
from ..runtime.generation import Generation
from ..runtime.owner import current_resource
from ..runtime.ownership import callable_name, calling_package
from ..runtime.part import Panel, Part

_PATIENCE = 1.0
"""Seconds that a process has to end after each signal."""
_POLL = 0.01
_SHOWN = 80
_started: dict[str, list[_Child]] = {}
"""Private package → the processes that its code started; of the process, as children are."""


@dataclass(frozen=True, slots=True, eq=False)
class _Child:
    """A process that module code started.

    Attributes:
        process: The ``subprocess.Popen``, or the ``Process`` of asyncio or ``multiprocessing``.
        awaited: Whether asyncio waits for its end, and sets ``returncode`` then.
    """

    process: Any
    awaited: bool = False

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        if self.awaited:
            return self.process.returncode is None
        if isinstance(self.process, subprocess.Popen):
            return self.process.poll() is None
        popen = vars(self.process).get("_popen")  # a Process object that was closed has none
        return popen is not None and popen.poll() is None

    def __str__(self) -> str:
        pid = f"pid {self.process.pid}"
        if isinstance(self.process, subprocess.Popen):
            args = self.process.args
            words = args if isinstance(args, list | tuple) else [args]
            return f"{' '.join(map(str, words))[:_SHOWN]!r} ({pid})"
        if isinstance(self.process, asyncio.subprocess.Process):
            return f"a process of asyncio ({pid})"
        target = getattr(self.process, "_target", None)
        name = callable_name(target) if target is not None else type(self.process).__name__
        return f"{name!r} ({self.process.name}, {pid})"

    def signal(self, method: str) -> None:
        """Call a method of the process; one that has ended just now is left alone."""
        with suppress(ProcessLookupError):
            getattr(self.process, method)()

    def descendants(self) -> list[_Descendant]:
        """Return the processes that it has started, and those have, as far as they are below it."""
        import psutil  # takes 10 ms, and few modules have children

        try:
            below = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.Error:  # it has ended meanwhile
            return []
        return [_Descendant(process) for process in below]


@dataclass(frozen=True, slots=True, eq=False)
class _Descendant:
    """A process that a child has started.

    Attributes:
        process: The ``psutil.Process``.
    """

    process: Any

    @property
    def runs(self) -> bool:
        """Whether it has not ended; nobody may have waited for its end yet."""
        import psutil

        try:
            return bool(self.process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    def signal(self, method: str) -> None:
        """Call a method of the process; one that has ended just now is left alone."""
        import psutil

        with suppress(psutil.NoSuchProcess):
            getattr(self.process, method)()

    def __str__(self) -> str:
        return f"one that a child process had started (pid {self.process.pid})"


class ChildrenPart(Part[None]):
    """Ends the child processes of each generation, or names them."""

    name = "children"
    empty_facts: ClassVar[Mapping[str, Any]] = {"running": []}

    def __init__(self) -> None:
        _Noticed.install(subprocess.Popen, "_child_created", default=False)
        _Noticed.install(asyncio.subprocess.Process, "pid", default=None)  # not all have a Popen
        for library in ("concurrent", "multiprocessing"):
            call_after_import(library, _notice_multiprocessing)

    def prepare(self, generation: Generation) -> None:
        _notice_multiprocessing()
        generation.ledger.own("child processes", lambda: self._end(generation))

    async def _end(self, generation: Generation) -> None:
        """Terminate the processes that still run, then kill them.

        Raises:
            ModframeError: If one runs on; names it.
        """
        running = [child for child in _started.pop(generation.package_name, ()) if child.runs]
        if not running:
            return
        below = [one for child in running for one in child.descendants()]
        left = await _end_by("kill", await _end_by("terminate", [*running, *below]))
        if left:
            raise ModframeError(
                f"child processes of generation {generation.number} can't be ended: "
                f"{', '.join(map(str, left))}",
                cure="end them by hand",
                subject=generation.module_id,
            )
        get_framework_logger(generation.module_id).info(
            "child processes of generation %d ended with it: %s",
            generation.number, ", ".join(sorted(map(str, running))),
        )  # fmt: skip

    def describe(self, generation: Generation) -> dict[str, Any]:
        started = list(_started.get(generation.package_name, ()))
        return {"running": sorted(str(child) for child in started if child.runs)}

    def panels(self, facts: Mapping[str, Any]) -> Iterator[Panel]:
        rows = tuple((name,) for name in facts["running"])
        yield Panel("child", (), rows, live_only=True, tab="Tasks")


class _Noticed:
    """An attribute that a library sets on a process once it runs; setting it notes the process.

    So a start that fails has no frame of modframe in its traceback.
    """

    def __init__(self, name: str, default: object) -> None:
        self._name = name
        self._default = default

    @classmethod
    def install(cls, owner: Any, name: str, *, default: object) -> None:
        """Put it on a class, once."""
        if not isinstance(vars(owner).get(name), cls):
            setattr(owner, name, cls(name, default))

    def __get__(self, process: Any, owner: type) -> Any:
        return self if process is None else vars(process).get(self._name, self._default)

    def __set__(self, process: Any, value: object) -> None:
        vars(process)[self._name] = value
        if value and current_resource.get() is None and (package := calling_package()):
            started = [child for child in _started.get(package, ()) if child.runs]
            if not any(child.process.pid == process.pid for child in started):  # its Popen is
                started.append(_Child(process, awaited=_is_in_asyncio()))
            _started[package] = started


def _is_in_asyncio() -> bool:
    """Return whether asyncio starts the process, so that nobody else may wait for it."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__") == "subprocess":
        frame = frame.f_back
    return frame is not None and str(frame.f_globals.get("__name__")).startswith("asyncio.")


def _notice_multiprocessing() -> None:
    """Note what ``multiprocessing`` starts, once something has imported it."""
    if (library := sys.modules.get("multiprocessing.process")) is not None:
        _Noticed.install(library.BaseProcess, "_popen", default=None)


async def _end_by(
    method: str, children: Iterable[_Child | _Descendant]
) -> list[_Child | _Descendant]:
    """Call a method of the processes, and wait a moment; return those that run on."""
    left = [child for child in children if child.runs]
    for child in left:
        child.signal(method)
    loop = asyncio.get_running_loop()
    until = loop.time() + _PATIENCE
    while left := [child for child in left if child.runs]:
        if loop.time() > until:
            break
        await asyncio.sleep(_POLL)
    return left
