"""The errors of the events part."""

from __future__ import annotations

from ...errors import ModframeError


class DeadLetterError(ModframeError):
    """Raised by ``app.events.retry()`` and ``.drop()``: there is no such dead letter, or it stays.

    It stays where nothing live is subscribed to it, and where its method fails again.
    """
