"""`SourceFinder`: finds the text of a module: on disk, live or drafted; used by the verbs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ..errors import ModframeError, ModuleNotFoundInWorkspaceError
from ..runtime.live import Live
from ..runtime.record import Records
from ..source import OnDisk, Source, read_folder
from ..spec import module_id_of
from ..wording import near, otherwise

_IN_MEMORY = ("cells", "mapping")
"""Origins of texts that are nowhere on disk."""


class SourceFinder:
    """Finds sources; an id that isn't on disk may still be of a module that cells made live.

    Relative folders are below ``workspace``; ``last`` returns what was live last in this run.
    """

    def __init__(
        self,
        disk: OnDisk,
        live: Live,
        records: Records,
        *,
        last: Callable[[str], Source | None],
        workspace: Path,
    ) -> None:
        self._disk, self._live, self._records = disk, live, records
        self._last, self._workspace = last, workspace

    def find(
        self, name: str | Path, *, read: Callable[[str], Source | None] | None = None
    ) -> Source:
        """Return the source of a module id, or of a folder.

        ``read`` reads a module from disk, if it is not `OnDisk.source`.

        Raises:
            ModuleNotFoundInWorkspaceError: If there is none.
        """
        if isinstance(name, Path) or "/" in name or os.path.isabs(name):  # noqa: PTH117  # quicker
            return read_folder(self._workspace / name)
        module_id = module_id_of(name)
        return (read or self._disk.source)(module_id) or self.current(module_id)

    def current(self, module_id: str) -> Source:
        """Return a module's text as it is now.

        That is, in this order: the live text if it is in memory alone; the text on disk; the
        draft; what was live last in this run, if it was in memory alone.

        Raises:
            ModuleNotFoundInWorkspaceError: If there is none of them.
        """
        generation = self._live.generations.get(module_id)
        if generation is not None and generation.source.origin in _IN_MEMORY:
            return generation.source
        source = self._disk.source(module_id) or self._draft(module_id) or self._was_live(module_id)
        if source is None:
            raise self.not_found(module_id)
        return source

    def to_check(self, module_id: str) -> Source:
        """Return what a check looks at: the draft if there is one, else the text as it is now.

        The live text of a core module counts as well; it lies in modframe's own folder.
        """
        generation = self._live.generations.get(module_id)
        if generation is not None and module_id.startswith("core."):
            return self._draft(module_id) or generation.source
        return self._draft(module_id) or self.current(module_id)

    def _draft(self, module_id: str) -> Source | None:
        record = self._records.get(module_id)
        return record.draft if record else None

    def _was_live(self, module_id: str) -> Source | None:
        source = self._last(module_id)
        return source if source is not None and source.origin in _IN_MEMORY else None

    def not_found(self, module_id: str) -> ModframeError:
        """Return the error for an id without a source; it names the nearest ids there are."""
        ids = {*self._disk.ids(), *self._records} - {module_id}
        hint = near(module_id, ids)
        kind, _, short = module_id.partition(".")
        return ModuleNotFoundInWorkspaceError(
            f"there is no module {module_id!r}",
            cure=otherwise(
                hint,
                f"write it in a '%%module {short}' cell, "
                f"or in {self._disk.modules.name}/{kind}/{short}/api.py",
            ),
        )
