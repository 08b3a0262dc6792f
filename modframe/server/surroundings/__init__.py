"""What stands around all modules of an app: CORS, middleware, error handlers, static files.

A person says it by the verbs of `Surrounded`, or in ``[tool.modframe]`` and the environment, which
`declared` reads. `Surroundings` keeps it, and each `Site` puts its layers around its modules.
"""

from __future__ import annotations

from .declared import read_declared
from .surroundings import Surroundings

__all__ = ["Surroundings", "read_declared"]
