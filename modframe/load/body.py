"""An exception out of a module's code as a finding: where in the module, what, and what to do.

Called by the loader for what the files raise when they are executed, and by the runtime for what
phases raise.
"""

from __future__ import annotations

import re
import sys
import traceback
from types import FrameType

from ..errors import Finding, ModframeError
from ..names import MODULE_TYPES, plain_names
from ..source import Source
from ..wording import near
from .imports import DOORS

_WHERE = re.compile(r"(?: \((?:unknown location|most likely [^)]*|/[^)]*|<[^)]*)\))+$")
_NAME = re.compile(r"cannot import name '(\w+)'")
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
"""Packages whose name to install differs from the one to import."""

_DEFAULT = "correct it"


def body_finding(source: Source, error: BaseException, file: str) -> Finding:
    """An exception out of module code as a finding, at its innermost line in the module.

    Args:
        source: The module's text.
        error: What was raised.
        file: The file that ran, where the traceback does not say.
    """
    line, cell, inner = 0, "", None
    for frame, number in traceback.walk_tb(error.__traceback__):
        if found := source.file_named(frame.f_code.co_filename):
            file, line, cell, inner = found, number, source.files[found].cell, None
        elif inner is None:
            inner = frame
    if isinstance(error, ModframeError):
        return Finding(
            error.rule or "body-error",
            "error",
            error.message,
            cure=error.cure or _DEFAULT,
            file=file,
            line=line,
            cell=cell,
        )
    cure = _cure(error, inner)
    if isinstance(error, ImportError):
        _speak_plainly(error)
    message = f"{type(error).__name__}{_said(error)}"
    if inner is not None and _lacks_loop(error):
        message = f"{inner.f_code.co_name}() needs an event loop, and a module's body has none"
    return Finding("body-error", "error", message, cure=cure, file=file, line=line, cell=cell)


def running_place(source: Source) -> tuple[str, int]:
    """The file and the line of a module that some thread is executing at the moment.

    For the error of a load that takes too long; an empty file if none does.
    """
    for frame in sys._current_frames().values():
        step: FrameType | None = frame
        while step is not None:
            if file := source.file_named(step.f_code.co_filename):
                return file, step.f_lineno
            step = step.f_back
    return "", 0


def _said(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as fault:  # noqa: BLE001  # the author's own __str__
        return f" (its __str__ raises {type(fault).__name__})"
    return f": {text}" if text else ""


def _lacks_loop(error: BaseException) -> bool:
    return isinstance(error, RuntimeError) and "no running event loop" in _said(error)


def _cure(error: BaseException, inner: FrameType | None) -> str:
    if isinstance(error, ModuleNotFoundError):
        return _missing_package(error.name or "", inner)
    if isinstance(error, ImportError):
        return _missing_name(error)
    if _lacks_loop(error):
        return "start tasks in initialize() or another method"
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return "a module's body can't end the process; take it out or raise an error of its own"
    return _DEFAULT


def _missing_package(name: str, inner: FrameType | None) -> str:
    head, _, rest = name.partition(".")
    kind, _, rest = rest.partition(".")
    if head == "modules" and kind in MODULE_TYPES and rest:
        short, _, file = rest.partition(".")
        if file:
            return f"write {file.replace('.', '/')}.py in that module, or mend the name"
        return f"load the module first, write modules/{kind}/{short}/api.py, or mend the name"
    if head == "core":
        if inner is not None and inner.f_globals.get("__name__") == "importlib":
            return "importlib doesn't know it; use an import statement, or 'modframe' for 'core'"
        return near(kind, DOORS).rstrip() or "import one of those"
    if head == "modframe":
        return near(kind, DOORS).rstrip() or f"modules import {', '.join(DOORS)} from it"
    return f"install it (pip install {_DISTRIBUTIONS.get(head, head)}) or mend the name"


def _missing_name(error: ImportError) -> str:
    if "partially initialized" in str(error):
        return (
            "files import each other in a circle; import inside the function that needs it, or "
            "move what both need to a third file"
        )
    framework = error.name in ("core", "modframe")
    wanted = _NAME.search(str(error))
    names = DOORS if framework else dir(sys.modules.get(error.name or "", None))
    if wanted and error.name and (hint := near(wanted[1], names)):
        return hint.rstrip()
    if framework:
        return f"import one of {', '.join(DOORS)}"
    return "define it there, or import a name that is there"


def _speak_plainly(error: ImportError) -> None:
    """Let an import error name modules as people do, without number and internal file."""
    error.msg = _WHERE.sub("", plain_names(str(error.msg)))
    error.args = (error.msg,)
