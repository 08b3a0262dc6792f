"""One file's text, understood once: its code, and what checks and reader ask of it.

In comes a `SourceFile`; out comes a `Text`, or a `Fault` where it isn't Python. Kept by content,
since parsing is the dearest step of a small edit. Lines are those of the cell or file.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Any

from ..source import Source, SourceFile
from .undefined import UnknownName, unknown_names

_MAGIC = re.compile(r"[%!?]|\w+\?$")
_SHOWN = 80
_ATTEMPTS = 50


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a text is no Python."""

    message: str
    cure: str
    line: int


@dataclass(frozen=True, slots=True)
class RelativeImport:
    """A relative import: ``from ..module import names``.

    Attributes:
        guarded: Whether the file can do without: it handles the ImportError, or only a type
            checker follows it.
    """

    level: int
    module: str
    names: tuple[str, ...]
    line: int
    guarded: bool


@dataclass(frozen=True, slots=True)
class Text:
    """What a file says.

    Attributes:
        code: The file, compiled under its own name and lines.
        imports: Its relative imports.
        unknown: The names it uses and nothing defines.
        lines: Class, function or constant → the line that first defines it.
    """

    code: CodeType
    imports: tuple[RelativeImport, ...]
    unknown: tuple[UnknownName, ...]
    lines: Mapping[str, int]


