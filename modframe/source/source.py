"""`Source`: a module's text, frozen, with its origin; made by cells, folders and callers.

A draft is a source too: the one that cells are working on. Every change of it is a new source.
`app.load` and `app.plan` make sources of their arguments with `parse_sources`.
"""

from __future__ import annotations

import hashlib
import io
import linecache
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

from ..errors import WorkspaceError
from ..spec import module_id_of
from ..wording import count

Origin = Literal["cells", "folder", "mapping", "notebook"]


def _bytes(text: str) -> bytes:
    """Encode a text; also one with lone surrogates, which a check refuses later."""
    return text.encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a module: its text, and the place that tracebacks and debuggers know it by.

    Attributes:
        text: The content; an export writes exactly this.
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
        """The text without a byte order mark, which an export keeps."""
        return self.text.removeprefix("\ufeff")

    @property
    def lines(self) -> list[str]:
        """The lines of the place that has the text, split as Python splits them.

        >>> SourceFile("x = 1", "a cell", first_line=2, head="# %%module orders\\n").lines
        ['# %%module orders\\n', 'x = 1\\n']
        """
        lines = io.StringIO(self.code, newline=None).readlines()
        if self.first_line > 1:
            above = io.StringIO(self.head, newline=None).readlines()[: self.first_line - 1]
            above += ["\n"] * (self.first_line - 1 - len(above))
            lines = [*above, *lines]
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        return lines

    def register(self) -> None:
        """Put the text into ``linecache``, so that `inspect` and tracebacks find it."""
        lines = self.lines
        linecache.cache[self.filename] = (sum(map(len, lines)), None, lines, self.filename)


def is_text_file(file: str) -> bool:
    """Return whether a file is no code: a text that travels with the module.

    >>> [is_text_file(file) for file in ("api.py", "README.md", "queries/all.sql")]
    [False, True, True]
    """
    return "." in file.rpartition("/")[2] and not file.endswith(".py")


@lru_cache(maxsize=1024)
def module_name(file: str) -> str:
    """Return a file's dotted name in its package: ``"helpers/text.py"`` → ``"helpers.text"``."""
    stem = file.removesuffix(".py").replace("/", ".")
    return "" if stem == "__init__" else stem.removesuffix(".__init__")


