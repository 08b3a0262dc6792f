"""`Source`: a module's text, frozen, with where it comes from; made by cells, folders and callers.

A draft is a source too: the one that cells are working on. Every change of it is a new source.
"""

from __future__ import annotations

import hashlib
import io
import linecache
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from ..errors import WorkspaceError
from ..wording import count

Origin = Literal["cells", "folder", "mapping", "notebook"]


def _bytes(text: str) -> bytes:
    """A text's bytes; half characters, which a check refuses later, have some too."""
    return text.encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a module: its text, and the place that tracebacks and debuggers know it by.

    Attributes:
        text: What the file says; an export writes exactly this.
        filename: ``co_filename`` and ``__file__`` of the code.
        first_line: The line, from 1, that the text's first line has in that place: 2 below a
            ``%%module`` line.
        cell: What the notebook calls the place, such as ``"Cell In[3]"``, or ``"cell 4 of
            orders.ipynb"`` where it was read from disk; empty for files.
        head: The lines of the place above the text, kept for display.
    """

    text: str
    filename: str
    first_line: int = 1
    cell: str = ""
    head: str = ""

    @property
    def code(self) -> str:
        """The text as Python reads it: without a byte order mark, which an export keeps."""
        return self.text.removeprefix("\ufeff")

    @property
    def lines(self) -> list[str]:
        """The lines of the place the text stands in, split as Python splits them.

        >>> SourceFile("x = 1", "a cell", first_line=2, head="# %%module orders\\n").lines
        ['# %%module orders\\n', 'x = 1\\n']
        """
        above = io.StringIO(self.head, newline=None).readlines()[: self.first_line - 1]
        above += ["\n"] * (self.first_line - 1 - len(above))
        lines = [*above, *io.StringIO(self.code, newline=None).readlines()]
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        return lines

    def register(self) -> None:
        """Make the text known to ``linecache``, so that `inspect` and tracebacks find it."""
        lines = self.lines
        linecache.cache[self.filename] = (sum(map(len, lines)), None, lines, self.filename)


def module_name(file: str) -> str:
    """The dotted name of a file inside its package: ``"helpers/text.py"`` → ``"helpers.text"``."""
    stem = file.removesuffix(".py").replace("/", ".")
    return "" if stem == "__init__" else stem.removesuffix(".__init__")


@dataclass(frozen=True)
class Source:
    """A module's text: file name → `SourceFile`, with its origin and a digest.

    >>> source = Source.from_texts("standard.orders", {"api.py": "x = 1"})
    >>> source.files["api.py"].text
    'x = 1'
    """

    module_id: str
    files: Mapping[str, SourceFile]
    origin: Origin
    place: str = ""

    @classmethod
    def from_texts(cls, module_id: str, texts: Mapping[str, str]) -> Source:
        """A source given as a mapping; its files get names that stand for their content.

        Raises:
            WorkspaceError: If a text is none.
        """
        files = {}
        for file, text in texts.items():
            if not isinstance(text, str):
                raise WorkspaceError(
                    f"{module_id}: the text of {file!r} is {text!r}, not a string",
                    cure="give a mapping from file names to their texts",
                )
            mark = hashlib.sha256(_bytes(text)).hexdigest()[:8]
            files[file] = SourceFile(text, f"<{module_id} {file} {mark}>")
        return cls(module_id, files, "mapping")

    @cached_property
    def digest(self) -> str:
        """A digest of all names and texts; equal text is equal digest, wherever it comes from."""
        total = hashlib.sha256()
        for file in sorted(self.files):
            total.update(_bytes(f"{file}\0{self.files[file].text}\0"))
        return total.hexdigest()[:16]

    @property
    def texts(self) -> dict[str, str]:
        """File name → text."""
        return {file: one.text for file, one in self.files.items()}

    def with_file(self, file: str, content: SourceFile) -> Source:
        """The source with one file put in or replaced, now worked on in cells."""
        return replace(self, files={**self.files, file: content}, origin="cells")

    def without(self, file: str) -> Source:
        """The source with one file taken out."""
        files = {name: one for name, one in self.files.items() if name != file}
        return replace(self, files=files, origin="cells")

    def file_named(self, filename: str) -> str:
        """The file whose code runs under a ``co_filename``; empty if it is none of this source."""
        return next((file for file, one in self.files.items() if one.filename == filename), "")

    def __repr__(self) -> str:
        return f"<Source {self.module_id}: {count(len(self.files), 'file')} from {self.origin}>"
