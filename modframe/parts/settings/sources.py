"""`SettingsSources`: everything that sets settings, and `Given`, what it says for one module.

The engine makes one. `resolve` merges a `Given` with the model's defaults and the environment.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...finding import Finding
from ...observe import log_event
from ...spec import module_id_of
from ...wording import near
from .faults import SettingsError
from .files import TOML, SettingsFiles, Variables

NOTHING: Mapping[str, Any] = {}
"""The preferences of a module that has none; always this object."""


@dataclass(frozen=True, slots=True)
class Given:
    """What is given for one module, lowest source first; the environment is read besides.

    Attributes:
        table: Its table of ``settings.toml``.
        dotenv: The variables of ``.env``, those of all modules.
        preferences: What people set while it ran.
        session: What the app was started with.
    """

    table: Mapping[str, Any] = field(default_factory=dict)
    dotenv: Variables = field(default_factory=Variables)
    preferences: Mapping[str, Any] = field(default_factory=dict)
    session: Mapping[str, Any] = field(default_factory=dict)


class SettingsSources:
    """The files of a workspace, the preferences, and the values of ``start()``.

    Args:
        workspace: The folder with ``settings.toml`` and ``.env``.
        preferences: Returns the preferences of a module.
        session: Module id → values given at start.
    """

    def __init__(
        self,
        workspace: Path,
        *,
        preferences: Callable[[str], Mapping[str, Any]],
        session: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._files = SettingsFiles(workspace)
        self._preferences = preferences
        self._said: set[tuple[str, str]] = set()
        self._session = {module_id_of(key): values for key, values in session.items()}

    def given(self, module_id: str) -> Given:
        """Return what is given for a module now.

        Raises:
            SettingsError: If one of the files can't be read.
        """
        return Given(
            self._files.tables().get(module_id, NOTHING),
            self._files.variables(),
            self._preferences(module_id),
            self._session.get(module_id, NOTHING),
        )

    def log(self, module_id: str, findings: Iterable[Finding]) -> None:
        """Log findings about what is given for a module, each once."""
        for finding in findings:
            if (said := (module_id, str(finding))) not in self._said:
                self._said.add(said)
                log_event(*said, level=logging.WARNING)

    def unclaimed(self, module_ids: Collection[str]) -> Iterator[str]:
        """Yield a sentence for each module that settings are given for and that isn't there."""
        try:
            tables = self._files.tables()
        except SettingsError as error:
            yield str(error)
            tables = {}
        for ids, verb in ((self._session, "were given"), (tables, f"stand in {TOML}")):
            for name in sorted(ids.keys() - module_ids):
                hint = near(name, module_ids) or "they count once it is loaded"
                yield f"settings {verb} for {name!r}, and there is no such module; {hint}"
