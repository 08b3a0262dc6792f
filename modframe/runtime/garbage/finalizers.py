"""Which finalizer a thread is in: a ``__del__`` or a `weakref.finalize` that may block it.

Python runs finalizers on whichever thread drops an object or collects garbage, so a load or a
collection may stand still in one of somebody else's. It also ends generators and coroutines that
were left in the middle; those look like any call, and are told by the function that dropped them.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Container
from dataclasses import dataclass
from types import CodeType, FrameType

from ...names import module_id_in, number_in, package_in
from ..ownership import Place, place_of


@dataclass(frozen=True, slots=True)
class Finalizer:
    """A finalizer that a thread is in.

    Attributes:
        name: Its qualified name, such as ``"Context.__del__"``.
        package: The private package that it, or the object, belongs to; empty if it is of none.
        file: The file, and the line, where the finalizer is now.
        running: The innermost module code that it has called; ``None`` if there is none.
    """

    name: str
    package: str
    file: str
    line: int
    running: Place | None = None

    @property
    def module_id(self) -> str:
        """The module that it belongs to; empty if it is of none."""
        return module_id_in(self.package)

    def __str__(self) -> str:
        whose = ""
        if self.package:
            whose = f" of generation {number_in(self.package)} of {self.module_id}"
        return f"{self.name}{whose} ({self.file}, line {self.line})"


def finalizer_on(thread_id: int, *, dropping: Container[CodeType] = ()) -> Finalizer | None:
    """Return the outermost finalizer that a thread is in, or ``None``.

    Args:
        thread_id: The thread.
        dropping: Functions that call no code but modframe's: what they run else is a finalizer.
    """
    return find_finalizer(sys._current_frames().get(thread_id), dropping=dropping)


def find_finalizer(
    frame: FrameType | None, *, dropping: Container[CodeType] = ()
) -> Finalizer | None:
    """Return the outermost finalizer from a frame outward, or ``None``."""
    found, running = None, place_of(frame)
    while frame is not None:
        if _is_finalizer(frame) or _is_run_by(frame, dropping):
            found = frame
        frame = frame.f_back
    return _describe(found, running) if found is not None else None


def _is_finalizer(frame: FrameType) -> bool:
    name, module = frame.f_code.co_name, frame.f_globals.get("__name__")
    return name == "__del__" or (name == "__call__" and module == "weakref")


def _is_run_by(frame: FrameType, dropping: Container[CodeType]) -> bool:
    caller = frame.f_back
    if caller is None or caller.f_code not in dropping:
        return False
    if any(getattr(one, "__code__", None) is frame.f_code for one in gc.callbacks):
        return False  # it measures the collector, such as Hypothesis' own
    return not str(frame.f_globals.get("__name__")).startswith("modframe.")


def _describe(frame: FrameType, running: Place | None) -> Finalizer:
    variables = frame.f_locals
    receiver = type(variables.get("self"))
    package = package_in(frame.f_globals.get("__package__")) or package_in(receiver.__module__)
    place = place_of(frame) if package_in(frame.f_globals.get("__package__")) else None
    file = place.file if place is not None else frame.f_code.co_filename
    return Finalizer(frame.f_code.co_qualname, package, file, frame.f_lineno, running)
