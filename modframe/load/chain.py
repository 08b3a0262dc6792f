"""`LoadChain`: the modules whose files are being executed, each because the one before imports it.

Whoever loads modules on demand keeps one: a batch of the runtime, and `DetachedModules`. So both
say the same of modules that import each other in a circle.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import ImportCircleError


class LoadChain:
    """Module ids, outermost first."""

    def __init__(self) -> None:
        self._ids: list[str] = []

    @contextmanager
    def entered(self, module_id: str) -> Iterator[None]:
        """Count a module among them while it is loaded."""
        self._ids.append(module_id)
        try:
            yield
        finally:
            self._ids.remove(module_id)

    def refuse_circle(self, module_id: str) -> None:
        """Let an import pass that leads to a module which is not under way.

        Raises:
            ImportCircleError: If it is; with the way from it to itself.
        """
        if module_id in self._ids:
            raise ImportCircleError([*self._ids[self._ids.index(module_id) :], module_id])

    @property
    def innermost(self) -> str:
        """The module whose files are executed at the moment; empty if none is."""
        return self._ids[-1] if self._ids else ""

    def __contains__(self, module_id: object) -> bool:
        return module_id in self._ids

    def __repr__(self) -> str:
        return f"<LoadChain: {' → '.join(self._ids) or 'nothing under way'}>"
