"""The text of a module with its line numbers, as it is live or as it failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ModframeError
from ...source import Source
from ...wording import near
from .. import blocks as ui
from ..asks import Ask, Operation
from .history import LIVE, source_named

_MOST = 5000
"""How many lines are sent at most."""


def source(
    ask: Ask,
    module: str,
    file: str = "",
    line: int = 0,
    *,
    of: str = LIVE,
    around: int = 0,
) -> ui.View:
    """Show the lines of a file of a module, numbered as its cell or file numbers them.

    Args:
        file: By default ``api.py``.
        line: The line that is asked about, which is marked.
        of: ``live``; ``failed``, which is the newest text that was tried; ``draft``; or the key of
            an entry of the history. Where nothing is live, ``live`` is what was tried as well.
        around: How many lines above and below that line to show; 0 shows all of them.
    """
    found = find_source(ask, ask.app.modules[module], of)
    return ui.View([lines_of(found, file, line, around)])


def lines_of(found: Source, file: str = "", line: int = 0, around: int = 0) -> ui.Lines:
    """Return lines of a file of a source.

    Raises:
        ModframeError: If it has no such file.
    """
    files = sorted(found.all_files, key=lambda name: (name != "api.py", name))
    name = file or next(iter(files), "")
    if name not in found.all_files:
        raise ModframeError(
            f"it has no file {name!r}",
            cure=near(name, files) or f"there are: {', '.join(files)}",
            subject=found.module_id,
        )
    content = found.all_files[name]
    lines = [text.rstrip("\r\n") for text in content.lines]
    first = max(1, line - around) if around else 1
    last = line + around if around else first + _MOST - 1
    shown = lines[first - 1 : last]
    return ui.Lines(name, content.cell, found.origin, line, first, shown)


def find_source(ask: Ask, module: Any, of: str) -> Source:
    """Return a source of a module by its name, as `source` takes it."""
    if of == "failed" or (of == LIVE and module.source is None):
        record = ask.facts.records[module.id]
        found = record.newest or record.draft or module.source
        return found if found is not None else ask.facts.current(module.id)
    return source_named(module, of)


OPERATIONS: Mapping[str, Operation] = {"source": source}
