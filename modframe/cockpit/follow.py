"""`Follower`: one daemon thread that brings the open sessions of an app up to date.

A session is followed from its first message until it is closed, or until its `refresh` returns
false. The thread runs only while there are sessions. Beyond `MOST` the oldest are paused.
"""

from __future__ import annotations

import threading
import time
from contextvars import Context
from typing import Protocol

INTERVAL = 1.0
"""Seconds between two refreshes while nothing happens; more if refreshing takes long."""
MOST = 32
"""How many sessions are followed at once."""
_COST_SHARE = 20
"""How many times as long as a quiet refresh took the thread waits at least."""
_REST = 3
"""How many times as long as a refresh took nothing wakes the thread, for many changes at once."""


class Followed(Protocol):
    """What can be followed: a `Session`."""

    def refresh(self) -> bool:
        """Show the present state; return whether to go on following."""

    def pause(self) -> None:
        """Tell that it isn't followed any more."""


class Follower:
    """Follows the sessions of one app, every second and at each change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._sessions: dict[Followed, None] = {}
        self._thread: threading.Thread | None = None

    @property
    def sessions(self) -> tuple[Followed, ...]:
        """The sessions that are followed, oldest first."""
        with self._lock:
            return tuple(self._sessions)

    def follow(self, session: Followed) -> None:
        """Keep a session up to date from now on."""
        with self._lock:
            self._sessions.pop(session, None)
            self._sessions[session] = None
            surplus = list(self._sessions)[:-MOST]
            for oldest in surplus:
                del self._sessions[oldest]
            if self._thread is None:
                # An empty context, so that what it prints goes to no cell.
                self._thread = threading.Thread(
                    target=Context().run, args=(self._run,), name="modframe-views", daemon=True
                )
                self._thread.start()
        for oldest in surplus:
            oldest.pause()

    def leave(self, session: Followed) -> None:
        """Stop following a session; the thread ends with the last one."""
        with self._lock:
            self._sessions.pop(session, None)
        self._woken.set()

    def wake(self) -> None:
        """Refresh all sessions now: something has changed."""
        if not self._woken.is_set():  # it stays set while there is no session
            self._woken.set()

    def _run(self) -> None:
        pause = INTERVAL
        while True:
            self._woken.wait(pause)
            self._woken.clear()
            with self._lock:
                if not self._sessions:
                    self._thread = None
                    return
                sessions = list(self._sessions)
            began = time.perf_counter()
            for session in sessions:
                if not session.refresh():
                    self.leave(session)
            took = time.perf_counter() - began
            pause = max(INTERVAL, _COST_SHARE * took)
            time.sleep(_REST * took)

    def __repr__(self) -> str:
        return f"<Follower of {len(self._sessions)} sessions>"
