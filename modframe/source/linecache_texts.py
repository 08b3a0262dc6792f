"""Keeps in ``linecache`` the texts that `inspect`, tracebacks and debuggers look up.

A generation shows its files when it is loaded, hides them when it is closed, and forgets them once
no traceback of it is needed any more. Files of failed attempts are only hidden, since people read
those tracebacks; when another attempt begins, the `READABLE` newest of them stay.

The same file may be loaded several times under one name; its entry in ``linecache`` is removed only
when no generation shows it any more. ``linecache`` is one for the process, and so is this registry.
"""

from __future__ import annotations

import linecache
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from .source import SourceFile

READABLE = 64
"""How many files of failed attempts stay readable."""
_lock = threading.Lock()
_shown: dict[str, list[SourceFile]] = {}
_hidden: dict[SourceFile, None] = {}


def show(files: Iterable[SourceFile]) -> None:
    """Put these texts into ``linecache`` under their file names."""
    with _lock:
        while len(_hidden) > READABLE:
            _forget(next(iter(_hidden)))
        for content in files:
            _hidden.pop(content, None)
            _shown.setdefault(content.filename, []).append(content)
            content.register()


def hide(files: Iterable[SourceFile]) -> None:
    """Mark these texts as needed only for a traceback that is still being shown."""
    with _lock:
        for content in files:
            shown = _shown.get(content.filename, [])
            for at, other in enumerate(shown):
                if other is content:
                    del shown[at]
                    break
            if not shown:
                _shown.pop(content.filename, None)
            _hidden.pop(content, None)
            _hidden[content] = None  # as the newest


@contextmanager
def preserved(files: Iterable[SourceFile]) -> Iterator[None]:
    """Restore at the end the entries that the files' names had in ``linecache``."""
    names = {content.filename for content in files}
    entries = {name: linecache.cache[name] for name in names if name in linecache.cache}
    try:
        yield
    finally:
        linecache.cache.update(entries)


def forget(files: Iterable[SourceFile]) -> None:
    """Take hidden texts out of ``linecache``, unless a newer text has their place.

    If another text is shown under the same file name, that of the live generation, it takes the
    place.
    """
    with _lock:
        for content in files:
            _forget(content)


def _forget(content: SourceFile) -> None:
    _hidden.pop(content, None)
    entry = linecache.cache.get(content.filename, ())
    if not (len(entry) == 4 and entry[2] == content.lines):
        return
    if shown := _shown.get(content.filename):
        shown[-1].register()
    else:
        linecache.cache.pop(content.filename, None)
