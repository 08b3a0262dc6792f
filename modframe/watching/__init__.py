"""Saved files become swaps: a burst of changed paths → one transaction of the modules it touches.

`look` says what a burst means, without doing anything; `carry` carries it out; `Watching` is the
task that goes on, and `Watcher` what a person holds of it.
"""

from .watching import Watcher, Watching

__all__ = ["Watcher", "Watching"]
