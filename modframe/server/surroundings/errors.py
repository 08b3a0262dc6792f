"""The errors of what stands around the modules."""

from __future__ import annotations

from ...errors import ModframeError


class SurroundingsError(ModframeError):
    """Raised when something can't stand around the modules; what stood there stays as it is."""
