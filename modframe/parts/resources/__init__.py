"""Shared resources: one object for the old and the new generation of a module, while it is made
alike. `ResourcesPart` keeps them; modules ask through ``app_context.resource``.
"""

from ...errors import ResourceError
from .part import ResourcesPart

__all__ = ["ResourceError", "ResourcesPart"]
