"""Turns an exception of module code into a finding: the line, the fault and what to do.

Called by the loader for exceptions of a module's body, and by the runtime for those of phases.
"""

from __future__ import annotations

import re
import sys
import traceback
from types import FrameType, TracebackType

from ..errors import ModframeError
from ..finding import Finding
from ..names import MODULE_TYPES, plain_names
from ..source import Source
from ..wording import first_in_group, near
from .imports import DOORS

_LOCATION = re.compile(r"(?: \((?:unknown location|most likely [^)]*|/[^)]*|<[^)]*)\))+$")
_COROUTINE = re.compile(r"'coroutine'|\bcoroutine(?= is not JSON|$)", re.MULTILINE)
_MISSING_NAME = re.compile(r"cannot import name '(\w+)'")
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "jwt": "pyjwt",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Import name → the name to install, of packages where the two differ."""


def body_finding(source: Source, error: BaseException, file: str) -> Finding:
    """Return an exception of module code as a finding at the innermost line of the module.

    ``file``, which was being executed, is used if no frame of the traceback is the module's.
    """
    line, cell = 0, ""
    own_file, own_line, called = innermost_place(source, error.__traceback__)
    if own_file:
        file, line, cell = own_file, own_line, source.files[own_file].cell
    rule, cure = "body-error", _cure_for(error, called)
    if isinstance(error, ImportError):
        _use_plain_names(error)
    message = f"{type(error).__name__}{_message_of(error)}{first_in_group(error)}"
    if isinstance(error, ModframeError):
        rule, message, cure = error.rule or rule, error.message, error.cure or cure
    elif _lacks_multipart(error):
        message = (
            "forms and uploads are read by the package python-multipart, which isn't installed"
        )
        cure = "install it (pip install python-multipart)"
    elif called is not None and _needs_event_loop(error):
        message = f"{called.f_code.co_name}() needs an event loop, and a module's body has none"
    return Finding(rule, "error", message, cure=cure, file=file, line=line, cell=cell)


def innermost_place(
    source: Source, trace: TracebackType | None
) -> tuple[str, int, FrameType | None]:
    """Return the file and line where a traceback was last in a module, and what it called there.

    The file is empty if no frame is the module's.
    """
    file, line, called = "", 0, None
    for frame, number in traceback.walk_tb(trace):
        if own_file := source.file_named(frame.f_code.co_filename):
            file, line, called = own_file, number, None
        elif called is None:
            called = frame
    return file, line, called


def running_place(source: Source) -> tuple[str, int]:
    """Return the file and line of a module that a thread is executing now, or ``("", 0)``.

    Used in the error of a load that takes too long.
    """
    for innermost in sys._current_frames().values():
        for frame, line in traceback.walk_stack(innermost):
            if file := source.file_named(frame.f_code.co_filename):
                return file, line
    return "", 0


def _message_of(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as fault:  # noqa: BLE001  # the author's own __str__
        return f" (its __str__ raises {type(fault).__name__})"
    return f": {text}" if text else ""


def _lacks_multipart(error: BaseException) -> bool:
    """Return whether FastAPI asks for the package, which it does in four lines."""
    return isinstance(error, RuntimeError) and '"python-multipart"' in _message_of(error)


def _needs_event_loop(error: BaseException) -> bool:
    return isinstance(error, RuntimeError) and "no running event loop" in _message_of(error)


def known_cure(error: BaseException) -> str:
    """Return what to do about an error of Python's that doesn't say it by itself, or nothing.

    >>> known_cure(TypeError("'coroutine' object is not subscriptable"))
    'A coroutine is not its value yet: write (await ...) around it, in an async def.'
    """
    if isinstance(error, TypeError | AttributeError) and _COROUTINE.search(_message_of(error)):
        return "A coroutine is not its value yet: write (await ...) around it, in an async def."
    if type(error).__module__ == "sqlite3" and "in that same thread" in _message_of(error):
        return (
            "Constructors and phases that are no coroutines run on a thread: make it in an async "
            "def, or with check_same_thread=False."
        )
    return ""


def note_known_cure(error: BaseException) -> None:
    """Add to an error of Python's, once, what to do about it, if that is known."""
    if (cure := known_cure(error)) and cure not in getattr(error, "__notes__", ()):
        error.add_note(cure)


def _cure_for(error: BaseException, called: FrameType | None) -> str:
    if isinstance(error, ModuleNotFoundError):
        return _cure_for_package(error.name or "", called)
    if isinstance(error, ImportError):
        return _cure_for_name(error)
    if _needs_event_loop(error):
        return "start tasks in initialize() or another method"
    if cure := known_cure(error):
        return cure
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return "a module's body can't end the process; take it out or raise an error of its own"
    return "correct it"


def _cure_for_package(name: str, called: FrameType | None) -> str:
    head, _, rest = name.partition(".")
    kind, _, rest = rest.partition(".")
    if head == "modules" and kind in MODULE_TYPES and rest:
        short, _, file = rest.partition(".")
        if file:
            return f"write {file.replace('.', '/')}.py in that module, or mend the name"
        return f"load the module first, write modules/{kind}/{short}/api.py, or mend the name"
    if head == "core":
        if called is not None and called.f_globals.get("__name__") == "importlib":
            return "importlib doesn't know it; use an import statement, or 'modframe' for 'core'"
        return near(kind, DOORS).rstrip() or "import one of those"
    if head == "modframe":
        return near(kind, DOORS).rstrip() or f"modules import {', '.join(DOORS)} from it"
    if head in MODULE_TYPES:
        return f"import it as modules.{head}.<name>"
    return f"install it (pip install {_DISTRIBUTIONS.get(head, head)}) or mend the name"


def _cure_for_name(error: ImportError) -> str:
    if "partially initialized" in str(error):
        return (
            "files import each other in a circle; import inside the function that needs it, or "
            "move what both need to a third file"
        )
    framework = error.name in ("core", "modframe")
    wanted = _MISSING_NAME.search(str(error))
    names = DOORS if framework else dir(sys.modules.get(error.name or "", None))
    if wanted and error.name and (hint := near(wanted[1], names)):
        return hint.rstrip()
    if framework:
        return f"import one of {', '.join(DOORS)}"
    return "define it there, or import a name that is there"


def _use_plain_names(error: ImportError) -> None:
    """Take generation numbers and internal file names out of an import error's message."""
    error.msg = _LOCATION.sub("", plain_names(str(error.msg)))
    error.args = (error.msg,)
