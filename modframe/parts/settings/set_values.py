"""`SetValues`: what was set of modules while they ran, by module, as it counts now.

The engine makes one for the session, which nothing writes; `Preferences` is one that a file keeps.
Settings are resolved from them, and `SettingsChanges` changes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOTHING: Mapping[str, Any] = {}
"""What is set of a module of which nothing is; always this object."""


class SetValues:
    """The values that were set, in memory."""

    def __init__(self) -> None:
        self._known: dict[str, Mapping[str, Any]] = {}

    def of(self, module_id: str) -> Mapping[str, Any]:
        """Return what counts here of a module, the same object until it changes."""
        return self._known.get(module_id, NOTHING)

    def put(self, module_id: str, values: Mapping[str, Any]) -> None:
        """Let other values count from now on."""
        if values:
            self._known[module_id] = values
        else:
            self._known.pop(module_id, None)

    def module_ids(self) -> set[str]:
        """Return the ids of the modules of which something is set here."""
        return set(self._known)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self._known)} modules have some>"
