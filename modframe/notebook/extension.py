"""``%load_ext modframe`` and ``%unload_ext modframe``.

Loading registers the magics and hooks in a shell and binds ``app`` and ``app_context``.
"""

from __future__ import annotations

import importlib
from typing import Any

from ..process import start_on_use, was_stopped
from . import failure
from .completion import SQLNames
from .greeting import greeting
from .hooks import Hooks
from .magics import ModframeMagics
from .outputs import MaskedOutputs

_NAMES = ("app", "app_context")


def load(shell: Any) -> None:
    """Register magics and hooks, and bind names that are free. The app starts on first use."""
    start_on_use(True)
    if _magics_of(shell) is not None:
        return
    hooks = Hooks(shell)
    hooks.install()
    failure.install(shell)
    outputs = MaskedOutputs(shell)
    outputs.install()
    names = SQLNames(shell)
    names.install()
    magics = ModframeMagics(shell, hooks, outputs, names)
    if "sql" in shell.magics_manager.magics["cell"]:
        magics.magics["cell"]["modsql"] = magics.magics["cell"].pop("sql")
    shell.register_magics(magics)
    _load_again(shell)
    proxy = importlib.import_module("modframe.app_context")
    for name in _NAMES:
        if name not in shell.user_ns:
            shell.user_ns[name] = proxy
            shell.user_ns_hidden[name] = proxy
    print("\n".join(greeting()))


def unload(shell: Any) -> None:
    """Remove the magics and hooks; the app keeps running, and the names stay bound."""
    magics = _magics_of(shell)
    if magics is None:
        return
    magics.hooks.remove()
    magics.outputs.remove()
    magics.names.remove()
    failure.remove()
    start_on_use(False)
    vars(shell.extension_manager).pop("load_extension", None)
    del shell.magics_manager.registry[ModframeMagics.__name__]
    for table in shell.magics_manager.magics.values():
        for name in ("module", "modframe", "sql", "modsql"):
            if getattr(table.get(name), "__self__", None) is magics:
                del table[name]


def _load_again(shell: Any) -> None:
    """Let ``%load_ext modframe`` load again after the app was stopped.

    IPython does not call an extension that it has loaded, and only says so.
    """
    manager = shell.extension_manager
    load_extension = manager.load_extension

    def load_stopped(module_str: str) -> Any:
        if module_str == "modframe" and module_str in manager.loaded and was_stopped():
            start_on_use(True)
            print("\n".join(greeting()))
            return None
        return load_extension(module_str)

    manager.load_extension = load_stopped


def _magics_of(shell: Any) -> ModframeMagics | None:
    """Return the magics that are registered in a shell, if modframe is loaded there."""
    magics: ModframeMagics | None = shell.magics_manager.registry.get(ModframeMagics.__name__)
    return magics