@dataclass(frozen=True)
class Source:
    """A module's text: file name → `SourceFile`, with its origin and a digest.

    Attributes:
        files: Its Python files. ``text_files``: its other files, such as ``README.md`` and SQL;
            they are no part of the digest, since a change of them makes no new generation. Those
            that lie in a module's folder are read from there and stand in no source.
        place: The folder or the notebook it came from.

    >>> source = Source.from_texts("standard.orders", {"api.py": "x = 1"})
    >>> source.files["api.py"].text
    'x = 1'
    """

    module_id: str
    files: Mapping[str, SourceFile]
    origin: Origin
    place: str = ""
    text_files: Mapping[str, SourceFile] = field(default_factory=dict)

    @classmethod
    def of(
        cls, module_id: str, files: Mapping[str, SourceFile], origin: Origin, place: str = ""
    ) -> Source:
        """Make a source of all files, Python or not.

        Raises:
            WorkspaceError: If one of them would be the folder of another.
        """
        _refuse_files_in_files(module_id, files)
        code = {file: content for file, content in files.items() if not is_text_file(file)}
        texts = {file: content for file, content in files.items() if file not in code}
        return cls(module_id, code, origin, place, texts)

    @classmethod
    def from_texts(cls, module_id: str, texts: Mapping[str, str]) -> Source:
        """Make a source of a mapping; its files get names made of a digest of their text.

        Raises:
            WorkspaceError: If a name or a text is not a string, or a file is a folder of another.
        """
        files = {}
        for file, text in texts.items():
            if not isinstance(file, str):
                raise _not_texts(module_id, f"the file name {file!r} is not a string")
            if not isinstance(text, str):
                raise _not_texts(module_id, f"the text of {file!r} is {text!r}, not a string")
            mark = hashlib.sha256(_bytes(text)).hexdigest()[:8]
            files[file] = SourceFile(text, f"<{module_id} {file} {mark}>")
        return cls.of(module_id, files, "mapping")

    @cached_property
    def digest(self) -> str:
        """A digest of its code: names and texts of ``files``, the same from any origin."""
        total = hashlib.sha256()
        for file in sorted(self.files):
            total.update(_bytes(f"{file}\0{self.files[file].text}\0"))
        return total.hexdigest()[:16]

    @cached_property
    def full_digest(self) -> str:
        """A digest of all names and texts; that of the code alone if there are no other files."""
        if not self.text_files:
            return self.digest
        total = hashlib.sha256(_bytes(self.digest))
        for file in sorted(self.text_files):
            total.update(_bytes(f"{file}\0{self.text_files[file].text}\0"))
        return total.hexdigest()[:16]

    @property
    def all_files(self) -> dict[str, SourceFile]:
        """Its files, Python or not."""
        return {**self.files, **self.text_files}

    @property
    def texts(self) -> dict[str, str]:
        """File name → text, of all files."""
        return {file: content.text for file, content in self.all_files.items()}

    def with_file(self, file: str, content: SourceFile) -> Source:
        """Return the source with one file added or replaced; its origin is then cells."""
        return self.of(self.module_id, {**self.all_files, file: content}, "cells", self.place)

    def without(self, file: str) -> Source:
        """Return the source without one file; its origin is then cells."""
        files = {name: content for name, content in self.all_files.items() if name != file}
        return self.of(self.module_id, files, "cells", self.place)

    def file_named(self, filename: str) -> str:
        """Return the file whose code has that ``co_filename``; empty if none has."""
        files = self.files.items()
        return next((file for file, content in files if content.filename == filename), "")

    def __repr__(self) -> str:
        return f"<Source {self.module_id}: {count(len(self.all_files), 'file')} from {self.origin}>"


def _not_texts(module_id: str, fault: str) -> WorkspaceError:
    cure = "give a mapping from file names to their texts"
    return WorkspaceError(fault, cure=cure, subject=module_id)


def _refuse_files_in_files(module_id: str, files: Iterable[str]) -> None:
    known = set(files)
    for file in known:
        above = file.rpartition("/")[0]
        while above and above not in known:
            above = above.rpartition("/")[0]
        if above:
            raise WorkspaceError(
                f"{above!r} is a file of the module, so {file!r} can't be one",
                cure="give one of them another name",
                subject=module_id,
            )


def parse_sources(
    sources: Any, module_id: str | None, find: Callable[[str | Path], Source]
) -> list[Source]:
    """Return the sources that a person passed to ``app.load`` or ``app.plan``.

    Args:
        sources: An id, a folder, a ``{file: text}`` mapping, or a list of those, in which a mapping
            comes as ``(id, mapping)``.
        module_id: The id of a mapping, and only of that.
        find: Reads the source of an id or a folder.

    Raises:
        WorkspaceError: If it is none of them, or nothing takes the id.
    """
    several = sources if isinstance(sources, list | tuple) else [sources]
    return [_parse_source(source, module_id, find) for source in several]


def _parse_source(
    source: Any, module_id: str | None, find: Callable[[str | Path], Source]
) -> Source:
    if isinstance(source, tuple) and len(source) == 2:
        module_id, source = source
    elif module_id is not None and not isinstance(source, Mapping):
        raise WorkspaceError(
            f"id={module_id!r} names the module of a {{file: text}} mapping, and {source!r} is "
            "none",
            cure="leave id= out: an id, a folder and an (id, mapping) pair name their module",
        )
    if isinstance(source, Source):
        return source
    if isinstance(source, Mapping):
        if module_id is None:
            raise WorkspaceError(
                "a mapping of texts needs an id", cure="give it as app.load({...}, id='orders')"
            )
        return Source.from_texts(module_id_of(module_id), source)
    if not isinstance(source, str | Path):
        raise WorkspaceError(
            f"{source!r} is no source",
            cure="give an id, a folder, or a {file: text} mapping with id=",
        )
    return find(source)
