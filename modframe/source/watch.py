"""Saved files → bursts of changed paths, for whoever iterates over them; calls nobody.

`watchfiles` sees the changes. What is left to do here is to tell a save from the noise around it,
and to wait for the quiet moment that ends a burst: an editor's backup dance, fifty saves of a
script or a ``git checkout`` are one change each.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextvars import Context
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchfiles._rust_notify import RustNotify

QUIET = 0.02
"""Seconds without a change that end a burst."""
LONGEST = 0.25
"""Seconds after which a burst ends even if files go on changing."""
_STEP = 5
_TIMEOUT = 60_000
_POLL = 100
_LINGER = 0.2

_log = logging.getLogger("modframe.watch")
_FOLDERS = frozenset({"__pycache__", ".ipynb_checkpoints", "node_modules"})
_NOISE = re.compile(
    r"""
    .*~ | \.\#.* | \#.*\# | 4913 | .*\.sw[opx]     # emacs, vim, nano
    | \.goutputstream-.* | .*___jb_(?:tmp|old|bak)___ | \.~.* | .*\.tmp
    | .*\.py[co] | \.DS_Store
    """,
    re.VERBOSE,
)


def is_noise(path: str, root: str = "") -> bool:
    """Whether a path is an editor's, a tool's or Python's own, and no text that a person saved.

    Args:
        path: What changed.
        root: The watched folder; what it lies in itself has no say.

    >>> is_noise("orders/.api.py.swp"), is_noise("orders/api.py~"), is_noise("orders/api.py")
    (True, True, False)
    """
    *folders, name = path.removeprefix(root).replace(os.sep, "/").split("/")
    if _NOISE.fullmatch(name) or name in _FOLDERS:
        return True
    return any(one in _FOLDERS or (one[:1] == "." and len(one) > 1) for one in folders)


class FileWatch:
    """Watches folders, as long as it is open; on the loop that runs when it is made.

    Watching is two threads at most: one for trees, one for single folders.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._following = asyncio.Lock()
        self._pending: set[Path] = set()
        self._eyes: dict[bool, _Eye] = {}
        self._leaving: set[_Eye] = set()
        self.closed = False

    async def follow(self, *, trees: Iterable[Path], folders: Iterable[Path]) -> bool:
        """Watch these from now on: trees with all that is below them, folders without.

        What isn't there is left out. Once this returns, no later change goes unseen; what changed
        in between is the caller's to look for.

        Returns:
            Whether these are others than before.
        """
        async with self._following:
            return await self._follow({True: _there(trees), False: _there(folders)})

    async def _follow(self, wanted: dict[bool, tuple[str, ...]]) -> bool:
        changed = False
        for recursive, paths in wanted.items():
            before = self._eyes.get(recursive)
            if before is not None and before.paths == paths and not before.lost and before.looking:
                continue
            eye = _Eye(paths, recursive=recursive, seen=self._seen)
            if paths and not self.closed:
                await asyncio.to_thread(eye.open)
            if self.closed:
                eye.close()
                return False
            changed = True
            self._eyes[recursive] = eye
            if before is not None:
                # What it saw a moment ago is still on its way, and would be lost with it.
                self._leaving.add(before)
                self._loop.call_later(_LINGER, self._let_go, before)
        return changed

    def _let_go(self, eye: _Eye) -> None:
        self._leaving.discard(eye)
        eye.leave()

    def _seen(self, paths: frozenset[Path]) -> None:
        """Told by the threads."""
        try:
            self._loop.call_soon_threadsafe(self._note, paths, context=Context())
        except RuntimeError:
            self.close()  # the loop has ended

    def _note(self, paths: frozenset[Path]) -> None:
        self._pending.update(paths)
        for eye in self._eyes.values():
            # A root that came or went takes the system's watch along, whatever stands there now.
            eye.lost = eye.lost or not paths.isdisjoint(map(Path, eye.paths))
        self._news.set()

    async def bursts(
        self, *, quiet: float = QUIET, longest: float = LONGEST
    ) -> AsyncIterator[frozenset[Path]]:
        """Changed paths, a burst at a time; what changes while nobody asks is in the next one.

        Args:
            quiet: Seconds without a change that end a burst.
            longest: Seconds that a burst lasts at most.
        """
        while not self.closed:
            await self._news.wait()
            ends = self._loop.time() + longest
            while self._news.is_set() and (left := ends - self._loop.time()) > 0:
                self._news.clear()
                try:
                    async with asyncio.timeout(min(quiet, left)):
                        await self._news.wait()
                except TimeoutError:
                    break
            self._news.clear()
            paths, self._pending = frozenset(self._pending), set()
            if paths:
                yield paths

    def close(self) -> None:
        """Watch nothing any more; waits some milliseconds for the threads to end."""
        self.closed = True
        for eye in (*self._eyes.values(), *self._leaving):
            eye.close()

    def __repr__(self) -> str:
        watched = sum(len(one.paths) for one in self._eyes.values())
        return f"<FileWatch: {'closed' if self.closed else f'{watched} folders'}>"


def _there(paths: Iterable[Path]) -> tuple[str, ...]:
    return tuple(sorted({str(path) for path in paths if path.is_dir()}))


class _Eye:
    """A thread that waits for changes below some folders, until it is closed."""

    def __init__(
        self, paths: tuple[str, ...], *, recursive: bool, seen: Callable[[frozenset[Path]], None]
    ) -> None:
        self.paths = paths
        self.lost = False
        self._recursive = recursive
        self._seen = seen
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def looking(self) -> bool:
        """Whether it looks, or has nothing to look at."""
        return self._thread.is_alive() if self._thread is not None else not self.paths

    def open(self) -> None:
        """Begin; blocks until changes are seen.

        Raises:
            OSError: If the system refuses.
        """
        notify = self._notify(polling=_must_poll())
        self._thread = threading.Thread(
            target=self._look, args=(notify,), name="modframe-watch", daemon=True
        )
        # A daemon, so that a hanging exit can't be its fault; but it must have ended by the time
        # the interpreter goes, for a thread that comes back from Rust then aborts the process.
        atexit.register(self.close)
        self._thread.start()

    def _notify(self, *, polling: bool) -> RustNotify:
        # Its documented lower half: `watchfiles.watch` doesn't tell when it has begun to look.
        from watchfiles._rust_notify import RustNotify

        try:
            return RustNotify(list(self.paths), False, polling, _POLL, self._recursive, True)
        except OSError as error:
            if polling:
                raise
            _log.warning("the system tells of no changes (%s): files are looked at instead", error)
            return self._notify(polling=True)

    def _look(self, notify: RustNotify) -> None:
        with notify:
            while not self._stop.is_set():
                found = notify.watch(_STEP, _STEP, _TIMEOUT, self._stop)
                if isinstance(found, str):
                    continue  # nothing happened, or it was closed
                paths = frozenset(Path(name) for _, name in found if not self._is_noise(name))
                if paths:
                    self._seen(paths)

    def _is_noise(self, name: str) -> bool:
        return is_noise(name, next((one for one in self.paths if name.startswith(one)), ""))

    def leave(self) -> None:
        """Let the thread end, some milliseconds from now."""
        self._stop.set()
        atexit.unregister(self.close)

    def close(self) -> None:
        """Let the thread end, and wait for it."""
        self.leave()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=1)


def _must_poll() -> bool:
    """Whether a person asked for it, as watchfiles has them ask."""
    return os.environ.get("WATCHFILES_FORCE_POLLING", "").lower() in ("1", "true", "yes", "on")
