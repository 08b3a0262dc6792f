"""`Preferences`: what people set while modules ran, as this kernel knows it.

The engine makes one for its data folder. Settings are resolved from what it holds in memory;
`SettingsChanges` writes to it, and lets it look for what other kernels wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ...observe import record_failure
from ...worker import Worker
from .preference_file import PreferenceError, PreferenceFile, Table
from .set_values import SetValues

T = TypeVar("T")
FILE = "preferences.sqlite"


class Preferences(SetValues):
    """The preferences of all modules; kept in ``data``, or in memory if that is ``None``."""

    def __init__(self, data: Path | None) -> None:
        super().__init__()
        self.shared = data is not None
        self._file = PreferenceFile(data / FILE if data is not None else None)
        self._worker = Worker("modframe-preferences")
        self._problem = ""

    async def open(self) -> None:
        """Read what there is; a file that can't be read is logged and left alone."""
        if (table := await self.look()) is not None:
            self._known = dict(table)

    async def look(self) -> Table | None:
        """Return all preferences if another kernel has changed them since; else ``None``.

        What can't be read is logged once.
        """
        if not self._file.is_there and not self._known:
            return None
        try:
            table = await self._call(self._file.read_if_changed)
        except PreferenceError as error:
            if str(error) != self._problem:
                self._problem = str(error)
                record_failure("core.settings", self._problem, error)
            return None
        self._problem = ""
        return table

    async def read(self) -> Table:
        """Return all preferences as they are kept now.

        Raises:
            PreferenceError: If the file can't be read.
        """
        return await self._call(self._file.read)

    async def write(
        self, module_id: str, *, expected: Mapping[str, Any], wanted: Mapping[str, Any]
    ) -> bool:
        """Keep the preferences of a module, unless they are no longer as ``expected``.

        Raises:
            PreferenceError: If the file can't be written.
        """
        write = partial(self._file.replace, module_id, expected=expected, wanted=wanted)
        return await self._call(write)

    async def _call(self, function: Callable[[], T]) -> T:
        return await self._worker.call(function)

    async def aclose(self) -> None:
        """Close the file, if it was opened."""
        if self._worker.alive:
            await self._call(self._file.close)
        self._worker.close()
