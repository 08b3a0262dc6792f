"""Settings: a module's model, resolved from defaults, environment, file and session."""

from .part import ModuleSettings, SettingsPart

__all__ = ["ModuleSettings", "SettingsPart"]
