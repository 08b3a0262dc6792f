"""Reads the sources in a notebook's ``%%module`` cells; nothing of the notebook is executed.

Called by `OnDisk`, for ``modframe serve NOTEBOOK.ipynb``. The cells count as if they had been run
once from top to bottom: a later cell of the same file wins.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import InvalidModuleIdError, WorkspaceError
from .cells import MAGIC, CellLine, parse_line, split_cell
from .source import Source, SourceFile

_OLDEST_FORMAT = 4
_IGNORED_TAGS = frozenset({"raises-exception", "skip-execution"})
"""Tags of cells that are not run, or whose text never went live."""


def read_notebook(path: Path) -> dict[str, Source]:
    """Return module id → its source in a notebook; empty if that has no ``%%module`` cell.

    Raises:
        WorkspaceError: If there is no notebook, or it can't be read; names cell and cause.
    """
    sources: dict[str, Source] = {}
    for number, raw in _code_cells(path):
        place = f"cell {number} of {path.name}"
        parts = split_cell(raw)
        if parts is None or not parts.runs:
            continue
        line = _parse_line_of(place, parts.line)
        if not line.plan:  # a plan only asks
            content = SourceFile(
                parts.text, f"{path}, cell {number}", parts.first_line, place, parts.head
            )
            before = sources.get(line.module_id)
            files = {**before.all_files, line.file: content} if before else {line.file: content}
            sources[line.module_id] = Source.of(line.module_id, files, "notebook", str(path))
    return sources


def merge_sources(sources: Iterable[Source]) -> Source:
    """Merge sources of one module; a later file wins over an earlier one.

    >>> first = Source.from_texts("standard.a", {"api.py": "1", "b.py": "2"})
    >>> merge_sources([first, Source.from_texts("standard.a", {"api.py": "3"})]).texts
    {'api.py': '3', 'b.py': '2'}
    """
    *_, last = sources = list(sources)
    files = {file: content for source in sources for file, content in source.all_files.items()}
    return Source.of(last.module_id, files, last.origin, last.place)


def _parse_line_of(place: str, line: str) -> CellLine:
    try:
        return parse_line(line)
    except (WorkspaceError, InvalidModuleIdError) as error:
        message = error.message if error.message.startswith(MAGIC) else f"{MAGIC}: {error.message}"
        raise WorkspaceError(f"{place}: {message}", cure=error.cure) from error


def _code_cells(path: Path) -> Iterator[tuple[int, str]]:
    """Yield number (from 1, among all cells) and text of every code cell that is to be run."""
    # Without nbformat, which validates every output against a schema and takes 100 times as long:
    # a notebook is read at every save.
    cells = _content(path).get("cells")
    if not isinstance(cells, list):
        raise _unreadable(path, "it has no list of cells")
    for number, cell in enumerate(cells, start=1):
        text = cell.get("source") if isinstance(cell, dict) else None
        if isinstance(text, list) and all(isinstance(line, str) for line in text):
            text = "".join(text)
        if not isinstance(text, str):
            raise _unreadable(path, f"cell {number} has no text")
        if cell.get("cell_type") == "code" and not _IGNORED_TAGS.intersection(_tags(cell)):
            yield number, text


def _tags(cell: dict[str, Any]) -> list[str]:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def _content(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise WorkspaceError(
            f"there is no notebook {str(path)!r}", cure="give the path of an .ipynb file"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, str(error)) from error
    if not text.strip():
        raise _unreadable(path, "it is empty")
    try:
        content = json.loads(text)
    except ValueError as error:
        raise _unreadable(path, f"invalid JSON: {error}") from error
    except RecursionError as error:
        raise _unreadable(path, "its JSON goes too deep") from error
    if not isinstance(content, dict):
        raise _unreadable(path, "it is JSON, and no notebook")
    version = content.get("nbformat")
    if not isinstance(version, int) or version < _OLDEST_FORMAT:
        raise _unreadable(path, f"its format is {version!r}, and 4 is needed")
    return content


def _unreadable(path: Path, why: str) -> WorkspaceError:
    return WorkspaceError(
        f"{path.name} can't be read as a notebook: {why} ({path})",
        cure="save it again from JupyterLab, or give another file",
        path=path,
    )
