"""Which texts `inspect`, tracebacks and debuggers are to find: those of generations that run.

A generation shows its files when it is loaded, hides them when it is closed and forgets them once
nobody needs a traceback of it any more. Several may stand under one file name, the same file loaded
twice: a text is forgotten only when no generation shows it.
"""

from __future__ import annotations

import linecache
import threading
from collections.abc import Iterable

from .source import SourceFile

_lock = threading.Lock()
_shown: dict[str, list[SourceFile]] = {}


def show(files: Iterable[SourceFile]) -> None:
    """Let file names lead to these texts."""
    with _lock:
        for content in files:
            _shown.setdefault(content.filename, []).append(content)
            content.register()


def hide(files: Iterable[SourceFile]) -> None:
    """Say that these texts aren't needed any more, except for a traceback that is under way."""
    with _lock:
        for content in files:
            others = _shown.get(content.filename, [])
            for at, one in enumerate(others):
                if one is content:
                    del others[at]
                    break
            if not others:
                _shown.pop(content.filename, None)


def forget(files: Iterable[SourceFile]) -> None:
    """Take hidden texts out of ``linecache``, where nothing newer stands in their place."""
    with _lock:
        for content in files:
            if content.filename in _shown:
                continue
            entry = linecache.cache.get(content.filename, ())
            if len(entry) == 4 and entry[2] == content.lines:
                linecache.cache.pop(content.filename, None)
