"""The test gate: runs a module's own tests on a new generation before it goes live.

The engine makes one `Trials` for the app. A change calls what `Trials.make` returns with each
generation whose phases have ended. pytest is imported only when there are tests to run.
"""

from .trial import Trials

__all__ = ["Trials"]