@lru_cache(maxsize=256)
def understand(content: SourceFile) -> Text | Fault:
    """Parse, compile and look through a file."""
    if fault := _bad_characters(content):
        return fault
    padded = "\n" * (content.first_line - 1) + content.code
    try:
        tree = _tree(padded, content.filename)
        code = compile(tree, content.filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        return _syntax(content, error)
    except (RecursionError, MemoryError):
        return Fault("nested too deeply for Python", "split the longest expression", 0)
    except ValueError as error:  # what Python refuses without calling it syntax
        return Fault(str(error), "correct it", 0)
    return _look_through(tree, code)


@lru_cache(maxsize=16)
def parsed(content: SourceFile) -> ast.Module:
    """The syntax tree of a file that passed the checks; lines count from the text's first."""
    return _tree(content.code, content.filename)


def _tree(text: str, filename: str) -> ast.Module:
    """The syntax tree of a text.

    Python 3.11 counts the depth of the trees that all threads make in one place, and where the
    collector lets another thread in between it calls a sound text a SystemError (gh-106905). A
    kernel parses its cells beside the loader thread, so this does come to pass.
    """
    for _ in range(_ATTEMPTS):
        with suppress(SystemError):
            return ast.parse(text, filename)
    return ast.parse(text, filename)


def place(content: SourceFile, file: str, line: int) -> dict[str, Any]:
    """The ``file``, ``line`` and ``cell`` of a finding about a line of a text, from its first."""
    return {
        "file": file,
        "line": line + content.first_line - 1 if line else 0,
        "cell": content.cell,
    }


def place_of_callable(function: object, source: Source) -> dict[str, Any]:
    """Return ``file``, ``line`` and ``cell`` of a function or method, as a finding has them.

    Empty if it is not written in the module's own files.
    """
    code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
    file = source.file_named(code.co_filename) if code is not None else ""
    if code is None or not file:
        return {}
    return {"file": file, "line": code.co_firstlineno, "cell": source.files[file].cell}


def is_code(file: str) -> bool:
    """Whether a file is part of what a module runs, as opposed to its tests and scripts.

    >>> [is_code(file) for file in ("api.py", "parts/text.py", "tests/test_it.py", "try-me.py")]
    [True, True, False, False]
    """
    *folders, name = file.removesuffix(".py").split("/")
    return (
        file.endswith(".py")
        and all(one.isidentifier() for one in (*folders, name))
        and (folders or [""])[0] not in ("tests", "migrations")
        and not name.startswith("test_")
        and name != "conftest"
    )


def is_test(file: str) -> bool:
    """Whether a file holds tests, which only a trial and a person's pytest run.

    >>> [is_test(file) for file in ("test_api.py", "tests/test_it.py", "tests/conftest.py")]
    [True, True, False]
    """
    name = file.rpartition("/")[2]
    return name.startswith("test_") and name.endswith(".py") and not file.startswith("migrations/")


# -- what isn't Python -------------------------------------------------------------------------


def _bad_characters(content: SourceFile) -> Fault | None:
    if content.text.isascii() and "\0" not in content.text:
        return None
    for number, line in enumerate(content.lines, 1):
        if "\0" in line:
            return Fault("a NUL character", "take it out; is this a text file?", number)
        if line.isascii():
            continue
        for character in line:
            if "\ud800" <= character <= "\udfff":
                byte = ord(character) - 0xDC00
                what = f"byte 0x{byte:02x} is" if 0x80 <= byte <= 0xFF else "half a character is"
                return Fault(f"{what} not UTF-8 text", "save the file as UTF-8", number)
    return None


def _syntax(content: SourceFile, error: SyntaxError) -> Fault:
    line, lines = error.lineno or 0, content.lines
    said = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    shown = said if len(said) <= _SHOWN else f"{said[:_SHOWN]}..."
    message = f"{error.msg}: {shown}" if shown else error.msg
    if _MAGIC.match(said):
        cure = "module code is plain Python; take the magic or shell line out"
    elif "outside" in error.msg and ("await" in error.msg or "async" in error.msg):
        cure = "a module's body can't await; do it in initialize() or another method"
    elif "__future__" in error.msg and "beginning" in error.msg:
        cure = "make it the first statement"
    else:
        cure = "correct the line"
    return Fault(message, cure, line)


# -- what it says ------------------------------------------------------------------------------


def _look_through(tree: ast.Module, code: CodeType) -> Text:
    imports: list[RelativeImport] = []
    lines: dict[str, int] = {}
    noted: set[str] = set()
    for node, guarded in _statements(tree.body, guarded=False):
        match node:
            case ast.ImportFrom(level=level) if level:
                names = tuple(one.name for one in node.names)
                imports.append(
                    RelativeImport(level, node.module or "", names, node.lineno, guarded)
                )
            case ast.ClassDef():
                lines.setdefault(node.name, node.lineno)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                lines.setdefault(node.name, node.lineno)
                noted |= _annotated(_annotations(node))
            case ast.Assign():
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        lines.setdefault(target.id, node.lineno)
            case ast.AnnAssign():
                if isinstance(node.target, ast.Name):
                    lines.setdefault(node.target.id, node.lineno)
                noted |= _annotated([node.annotation])
            case _:
                pass
    return Text(code, tuple(imports), unknown_names(tree, code, noted), lines)


def _statements(body: Iterable[ast.stmt], *, guarded: bool) -> Iterator[tuple[ast.stmt, bool]]:
    for node in body:
        yield node, guarded
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, name, None)
            if not isinstance(inner, list):
                continue
            inside = guarded or (name == "body" and _guards(node))
            if name in ("handlers", "cases"):
                for one in inner:
                    yield from _statements(one.body, guarded=guarded)
            else:
                yield from _statements(inner, guarded=inside)


def _guards(node: ast.stmt) -> bool:
    """Whether the body of a statement need not succeed in importing."""
    if isinstance(node, ast.Try | ast.TryStar):
        kinds = [one.type for one in node.handlers]
        caught = {
            name.id
            for kind in kinds
            for name in (kind.elts if isinstance(kind, ast.Tuple) else [kind])
            if isinstance(name, ast.Name)
        }
        loose = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
        return None in kinds or bool(caught & loose)
    if isinstance(node, ast.If):
        test = node.test
        return getattr(test, "id", getattr(test, "attr", "")) == "TYPE_CHECKING"
    return False


def _annotations(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    given = node.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    yield from (one.annotation for one in every if one is not None and one.annotation is not None)
    if node.returns is not None:
        yield node.returns


def _annotated(annotations: Iterable[ast.expr]) -> set[str]:
    """The names that annotations use, those inside strings included."""
    found: set[str] = set()
    for annotation in annotations:
        for node in ast.walk(annotation):
            if isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(re.findall(r"(?<![\w.])[^\W\d]\w*", node.value))
    return found
