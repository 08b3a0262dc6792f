"""The test gate: runs a module's own tests on a new generation before it goes live.

The engine makes one `Trials` for the app and hands each change a `Trial`. The change calls it with
each generation whose phases have ended. pytest is imported only when there are tests to run.
"""

from .trial import Trial, Trials

__all__ = ["Trial", "Trials"]
