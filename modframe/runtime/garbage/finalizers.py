"""Which finalizer a thread is in: a ``__del__`` or a `weakref.finalize` that may block it.

Python runs finalizers on whichever thread drops an object or collects garbage, so a load or a
collection may stand still in one of somebody else's.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import FrameType

from ...names import module_id_in, number_in, package_in


@dataclass(frozen=True, slots=True)
class Finalizer:
    """A finalizer that a thread is in.

    Attributes:
        name: Its qualified name, such as ``"Context.__del__"``.
        package: The private package that it, or the object, belongs to; empty if it is of none.
        file: The file, and the line, where the finalizer is now.
    """

    name: str
    package: str
    file: str
    line: int

    def __str__(self) -> str:
        whose = ""
        if self.package:
            whose = f" of generation {number_in(self.package)} of {module_id_in(self.package)}"
        return f"{self.name}{whose} ({self.file}, line {self.line})"


def finalizer_on(thread_id: int) -> Finalizer | None:
    """Return the outermost finalizer that a thread is in, or ``None``."""
    found = None
    frame: FrameType | None = sys._current_frames().get(thread_id)
    while frame is not None:
        if _is_finalizer(frame):
            found = frame
        frame = frame.f_back
    return _describe(found) if found is not None else None


def _is_finalizer(frame: FrameType) -> bool:
    name, module = frame.f_code.co_name, frame.f_globals.get("__name__")
    return name == "__del__" or (name == "__call__" and module == "weakref")


def _describe(frame: FrameType) -> Finalizer:
    variables = frame.f_locals
    receiver = type(variables.get("self"))
    package = package_in(frame.f_globals.get("__package__")) or package_in(receiver.__module__)
    code = frame.f_code
    return Finalizer(code.co_qualname, package, code.co_filename, frame.f_lineno)
