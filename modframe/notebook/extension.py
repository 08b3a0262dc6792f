"""``%load_ext modframe``: magics and hooks in, ``app`` and ``app_context`` bound; and out again."""

from __future__ import annotations

import importlib
from typing import Any

from . import failure
from .hooks import Hooks
from .magics import ModframeMagics

_NAMES = ("app", "app_context")
_installed: dict[int, Hooks] = {}


def load(shell: Any) -> None:
    """Register the magics; bind the names that are free. The app starts on first use."""
    if id(shell) in _installed:
        return
    hooks = _installed[id(shell)] = Hooks(shell)
    hooks.install()
    failure.install(shell)
    taken = "sql" in shell.magics_manager.magics["cell"]
    magics = ModframeMagics(shell, hooks.cells)
    if taken:
        magics.magics["cell"]["modsql"] = magics.magics["cell"].pop("sql")
    shell.register_magics(magics)
    proxy: Any = importlib.import_module("modframe.app_context")
    proxy._modframe_starts = True
    for name in _NAMES:
        if name not in shell.user_ns:
            shell.user_ns[name] = proxy
            shell.user_ns_hidden[name] = proxy


def unload(shell: Any) -> None:
    """Take the magics and hooks out; the app, and what is bound, keeps running."""
    hooks = _installed.pop(id(shell), None)
    if hooks is None:
        return
    hooks.remove()
    failure.remove()
    proxy: Any = importlib.import_module("modframe.app_context")
    proxy._modframe_starts = False
    for kind, table in shell.magics_manager.magics.items():
        for name in ("module", "modframe", "sql", "modsql"):
            owner = getattr(table.get(name), "__self__", None)
            if isinstance(owner, ModframeMagics):
                del shell.magics_manager.magics[kind][name]
