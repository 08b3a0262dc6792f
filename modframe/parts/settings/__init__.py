"""Settings: a module's model, resolved from its defaults and all that sets its fields."""

from .part import ModuleSettings, SettingsPart
from .sources import SettingsSources

__all__ = ["ModuleSettings", "SettingsPart", "SettingsSources"]
