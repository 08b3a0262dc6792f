"""`settings_models`: which settings models a module's files hold for phase 1 to register.

Called by the settings part and by the check of the guide's rules, with the executed files.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from pydantic import BaseModel

_FILE = "settings.py"


def settings_models(modules: Mapping[str, ModuleType]) -> dict[str, type[BaseModel]]:
    """Return the models called ``...Settings`` that ``settings.py`` defines, by name.

    Args:
        modules: File name → executed file.
    """
    module = modules.get(_FILE)
    if module is None:
        return {}
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, BaseModel)
        and value.__module__ == module.__name__
        and name.endswith("Settings")
    }
