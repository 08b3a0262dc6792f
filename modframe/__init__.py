"""modframe: grow a service module in notebook cells, see it live, ship it unchanged.

``app = modframe.start()`` returns the app context; `modframe.decorators` has the decorators of
modules. Names are loaded on first use, so that importing modframe is quick.
"""

from __future__ import annotations

import importlib
import sys

from .runtime.finder import CORE_NAMES, PLAIN_NAMES

TYPE_CHECKING = False  # `typing` alone would take longer to import than all of this
if TYPE_CHECKING:
    from typing import Any

    from .app import AppContext as AppContext
    from .errors import ModframeError as ModframeError
    from .hosted import create_app as create_app
    from .injection import service as service
    from .module import Module as Module
    from .process import start as start
    from .result import Result as Result

    app_context: AppContext

__version__ = "0.1.0"

_HOMES = {
    "AppContext": "app",
    "ModframeError": "errors",
    "Module": "module",
    "Result": "result",
    "create_app": "hosted",
    "service": "injection",
    "start": "process",
}

__all__ = [
    "AppContext",
    "ModframeError",
    "Module",
    "Result",
    "app_context",
    "create_app",
    "service",
    "start",
]


def _detached_package(module_id: str) -> str | None:
    """Return the package of a module, loaded but not started; ``None`` while an app runs."""
    process = sys.modules.get(f"{__name__}.process")
    if process is not None and process.current_app() is not None:
        return None
    from .ship.detached import workspace_modules

    return workspace_modules().package_of(module_id)


PLAIN_NAMES.install(_detached_package)
CORE_NAMES.install()


def __getattr__(name: str) -> Any:
    if name == "app_context":
        return importlib.import_module(".app_context", __name__)
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext modframe``: register the magics, bind ``app`` and ``app_context``."""
    from .notebook import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """``%unload_ext modframe``: remove the magics and hooks; the app keeps running."""
    from .notebook import unload

    unload(shell)
