"""`DetachedModules`: modules loaded but not started, for checks and for people's own tests.

In goes a folder of modules; out come private packages (``modules.standard.orders~0``), each loaded
when it is first asked for. Used by `check`, by the pytest plugin, and for plain imports where no
app runs. Most of their ``app_context`` raises an error which says that they aren't started.
"""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from ..config import read_settings
from ..errors import NotRunningError
from ..load import LoadChain, Loaded, clear_typing_caches, load
from ..names import folder_of, private_package
from ..observe import get_framework_logger
from ..source import Source, read_folder
from ..source.workspace import find_workspace


class DetachedContext:
    """The ``app_context`` of a module that was loaded but not started, in its folder ``path``.

    What needs a running app raises `NotRunningError`.
    """

    settings = None

    def __init__(self, module_id: str, path: Path) -> None:
        self.module_id = module_id
        self.path = path
        self.config = read_settings()

    def get_logger(self, module_id: str | None = None) -> logging.Logger:
        """Return the logger of a module, by default this one."""
        return get_framework_logger(module_id or self.module_id)

    def get_service(self, name: Any) -> NoReturn:
        wanted = name if isinstance(name, str) else getattr(name, "__name__", repr(name))
        raise self._not_started(f"get_service({wanted!r})")

    def register_pydantic_model(self, module_id: str, model: type) -> NoReturn:
        raise self._not_started(f"register_pydantic_model({module_id!r}, ...)")

    def resource(self, factory: Any, *_: Any, **__: Any) -> NoReturn:
        raise self._not_started(f"resource({getattr(factory, '__qualname__', repr(factory))}, ...)")

    @property
    def database(self) -> NoReturn:
        raise self._not_started("database")

    @property
    def tasks(self) -> NoReturn:
        raise self._not_started("tasks")

    def _not_started(self, what: str) -> NotRunningError:
        return NotRunningError(
            f"app_context.{what}: {self.module_id} was imported by itself and is not started",
            cure="start the app first (with modframe.start(data=':memory:') as app: ...), or give "
            "the object under test an app_context of your own",
        )

    def __repr__(self) -> str:
        return f"<app_context of {self.module_id}, not started>"


class DetachedModules:
    """Loads modules of a folder without starting them, each once.

    Args:
        modules: The folder that holds ``<type>/<name>/``.
        mark: The part after the ``~`` in the packages' names.
    """

    def __init__(self, modules: Path, *, mark: str = "0") -> None:
        self._modules = modules
        self._mark = mark
        self._loaded: dict[str, Loaded] = {}
        self._chain = LoadChain()

    def package_of(self, module_id: str) -> str | None:
        """Return the package of a module and load it first; None if it has no folder.

        Raises:
            LoadError: If it can't be loaded.
            ImportCircleError: If it waits for the module that asks.
        """
        if module_id in self._loaded:
            return self._loaded[module_id].package.name
        if module_id == self._chain.innermost:  # it names itself
            return self._name(module_id)
        self._chain.refuse_circle(module_id)
        folder = self._folder(module_id)
        if not (folder / "api.py").is_file():
            return None
        return self.load(read_folder(folder, module_id=module_id)).package.name

    def load(self, source: Source) -> Loaded:
        """Check and execute a source and read its spec.

        Raises:
            LoadError: With all findings.
        """
        module_id = source.module_id
        self._chain.enter(module_id)
        try:
            self._loaded[module_id] = load(
                source,
                self._name(module_id),
                DetachedContext(module_id, self._folder(module_id)),
                resolve=self.package_of,
                printer=print,
                folder=str(self._folder(module_id)),
            )
        finally:
            self._chain.leave(module_id)
        return self._loaded[module_id]

    def close(self) -> None:
        """Take all packages out of the import system, and forget their texts."""
        while self._loaded:
            package = self._loaded.popitem()[1].package
            package.close()
            package.forget_text()
        clear_typing_caches()

    def _name(self, module_id: str) -> str:
        return private_package(module_id, self._mark)

    def _folder(self, module_id: str) -> Path:
        return folder_of(self._modules, module_id)


@cache
def workspace_modules(folder: Path | None = None) -> DetachedModules:
    """Return the modules of the workspace around a folder, for a process without an app.

    By default the folder is the working directory at the first call.
    """
    return DetachedModules(find_workspace(above=folder) / "modules")
