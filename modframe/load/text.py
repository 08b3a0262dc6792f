"""Analyzes the text of one file, once: its code, and what the checks and the reader ask of it.

In comes a `SourceFile`; out comes an `Analysis`, or a `Fault` where the text isn't Python. Results
are cached by content, for parsing is the slowest step of a small edit. Line numbers are those of
the cell or file.
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
_BAD_CHARACTER = re.compile("[\0\ud800-\udfff]")
_SHOWN = 80
_ATTEMPTS = 50


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a text isn't Python."""

    message: str
    cure: str
    line: int


@dataclass(frozen=True, slots=True)
class RelativeImport:
    """A relative import: ``from ..module import names``.

    Attributes:
        guarded: Whether the file works without it: it handles the ImportError, or the import is
            for type checkers only.
    """

    level: int
    module: str
    names: tuple[str, ...]
    line: int
    guarded: bool


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known of a file without executing it.

    Attributes:
        code: The file, compiled with its own name and line numbers.
        imports: Its relative imports.
        unknown: Names that it uses and nothing defines.
        lines: Class, function or constant → the line that first defines it.
    """

    code: CodeType
    imports: tuple[RelativeImport, ...]
    unknown: tuple[UnknownName, ...]
    lines: Mapping[str, int]


@lru_cache(maxsize=256)
def analyze(content: SourceFile) -> Analysis | Fault:
    """Parse and compile a file, and collect its imports, definitions and undefined names."""
    if fault := _bad_characters(content):
        return fault
    padded = "\n" * (content.first_line - 1) + content.code
    try:
        tree = _tree(padded, content.filename)
        code = compile(tree, content.filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        return _syntax_fault(content, error)
    except (RecursionError, MemoryError):
        return Fault("nested too deeply for Python", "split the longest expression", 0)
    except ValueError as error:  # Python refuses some texts without a SyntaxError
        return Fault(str(error), "correct it", 0)
    return _analyze_tree(tree, code)


@lru_cache(maxsize=16)
def syntax_tree(content: SourceFile) -> ast.Module:
    """Return the syntax tree of a file that passed the checks; lines count from its first line."""
    return _tree(content.code, content.filename)


def _tree(text: str, filename: str) -> ast.Module:
    """Return the syntax tree of a text.

    Python 3.11 has one depth counter for the parsers of all threads. If the garbage collector runs
    another parsing thread in between, a valid text raises SystemError (gh-106905). This happens: a
    kernel parses cells while the loader thread parses modules.
    """
    for _ in range(_ATTEMPTS):
        with suppress(SystemError):
            return ast.parse(text, filename)
    return ast.parse(text, filename)


def place_of_line(content: SourceFile, file: str, line: int) -> dict[str, Any]:
    """Return ``file``, ``line`` and ``cell`` of a finding; ``line`` counts within the text."""
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


@lru_cache(maxsize=1024)
def is_code(file: str) -> bool:
    """Return whether a file is code that a module runs, not a test or a script.

    >>> [is_code(file) for file in ("api.py", "parts/text.py", "tests/test_it.py", "try-me.py")]
    [True, True, False, False]
    """
    *folders, name = file.removesuffix(".py").split("/")
    return (
        file.endswith(".py")
        and all(part.isidentifier() for part in (*folders, name))
        and (folders or [""])[0] not in ("tests", "migrations")
        and not name.startswith("test_")
        and name != "conftest"
    )


def is_test(file: str) -> bool:
    """Return whether a file holds tests, which only a trial or pytest runs.

    >>> [is_test(file) for file in ("test_api.py", "tests/test_it.py", "tests/conftest.py")]
    [True, True, False]
    """
    name = file.rpartition("/")[2]
    return name.startswith("test_") and name.endswith(".py") and not file.startswith("migrations/")


# -- what isn't Python -------------------------------------------------------------------------


def _bad_characters(content: SourceFile) -> Fault | None:
    match = _BAD_CHARACTER.search(content.text)
    if match is None:
        return None
    character = match[0]
    number = next((n for n, line in enumerate(content.lines, 1) if character in line), 0)
    if character == "\0":
        return Fault("a NUL character", "take it out; is this a text file?", number)
    byte = ord(character) - 0xDC00
    what = f"byte 0x{byte:02x} is" if 0x80 <= byte <= 0xFF else "half a character is"
    return Fault(f"{what} not UTF-8 text", "save the file as UTF-8", number)


def _syntax_fault(content: SourceFile, error: SyntaxError) -> Fault:
    line, lines = error.lineno or 0, content.lines
    code = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    shown = code if len(code) <= _SHOWN else f"{code[:_SHOWN]}..."
    message = f"{error.msg}: {shown}" if shown else error.msg
    if _MAGIC.match(code):
        cure = "module code is plain Python; take the magic or shell line out"
    elif "outside" in error.msg and ("await" in error.msg or "async" in error.msg):
        cure = "a module's body can't await; do it in initialize() or another method"
    elif "__future__" in error.msg and "beginning" in error.msg:
        cure = "make it the first statement"
    else:
        cure = "correct the line"
    return Fault(message, cure, line)


# -- what a tree holds -------------------------------------------------------------------------


def _analyze_tree(tree: ast.Module, code: CodeType) -> Analysis:
    imports: list[RelativeImport] = []
    lines: dict[str, int] = {}
    annotated: set[str] = set()
    for node, guarded in _statements(tree.body, guarded=False):
        match node:
            case ast.ImportFrom(level=level) if level:
                names = tuple(alias.name for alias in node.names)
                imports.append(
                    RelativeImport(level, node.module or "", names, node.lineno, guarded)
                )
            case ast.ClassDef():
                lines.setdefault(node.name, node.lineno)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                lines.setdefault(node.name, node.lineno)
                annotated |= _names_in(
                    [node.returns, *(arg.annotation for arg in _parameters(node.args))]
                )
            case ast.Assign():
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        lines.setdefault(target.id, node.lineno)
            case ast.AnnAssign():
                if isinstance(node.target, ast.Name):
                    lines.setdefault(node.target.id, node.lineno)
                annotated |= _names_in([node.annotation])
            case _:
                pass
    return Analysis(code, tuple(imports), unknown_names(tree, code, annotated), lines)


def _statements(body: Iterable[ast.stmt], *, guarded: bool) -> Iterator[tuple[ast.stmt, bool]]:
    for node in body:
        yield node, guarded
        if inside := getattr(node, "body", ()):
            yield from _statements(inside, guarded=guarded or _guards_imports(node))
        for name in ("orelse", "finalbody"):
            if block := getattr(node, name, ()):
                yield from _statements(block, guarded=guarded)
        for block in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
            yield from _statements(block.body, guarded=guarded)


def _guards_imports(node: ast.stmt) -> bool:
    """Return whether imports in the body of a statement may fail, or aren't executed."""
    if isinstance(node, ast.Try | ast.TryStar):
        kinds = [handler.type for handler in node.handlers]
        caught = {
            name.id
            for kind in kinds
            for name in (kind.elts if isinstance(kind, ast.Tuple) else [kind])
            if isinstance(name, ast.Name)
        }
        handles_imports = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
        return None in kinds or bool(caught & handles_imports)
    if isinstance(node, ast.If):
        test = node.test
        return getattr(test, "id", getattr(test, "attr", "")) == "TYPE_CHECKING"
    return False


def _parameters(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from arguments.posonlyargs
    yield from arguments.args
    yield from arguments.kwonlyargs
    yield from filter(None, (arguments.vararg, arguments.kwarg))


def _names_in(annotations: Iterable[ast.expr | None]) -> set[str]:
    """Return the names that annotations use, also inside strings that are types."""
    names: set[str] = set()
    waiting: list[tuple[ast.AST, bool]] = [(each, True) for each in annotations if each is not None]
    while waiting:
        node, is_type = waiting.pop()
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif not isinstance(node, ast.Constant):
            is_type = is_type and not _has_values(node)
            waiting += [(child, is_type) for child in ast.iter_child_nodes(node)]
        elif is_type and isinstance(node.value, str):
            names.update(re.findall(r"(?<![\w.])[^\W\d]\w*", node.value))
    return names


def _has_values(node: ast.AST) -> bool:
    """Return whether strings in a part of an annotation are values: ``Query("a text")``."""
    if isinstance(node, ast.Subscript):
        name = getattr(node.value, "id", getattr(node.value, "attr", ""))
        return name == "Literal"
    return isinstance(node, ast.Call)
