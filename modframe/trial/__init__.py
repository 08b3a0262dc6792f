"""The test gate: a module's own tests, run on a new generation before it goes live.

`engine.py` makes one `Trials` for the app and hands a change its `Trial`; the swap calls that with
each generation once its phases are through. Nothing here imports pytest before tests are run.
"""

from .trial import Trial, Trials

__all__ = ["Trial", "Trials"]
