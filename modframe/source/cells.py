"""Splits a cell at its ``%%module`` line and parses that line.

The magic and the reader of notebooks on disk, which no IPython runs, call `split_cell` and
`parse_line`.
"""

from __future__ import annotations

import argparse
import io
import re
import shlex
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NoReturn

from ..errors import WorkspaceError
from ..spec import module_id_of
from ..wording import near, otherwise

MAGIC = "%%module"
ARGUMENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("module", {}),
    ("file", {"nargs": "?", "default": "api.py"}),
    ("--draft", {"action": "store_true"}),
    ("--test", {"action": "store_true"}),
    ("--plan", {"action": "store_true"}),
    ("--force", {"action": "store_true"}),
)
"""The arguments of ``%%module``, as `argparse` takes them; the magic's help explains them."""

_LINE = re.compile(rf"\s*{MAGIC}(?=\s|\Z)")
_FILE = re.compile(r"[A-Za-z_]\w*(/[A-Za-z_]\w*)*\.py\Z")
_TEXT_FILE = re.compile(r"(?:[\w\-][\w.\-]*/)*[\w\-][\w.\-]*\.(?!py)\w+\Z")
_WRAPPER = re.compile(r"\s*(?:%%(?:time|capture)\b.*)?\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CellParts:
    """A cell with a ``%%module`` line.

    Attributes:
        above: The lines before it. ``line``: the arguments after the magic's name.
        text: All below it, byte for byte.
        head: The lines above the text, the magic made a comment; for display.
        first_line: The line of the cell that the text begins at, from 1.
    """

    above: tuple[str, ...]
    line: str
    text: str
    head: str
    first_line: int

    @property
    def runs(self) -> bool:
        """Whether IPython would run the magic: above it are only blank lines, ``%%time`` and
        ``%%capture``.
        """
        return all(map(_WRAPPER.match, self.above))


@dataclass(frozen=True, slots=True)
class CellLine:
    """The arguments of a ``%%module`` line."""

    module_id: str
    file: str
    draft: bool = False
    test: bool = False
    plan: bool = False
    force: bool = False


def split_cell(raw: str) -> CellParts | None:
    """Return the parts of a cell, or ``None`` if it has no ``%%module`` line.

    >>> split_cell("%%module orders\\nx = 1").text
    'x = 1'
    """
    lines = io.StringIO(raw, newline="").readlines()
    at = next((number for number, line in enumerate(lines) if _LINE.match(line)), None)
    if at is None:
        return None
    head = "".join([*lines[:at], f"# {lines[at].lstrip()}"])
    arguments = _LINE.sub("", lines[at]).strip()
    return CellParts(tuple(lines[:at]), arguments, "".join(lines[at + 1 :]), head, at + 2)


def is_module_file(name: str) -> bool:
    """Return whether a module can have a file of that name: Python, or any text.

    >>> is_module_file("helpers/text.py"), is_module_file("../api.py"), is_module_file("a-b.py")
    (True, False, False)
    >>> is_module_file("README.md"), is_module_file("queries/top-ten.sql"), is_module_file(".env")
    (True, True, False)
    """
    return _FILE.match(name) is not None or _TEXT_FILE.match(name) is not None


@lru_cache(maxsize=64)  # a cell is run again and again, and argparse is slow
def parse_line(line: str) -> CellLine:
    """Parse the arguments of a ``%%module`` line.

    Raises:
        WorkspaceError: If the line can't be parsed.
        InvalidModuleIdError: If it names no module.

    >>> line = parse_line("orders services.py --draft")
    >>> line.module_id, line.file, line.draft, line.plan
    ('standard.orders', 'services.py', True, False)
    """
    try:
        arguments = _parser().parse_args(shlex.split(line))
    except ValueError as error:
        raise _parse_error(line, str(error)) from None
    if not is_module_file(arguments.file):
        raise WorkspaceError(
            f"{arguments.file!r} can't be a module's file",
            cure="give a Python file such as services.py, or a text file such as README.md",
        )
    values = vars(arguments)
    return CellLine(module_id_of(values.pop("module")), **values)


@cache
def _parser() -> _Parser:
    parser = _Parser(prog=MAGIC, add_help=False)
    for name, options in ARGUMENTS:
        parser.add_argument(name, **options)
    return parser


class _Parser(argparse.ArgumentParser):
    """Raises an error where the base class would end the process."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _parse_error(line: str, why: str) -> WorkspaceError:
    flags = [name for name, _ in ARGUMENTS if name.startswith("-")]
    unknown = (word for word in line.split() if word.startswith("-") and word not in flags)
    hint = next(filter(None, (near(word, flags) for word in unknown)), "")
    return WorkspaceError(
        f"{MAGIC} {line}".rstrip() + f": {why}",
        cure=otherwise(
            hint, f"write {MAGIC} MODULE [FILE], for example {MAGIC} orders services.py"
        ),
    )
