"""Waiting for what comes true in another thread or process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import psutil

T = TypeVar("T")


def wait_for(question: Callable[[], T]) -> T:
    """Ask until the answer is true, and return it; the minute that it may take catches a hang."""
    waiting = threading.Event()
    for _ in range(6000):
        if answer := question():
            return answer
        waiting.wait(0.01)
    raise AssertionError("it did not come true")


def has_ended(process: psutil.Process) -> bool:
    """Return whether a process has ended, waited for or not."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
