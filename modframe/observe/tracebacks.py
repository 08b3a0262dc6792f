"""Tracebacks in the log: trimmed to module code when they are recorded, folded when they are read.

In goes an exception, out come its traceback's text and the place in module code where it was
raised. `event.py` and `loggers.py` call it; ``modframe logs`` folds what it prints. Module code is
told by the private package that its frames run in; the loader there names the file and the cell.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from ..errors import ModframeError
from ..names import module_id_in, package_in
from ..result import Made
from ..wording import count

MACHINERY = frozenset({"modframe", "asyncio", "concurrent", "contextlib", "importlib"})
"""Packages whose frames say nothing about a fault of module code."""
_FILE = re.compile(r'(?P<margin>[ |]*)File "(?P<path>.+)", line \d+')
_LIBRARY = re.compile(
    r"/(?:site|dist)-packages/([^/]+)|/lib/python3[^/]*/(?!(?:site|dist)-packages)([^/]+)"
    r"|<frozen (\w+)"
)
_FRAMEWORK = re.compile(r"/(modframe)/(?!core_modules/)")
_Frame = tuple[FrameType, int]


@dataclass(frozen=True, slots=True)
class Raised:
    """Where an exception came from.

    Attributes:
        module_id: The module whose code it was; empty if it was no module's.
        place: ``"api.py, Cell In[3], line 7"``; empty if it was no module's.
        code: The file and function, for telling one fault from another.
        package: The private package of the module's generation.
    """

    module_id: str = ""
    place: str = ""
    code: str = ""
    package: str = ""

    def __bool__(self) -> bool:
        """Return whether it was a line of module code."""
        return bool(self.place)


def find_raised(error: BaseException) -> Raised:
    """Return the innermost line of module code that an exception or a cause of it passed."""
    outermost = Raised()
    for cause in _chain(error):
        frames = list(traceback.walk_tb(cause.__traceback__))
        for frame, line in reversed(frames):
            if _module_of(frame.f_globals):
                return _raised(frame.f_code, frame.f_globals, line)
        if frames and not outermost.code:
            code = frames[-1][0].f_code
            outermost = Raised(code=f"{code.co_filename}:{code.co_qualname}")
    return outermost


def find_running() -> Raised:
    """Return the innermost line of module code that runs in this thread, for what it logs."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if _module_of(frame.f_globals):
            return _raised(frame.f_code, frame.f_globals, frame.f_lineno)
        frame = frame.f_back
    return Raised()


def find_made(made: Made | None) -> Raised:
    """Return the line of module code that made an error `Result`, while its file is loaded."""
    module = sys.modules.get(made.module) if made is not None else None
    if made is None or module is None or not _module_of(vars(module)):
        return Raised()
    return _raised(made.code, vars(module), made.line)


def _raised(code: CodeType, namespace: Mapping[str, Any], line: int) -> Raised:
    file, _ = _file_and_cell(code, namespace)
    return Raised(
        _module_of(namespace),
        _place(code, namespace, line),
        f"{file}:{code.co_qualname}",
        package_in(namespace.get("__name__")),
    )


def find_written(function: Any) -> Raised:
    """Return the first line of a function of module code."""
    plain = inspect.unwrap(function)
    code, namespace = getattr(plain, "__code__", None), getattr(plain, "__globals__", {})
    if code is None or not _module_of(namespace):
        return Raised()
    return _raised(code, namespace, code.co_firstlineno)


def find_defined(function: Any) -> str:
    """Return the place of a function of module code, as `Raised.place`; empty for any other."""
    return find_written(function).place


def format_trimmed(error: BaseException) -> str:
    """Return a traceback's text, without what called the module and without modframe's frames.

    One without module code is kept whole, since it is modframe's or a library's own fault. A
    `ModframeError` whose cause is no exception has none: its message says what the frames would.
    ``MODFRAME_DEBUG`` keeps every frame.
    """
    report = traceback.TracebackException.from_exception(error, lookup_lines=False)
    cells: dict[str, str] = {}
    if not os.environ.get("MODFRAME_DEBUG"):
        pairs = [
            (inner, frames)
            for inner, cause in _pairs(report, error)
            if len(frames := list(traceback.walk_tb(cause.__traceback__))) == len(inner.stack)
        ]
        if any(_module_of(frame.f_globals) for _, frames in pairs for frame, _ in frames):
            for inner, frames in pairs:
                inner.stack[:] = [inner.stack[at] for at in _shown(frames)]
                cells |= dict(_cell_names(frames))
        elif isinstance(error, ModframeError) and error.__cause__ is None:
            return "\n".join(getattr(error, "__notes__", ()))
    text = "".join(report.format()).rstrip("\n")
    for filename, label in cells.items():
        text = text.replace(f'File "{filename}"', f'File "{label}"')
    return text


