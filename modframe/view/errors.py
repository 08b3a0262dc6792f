"""The views' branch of the error tree."""

from __future__ import annotations

from ..errors import ModframeError


class FormError(ModframeError):
    """Raised when what a person wrote into a form can't be sent; nothing was called.

    Attributes:
        field: The field that it is about.
    """
