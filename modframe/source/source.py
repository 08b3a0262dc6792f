"""`Source`: a module's text, frozen, with where it comes from; made by cells, folders and callers.

A draft is a source too: the one that cells are working on. Every change of it is a new source.
"""

from __future__ import annotations

import hashlib
import linecache
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

Origin = Literal["cells", "folder", "mapping"]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a module: its text, and the place that tracebacks and debuggers know it by.

    Attributes:
        text: What the file says; an export writes exactly this.
        filename: ``co_filename`` and ``__file__`` of the code.
        first_line: The line, from 1, that the text's first line has in that place: 2 below a
            ``%%module`` line.
        cell: What the notebook calls the place, such as ``"Cell In[3]"``; empty for files.
        head: The lines of the place above the text, kept for display.
    """

    text: str
    filename: str
    first_line: int = 1
    cell: str = ""
    head: str = ""

    def register(self) -> None:
        """Make the text known to ``linecache``, so that `inspect` and tracebacks find it."""
        lines = (self.head + self.text).splitlines(keepends=True)
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
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
        """A source given as a mapping; its files get names that stand for their content."""
        files = {}
        for file, text in texts.items():
            mark = hashlib.sha256(text.encode()).hexdigest()[:8]
            files[file] = SourceFile(text, f"<{module_id} {file} {mark}>")
        return cls(module_id, files, "mapping")

    @cached_property
    def digest(self) -> str:
        """A digest of all names and texts; equal text is equal digest, wherever it comes from."""
        total = hashlib.sha256()
        for file in sorted(self.files):
            total.update(f"{file}\0{self.files[file].text}\0".encode())
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
        return f"<Source {self.module_id}: {len(self.files)} files from {self.origin}>"
