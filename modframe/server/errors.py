"""The server's branch of the error tree."""

from __future__ import annotations

from ..errors import ModframeError


class ServeError(ModframeError):
    """Raised when a server can't be started as asked; nothing listens.

    Attributes:
        host: The address that was asked for.
        port: The port that was asked for.
    """
