"""The way in from notebooks: magics, hooks around cells, and how failures are shown there."""

from .extension import load, unload

__all__ = ["load", "unload"]
