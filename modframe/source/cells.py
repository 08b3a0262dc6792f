"""A cell's text → a module's file: the ``%%module`` line, told apart and understood in one place.

The magic takes its arguments from `ARGUMENTS` and its cell's parts from `split_cell`; notebooks
that are read from disk go through `parse_line` as well, for there is no IPython to parse for them.
"""

from __future__ import annotations

import argparse
import io
import re
import shlex
from dataclasses import dataclass
from typing import Any, NoReturn

from ..errors import WorkspaceError
from ..spec import module_id_of
from ..wording import near, otherwise

MAGIC = "%%module"
ARGUMENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("module", {"help": "the module's id; 'orders' means standard.orders"}),
    ("file", {"nargs": "?", "default": "api.py", "help": "which of its files this cell is"}),
    ("--draft", {"action": "store_true", "help": "keep the text, don't try it yet"}),
    ("--test", {"action": "store_true", "help": "the module's own tests must pass first"}),
    ("--plan", {"action": "store_true", "help": "say what would change; change nothing"}),
    ("--force", {"action": "store_true", "help": "take away what live modules use, too"}),
)
"""What stands behind ``%%module``, as `argparse` takes it."""

_LINE = re.compile(rf"\s*{MAGIC}(?=\s|\Z)")
_FILE = re.compile(r"[A-Za-z_]\w*(/[A-Za-z_]\w*)*\.py\Z")
_WRAPPER = re.compile(r"\s*(?:%%(?:time|capture)\b.*)?\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CellParts:
    """A cell with a ``%%module`` line.

    Attributes:
        above: The lines before it. ``line``: what stands behind the magic's name.
        text: All below it, byte for byte.
        head: The lines above the text with the magic made a comment, for display.
        first_line: The line of the cell that the text begins at, from 1.
    """

    above: tuple[str, ...]
    line: str
    text: str
    head: str
    first_line: int

    @property
    def runs(self) -> bool:
        """Whether IPython would run the magic: nothing but blank lines and ``%%time`` or
        ``%%capture`` stands above it.
        """
        return all(map(_WRAPPER.match, self.above))


@dataclass(frozen=True, slots=True)
class CellLine:
    """What a ``%%module`` line says: whose text the cell is, and which file.

    Attributes:
        counts: Whether the text is part of the module; ``--plan`` only asks.
    """

    module_id: str
    file: str
    counts: bool = True


def split_cell(raw: str) -> CellParts | None:
    """The parts of a cell, or nothing where it has no ``%%module`` line.

    >>> split_cell("%%module orders\\nx = 1").text
    'x = 1'
    """
    lines = io.StringIO(raw, newline="").readlines()
    at = next((number for number, one in enumerate(lines) if _LINE.match(one)), None)
    if at is None:
        return None
    head = "".join([*lines[:at], f"# {lines[at].lstrip()}"])
    line = _LINE.sub("", lines[at]).strip()
    return CellParts(tuple(lines[:at]), line, "".join(lines[at + 1 :]), head, at + 2)


def is_module_file(name: str) -> bool:
    """Whether a module can have a file of that name.

    >>> is_module_file("helpers/text.py"), is_module_file("../api.py"), is_module_file("a-b.py")
    (True, False, False)
    """
    return _FILE.match(name) is not None


def parse_line(line: str) -> CellLine:
    """What stands behind ``%%module``, understood.

    Raises:
        WorkspaceError: If the line can't be understood.
        InvalidModuleIdError: If it names no module.

    >>> parse_line("orders services.py --draft")
    CellLine(module_id='standard.orders', file='services.py', counts=True)
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise _not_understood(line, str(error)) from None
    given = _parser(line).parse_args(words)
    if not is_module_file(given.file):
        raise WorkspaceError(
            f"{given.file!r} can't be a module's file",
            cure="give a Python file such as services.py",
        )
    return CellLine(module_id_of(given.module), given.file, not given.plan)


class _Parser(argparse.ArgumentParser):
    """Raises where the original would end the process."""

    line = ""

    def error(self, message: str) -> NoReturn:
        """Refuse the line."""
        raise _not_understood(self.line, message)


def _parser(line: str) -> _Parser:
    parser = _Parser(prog=MAGIC, add_help=False)
    parser.line = line
    for name, options in ARGUMENTS:
        parser.add_argument(name, **options)
    return parser


def _not_understood(line: str, why: str) -> WorkspaceError:
    flags = [name for name, _ in ARGUMENTS if name.startswith("-")]
    strange = (word for word in line.split() if word.startswith("-") and word not in flags)
    hint = next(filter(None, (near(word, flags) for word in strange)), "")
    return WorkspaceError(
        f"{MAGIC} {line}".rstrip() + f": {why}",
        cure=otherwise(
            hint, f"write {MAGIC} MODULE [FILE], for example {MAGIC} orders services.py"
        ),
    )