def fold(text: str) -> Iterator[str]:
    """Yield the lines of a traceback; frames of frameworks in a row become one line.

    >>> at = 'File "/usr/lib/python3.12/{}", line 1, in run'
    >>> frames = [at.format("asyncio/runners.py"), at.format("json/decoder.py")]
    >>> list(fold("\\n".join([*frames, "ValueError: no number"])))
    ['... 2 frames of asyncio, json', 'ValueError: no number']
    """
    margin, folded = "", list[str]()
    for line in text.split("\n"):
        head = _FILE.match(line)
        if head is not None and (name := _framework(head["path"])):
            if folded and head["margin"] != margin:
                yield _folded(margin, folded)
                folded = []
            margin = head["margin"]
            folded.append(name)
        elif folded and head is None and _continues(line, margin):
            continue  # the frame's own source
        else:
            if folded:
                yield _folded(margin, folded)
                folded = []
            yield line
    if folded:
        yield _folded(margin, folded)


def _folded(margin: str, names: Iterable[str]) -> str:
    frames = list(names)
    return f"{margin}... {count(len(frames), 'frame')} of {', '.join(dict.fromkeys(frames))}"


def _continues(line: str, margin: str) -> bool:
    inner = line.removeprefix(margin)
    return line.startswith(margin) and (inner[:1] == " " or inner.startswith("[Previous line"))


def _framework(path: str) -> str:
    """Return the name of the library that a file belongs to; empty for a person's own file."""
    path = path.replace("\\", "/")
    found = list(_LIBRARY.finditer(path)) or list(_FRAMEWORK.finditer(path))
    name = next(filter(None, found[-1].groups()), "") if found else ""
    return name.removesuffix(".py")


# -- frames ------------------------------------------------------------------------------------


def _module_of(namespace: Mapping[str, Any]) -> str:
    return module_id_in(package) if (package := package_in(namespace.get("__name__"))) else ""


def _file_and_cell(code: CodeType, namespace: Mapping[str, Any]) -> tuple[str, str]:
    """Return what the module's loader calls the file of some code, and its cell."""
    tell = getattr(namespace.get("__loader__"), "file_and_cell", None)
    if tell is None:
        return code.co_filename, ""
    file, cell = tell(namespace["__name__"])
    return str(file), str(cell)


def _place(code: CodeType, namespace: Mapping[str, Any], line: int) -> str:
    file, cell = _file_and_cell(code, namespace)
    return ", ".join(filter(None, (file, cell, f"line {line}")))


def _cell_names(frames: Iterable[_Frame]) -> Iterator[tuple[str, str]]:
    """Yield the name that Python gave a cell, and the one that people know it by."""
    for frame, _ in frames:
        if _module_of(frame.f_globals):
            file, cell = _file_and_cell(frame.f_code, frame.f_globals)
            if cell:
                yield frame.f_code.co_filename, f"{file}, {cell}"


def _shown(frames: list[_Frame]) -> list[int]:
    """Return the positions of frames that a person wants to see."""
    own = [at for at, (frame, _) in enumerate(frames) if _module_of(frame.f_globals)]
    return [at for at in range(own[0] if own else 0, len(frames)) if not _is_internal(frames[at])]


def _is_internal(step: _Frame) -> bool:
    return str(step[0].f_globals.get("__name__", "")).partition(".")[0] in MACHINERY


# -- causes ------------------------------------------------------------------------------------


def _cause(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes, each once; of a group, its first exception is one."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting.append(_cause(one))
        if isinstance(one, BaseExceptionGroup):
            waiting.append(one.exceptions[0])


def _pairs(
    report: traceback.TracebackException, error: BaseException
) -> Iterator[tuple[traceback.TracebackException, BaseException]]:
    """Yield each exception of a report with the part of the report that is about it."""
    waiting: list[tuple[traceback.TracebackException | None, BaseException | None]]
    waiting = [(report, error)]
    while waiting:
        inner, cause = waiting.pop()
        if inner is None or cause is None:
            continue
        yield inner, cause
        waiting += [(inner.__cause__, cause.__cause__), (inner.__context__, cause.__context__)]
        if isinstance(cause, BaseExceptionGroup):
            waiting += zip(inner.exceptions or (), cause.exceptions, strict=False)
