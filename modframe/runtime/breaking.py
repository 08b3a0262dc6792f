"""Break module code out of what it hangs in, by an exception that is raised in its thread.

Called with the id of a thread that runs module code. The exception arrives between two bytecodes:
a call into C, such as ``time.sleep`` or a socket's read, has to return first.
"""

from __future__ import annotations

import sys

from .ownership import Place, place_of


class BrokenOutError(BaseException):
    """Raised in module code that ran past its bound; not caught by ``except Exception``.

    Attributes:
        place: Where the code was, if that is known.
    """

    place: Place | None = None

    def __init__(self) -> None:
        super().__init__(f"it ran past its bound in {self.place or 'module code'}")


def place_in(thread_id: int) -> Place | None:
    """Return where a thread executes module code now; ``None`` if it executes none."""
    frame = sys._current_frames().get(thread_id)
    return place_of(frame) if frame is not None else None


def raise_in(thread_id: int, place: Place | None) -> None:
    """Raise a `BrokenOutError` in a thread; one that has ended is left alone."""
    # A class of its own, because the interpreter takes a class and makes the exception itself.
    _set_exception(thread_id, type("BrokenOutError", (BrokenOutError,), {"place": place}))


def take_back(thread_id: int) -> None:
    """Take back an exception that has not arrived yet."""
    _set_exception(thread_id, None)


def _set_exception(thread_id: int, error: type[BaseException] | None) -> None:
    import ctypes  # takes 5 ms, and only code that hangs needs it

    target = ctypes.c_ulong(thread_id)
    value = ctypes.py_object(error) if error is not None else ctypes.c_void_p()
    ctypes.pythonapi.PyThreadState_SetAsyncExc(target, value)
