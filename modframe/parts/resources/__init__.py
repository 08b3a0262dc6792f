"""Shared resources: objects that the generations of a module share while they are made alike.

`ResourcesPart` keeps them; modules ask for one with ``app_context.resource``.
"""

from ...errors import ResourceError
from .part import ResourcesPart

__all__ = ["ResourceError", "ResourcesPart"]
