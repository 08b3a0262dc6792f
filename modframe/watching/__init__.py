"""Saved files become swaps: a burst of changed paths → one transaction of the modules it touches.

`scan` says what a burst asks for, without doing anything; `apply_burst` does it; `Watching` is the
running task, and `Watcher` what a person holds of it.
"""

from .watching import Watcher, Watching

__all__ = ["Watcher", "Watching"]
