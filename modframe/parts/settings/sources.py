"""`SettingsSources`: everything that sets settings, and `Given`, what it says for one module.

The engine makes one. `resolve` merges a `Given` with the model's defaults and the environment.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...finding import Finding
from ...masking import KnownSecrets
from ...observe import log_event
from ...spec import module_id_of
from ...wording import near, otherwise
from .faults import SettingsError
from .files import TOML, SettingsFiles, Variables
from .preferences import Preferences
from .set_values import NOTHING, SetValues

_log = logging.getLogger("modframe.settings")


@dataclass(frozen=True, slots=True)
class Given:
    """What is given for one module, lowest source first; the environment is read besides.

    Attributes:
        table: Its table of ``settings.toml``.
        dotenv: The variables of ``.env``, those of all modules.
        preferences: What people set while it ran.
        session: What the app was started with.
        now: What was set for the session since.
    """

    table: Mapping[str, Any] = field(default_factory=dict)
    dotenv: Variables = field(default_factory=Variables)
    preferences: Mapping[str, Any] = field(default_factory=dict)
    session: Mapping[str, Any] = field(default_factory=dict)
    now: Mapping[str, Any] = field(default_factory=dict)


class SettingsSources:
    """The files of a workspace, the preferences, and the values of the session.

    Args:
        workspace: The folder with ``settings.toml`` and ``.env``.
        preferences: What people set while modules ran.
        session: Module id → values given at start.
        secrets: Gets the secrets in all of them.

    Attributes:
        now: What was set for the session since.
    """

    def __init__(
        self,
        workspace: Path,
        preferences: Preferences,
        *,
        session: Mapping[str, Mapping[str, Any]],
        secrets: KnownSecrets,
    ) -> None:
        self.secrets = secrets
        self._files = SettingsFiles(workspace)
        self.preferences, self.now = preferences, SetValues()
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
            self.preferences.of(module_id),
            self._session.get(module_id, NOTHING),
            self.now.of(module_id),
        )

    def log(self, module_id: str, findings: Iterable[Finding]) -> None:
        """Log findings about what is given for a module, each once."""
        for finding in findings:
            if (said := (module_id, str(finding))) not in self._said:
                self._said.add(said)
                log_event(*said, level=logging.WARNING)

    def for_none(self, known: Collection[str]) -> dict[str, SettingsError]:
        """Return an error for each unknown module that ``start()`` was given settings for."""
        return _for_none("settings were given for it", self._session, known)

    def misspelt(self, known: Collection[str]) -> dict[str, SettingsError]:
        """Return those of them whose name is nearly that of a known module.

        Settings may also be given for a module that cells are to define.
        """
        return {name: error for name, error in self.for_none(known).items() if near(name, known)}

    def log_unclaimed(self, known: Collection[str]) -> None:
        """Log for which modules that aren't known settings stand anywhere.

        A ``settings.toml`` that can't be read is logged too.
        """
        errors = [*self.for_none(known).values()]
        try:
            tables = self._files.tables()
        except SettingsError as unreadable:
            errors.append(unreadable)
        else:
            errors += _for_none(f"{TOML} has settings for it", tables, known).values()
        for error in errors:
            _log.warning("%s", error)


def _for_none(what: str, given: Iterable[str], known: Collection[str]) -> dict[str, SettingsError]:
    return {
        name: SettingsError(
            f"{what}, and there is no such module",
            cure=otherwise(near(name, known), "they count once it is loaded"),
            subject=name,
        )
        for name in sorted(set(given).difference(known))
    }
