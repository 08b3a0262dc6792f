"""Settings: a module's model, resolved from its defaults and all that sets its fields."""

from .changes import SettingsChanges
from .part import ModuleSettings, SettingsPart
from .preferences import Preferences
from .sources import SettingsSources

__all__ = [
    "ModuleSettings",
    "Preferences",
    "SettingsChanges",
    "SettingsPart",
    "SettingsSources",
]
