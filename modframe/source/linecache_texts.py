"""Which texts `inspect`, tracebacks and debuggers are to find: those of generations that run.

A generation shows its files when it is loaded, hides them when it is closed and forgets them once
nobody needs a traceback of it any more. Those of attempts that failed are only hidden, for people
read their tracebacks: `READABLE` of them stay, the newest, when another attempt begins.

Several may stand under one file name, the same file loaded twice: a text is forgotten only when no
generation shows it.
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
    """Let file names lead to these texts."""
    with _lock:
        while len(_hidden) > READABLE:
            _forget(next(iter(_hidden)))
        for content in files:
            _hidden.pop(content, None)
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
            _hidden.pop(content, None)
            _hidden[content] = None  # the newest


@contextmanager
def kept(files: Iterable[SourceFile]) -> Iterator[None]:
    """Whatever is shown inside, file names lead afterwards to what they led to before."""
    known = {name: linecache.cache.get(name) for name in {one.filename for one in files}}
    try:
        yield
    finally:
        linecache.cache.update({name: one for name, one in known.items() if one is not None})


def forget(files: Iterable[SourceFile]) -> None:
    """Take hidden texts out of ``linecache``, where nothing newer stands in their place.

    A text that is shown under the same file name comes back: that of the generation that is live.
    """
    with _lock:
        for content in files:
            _forget(content)


def _forget(content: SourceFile) -> None:
    _hidden.pop(content, None)
    entry = linecache.cache.get(content.filename, ())
    if not (len(entry) == 4 and entry[2] == content.lines):
        return
    if others := _shown.get(content.filename):
        others[-1].register()
    else:
        linecache.cache.pop(content.filename, None)
