"""The errors of shared resources."""

from __future__ import annotations

from ...errors import ModframeError


class ResourceError(ModframeError):
    """Raised when a resource can't be made, or can't be told from others."""
