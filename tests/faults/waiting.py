"""Waiting for what comes true in another thread or process."""

from __future__ import annotations

import threading
from collections.abc import Callable

import psutil


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until something is true; a minute at most."""
    waiting = threading.Event()
    for _ in range(6000):
        if condition():
            return
        waiting.wait(0.01)
    raise AssertionError("it did not come true")


def has_ended(process: psutil.Process) -> bool:
    """Return whether a process has ended, waited for or not."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
