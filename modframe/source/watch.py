"""Turns saved files into bursts of changed paths, to iterate over; calls nobody.

`watchfiles` reports the changes. This file leaves out the noise around a save, and waits for the
pause that ends a burst: an editor's backup files, fifty saves by a script or a ``git checkout`` are
one burst each.
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
_STEP = 5  # ms; what watchfiles waits for more changes
_TIMEOUT = 60_000  # ms; after which it returns without a change
_POLL = 100  # ms; between two looks, where the system reports nothing
_LINGER = 0.2  # s; that a replaced thread goes on

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
    """Return whether an editor, a tool or Python wrote a path for itself, and no person saved it.

    The folders above ``root``, the watched folder, are not looked at.

    >>> is_noise("orders/.api.py.swp"), is_noise("orders/api.py~"), is_noise("orders/api.py")
    (True, True, False)
    """
    *folders, name = path.removeprefix(root).replace(os.sep, "/").split("/")
    if _NOISE.fullmatch(name) or name in _FOLDERS:
        return True
    return any(folder in _FOLDERS or (folder[:1] == "." and len(folder) > 1) for folder in folders)


class FileWatch:
    """Watches folders until it is closed; on the loop that runs when it is made.

    It needs two threads at most: one for trees, one for single folders.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._following = asyncio.Lock()
        self._pending: set[Path] = set()
        self._threads: dict[bool, _WatchThread] = {}
        self._replaced: set[_WatchThread] = set()
        self.closed = False

    async def follow(self, *, trees: Iterable[Path], folders: Iterable[Path]) -> bool:
        """Watch these from now on: trees with everything below them, folders without.

        Paths that don't exist are left out. Once this returns, no later change is missed; the
        caller has to look for what changed before. Return whether other paths are watched now.
        """
        async with self._following:
            return await self._follow({True: _existing(trees), False: _existing(folders)})

    async def _follow(self, wanted: dict[bool, tuple[str, ...]]) -> bool:
        changed = False
        for recursive, paths in wanted.items():
            before = self._threads.get(recursive)
            if before is not None and before.paths == paths and not before.lost and before.watching:
                continue
            thread = _WatchThread(paths, recursive=recursive, report=self._report)
            if paths and not self.closed:
                await asyncio.to_thread(thread.open)
            if self.closed:
                thread.close()
                return False
            changed = True
            self._threads[recursive] = thread
            if before is not None:
                # It may not have reported yet what it saw a moment ago.
                self._replaced.add(before)
                self._loop.call_later(_LINGER, self._stop_replaced, before)
        return changed

    def _stop_replaced(self, thread: _WatchThread) -> None:
        self._replaced.discard(thread)
        thread.stop()

    def _report(self, paths: frozenset[Path]) -> None:
        """Take changed paths; called by the threads."""
        try:
            self._loop.call_soon_threadsafe(self._note, paths, context=Context())
        except RuntimeError:
            self.close()  # the loop is closed

    def _note(self, paths: frozenset[Path]) -> None:
        self._pending.update(paths)
        for thread in self._threads.values():
            # The system's watch ends with a root that was removed, even if it was made again.
            thread.lost = thread.lost or not paths.isdisjoint(map(Path, thread.paths))
        self._changed.set()

    async def bursts(
        self, *, quiet: float = QUIET, longest: float = LONGEST
    ) -> AsyncIterator[frozenset[Path]]:
        """Yield changed paths, a burst at a time; what changes meanwhile is in the next burst.

        A burst ends after ``quiet`` seconds without a change, and after ``longest`` in any case.
        """
        while not self.closed:
            await self._changed.wait()
            ends = self._loop.time() + longest
            while self._changed.is_set() and (remaining := ends - self._loop.time()) > 0:
                self._changed.clear()
                try:
                    async with asyncio.timeout(min(quiet, remaining)):
                        await self._changed.wait()
                except TimeoutError:
                    break
            self._changed.clear()
            paths, self._pending = frozenset(self._pending), set()
            if paths:
                yield paths

    def close(self) -> None:
        """Stop watching; waits some milliseconds for the threads to end."""
        self.closed = True
        for thread in (*self._threads.values(), *self._replaced):
            thread.close()

    def __repr__(self) -> str:
        watched = sum(len(thread.paths) for thread in self._threads.values())
        return f"<FileWatch: {'closed' if self.closed else f'{watched} folders'}>"


def _existing(paths: Iterable[Path]) -> tuple[str, ...]:
    return tuple(sorted({str(path) for path in paths if path.is_dir()}))


class _WatchThread:
    """A thread that waits for changes below some folders, until it is closed."""

    def __init__(
        self, paths: tuple[str, ...], *, recursive: bool, report: Callable[[frozenset[Path]], None]
    ) -> None:
        self.paths = paths
        self.lost = False
        self._recursive = recursive
        self._report = report
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def watching(self) -> bool:
        """Whether the thread runs, or has nothing to watch."""
        return self._thread.is_alive() if self._thread is not None else not self.paths

    def open(self) -> None:
        """Start; returns once changes are seen.

        Raises:
            OSError: If the system refuses to watch.
        """
        notify = self._notify(polling=_must_poll())
        self._thread = threading.Thread(
            target=self._run, args=(notify,), name="modframe-watch", daemon=True
        )
        # A daemon thread, so that it can't hold up the exit. It must have ended before the
        # interpreter does: a thread that returns from Rust after that aborts the process.
        atexit.register(self.close)
        self._thread.start()

    def _notify(self, *, polling: bool) -> RustNotify:
        # Its documented lower half: `watchfiles.watch` doesn't say when it has begun to watch.
        from watchfiles._rust_notify import RustNotify

        try:
            return RustNotify(list(self.paths), False, polling, _POLL, self._recursive, True)
        except OSError as error:
            if polling:
                raise
            _log.warning("the system reports no changes (%s): files are polled instead", error)
            return self._notify(polling=True)

    def _run(self, notify: RustNotify) -> None:
        with notify:
            while not self._stopping.is_set():
                changes = notify.watch(_STEP, _STEP, _TIMEOUT, self._stopping)
                if isinstance(changes, str):
                    continue  # nothing changed, or it was closed
                paths = frozenset(Path(name) for _, name in changes if not self._is_noise(name))
                if paths:
                    self._report(paths)

    def _is_noise(self, name: str) -> bool:
        root = next((path for path in self.paths if name.startswith(path)), "")
        return is_noise(name, root)

    def stop(self) -> None:
        """Let the thread end, some milliseconds from now."""
        self._stopping.set()
        atexit.unregister(self.close)

    def close(self) -> None:
        """Let the thread end, and wait for it."""
        self.stop()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=1)


def _must_poll() -> bool:
    """Return whether a person asked for polling, in the variable that watchfiles reads."""
    return os.environ.get("WATCHFILES_FORCE_POLLING", "").lower() in ("1", "true", "yes", "on")
