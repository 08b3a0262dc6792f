"""The ``__import__`` of a generation: what ``core``, ``app_context`` and ``modules`` mean inside it.

A meta-path finder can't do this, for it does not know who asks. Each private package carries an
import function in its ``__builtins__``; nothing outside loaded modules sees any of it.
"""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from ..spec import MODULE_TYPES

DOORS = ("app_context", "database", "decorators", "error_utils", "logging", "module_base")
"""The names that ``core.`` leads to; any other belongs to a real package called ``core``."""

Import = Callable[..., Any]
Resolve = Callable[[str], "str | None"]
"""Module id → the name of the package that this generation is to see for it, if there is one."""


class Facade(ModuleType):
    """A module as one generation sees it: some names its own, all others another module's."""

    def __init__(self, name: str, own: dict[str, Any], other: Callable[[str], Any]) -> None:
        super().__init__(name)
        self.__dict__.update(own)
        self.__dict__["_modframe_other"] = other
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self.__dict__["_modframe_other"](name)


def make_import(context: object, resolve: Resolve) -> Import:
    """The import function of a generation whose ``app_context`` is ``context``."""
    door = Facade("modframe.app_context", {"app_context": context}, _attribute_of("modframe"))
    own = {"app_context": context}
    framework = Facade("modframe", own, _attribute_of("modframe"))
    core = Facade("core", own, _core_attribute)

    def generation_import(
        name: str,
        globals: dict[str, Any] | None = None,
        locals: dict[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        if level == 0:
            head, _, rest = name.partition(".")
            if head == "core":
                return _import_core(core, door, rest, fromlist)
            if head == "modframe" and fromlist and "app_context" in fromlist:
                if rest in ("", "app_context"):
                    return framework if not rest else door
            if head == "modules" and rest.partition(".")[0] in MODULE_TYPES:
                return _import_module(rest, fromlist, resolve)
        return builtins.__import__(name, globals, locals, fromlist or (), level)

    return generation_import


def _attribute_of(package: str) -> Callable[[str], Any]:
    def attribute(name: str) -> Any:
        module = importlib.import_module(package)
        try:
            return getattr(module, name)
        except AttributeError:
            return _submodule(package, name)

    return attribute


def _submodule(package: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(f"{package}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"{package}.{name}":
            raise
        raise AttributeError(f"module {package!r} has no attribute {name!r}") from None


def _core_attribute(name: str) -> Any:
    if name in DOORS:
        return importlib.import_module(f"modframe.{name}")
    try:
        return _attribute_of("core")(name)
    except ModuleNotFoundError as error:
        if error.name != "core":
            raise
        raise AttributeError(
            f"'core' has no {name!r}; inside a module it offers {', '.join(DOORS)}"
        ) from None


def _import_core(
    core: Facade, door: Facade, rest: str, fromlist: Sequence[str] | None
) -> ModuleType:
    """``core`` and ``core.x``: the framework's doors, then whatever real package is called so."""
    if not rest:
        return core
    first = rest.partition(".")[0]
    if first not in DOORS:
        try:
            real = importlib.import_module(f"core.{rest}")
        except ModuleNotFoundError as error:
            if error.name != "core":
                raise
            raise ModuleNotFoundError(
                f"No module named 'core.{rest}'; inside a module 'core' offers "
                f"{', '.join(DOORS)}",
                name=f"core.{rest}",
            ) from None
        return real if fromlist else core
    if not fromlist:
        return core
    return door if first == "app_context" else importlib.import_module(f"modframe.{rest}")


def _import_module(rest: str, fromlist: Sequence[str] | None, resolve: Resolve) -> ModuleType:
    """``modules.<type>.<name>...``: the very generation that this one was built against."""
    parts = rest.split(".")
    if len(parts) < 2:
        return _modules_facade((parts[0],) if fromlist else (), resolve)
    target = _package_of(tuple(parts[:2]), resolve)
    module = importlib.import_module(".".join([target, *parts[2:]]))
    for name in fromlist or ():
        if name != "*" and not hasattr(module, name) and hasattr(module, "__path__"):
            importlib.import_module(f"{module.__name__}.{name}")
    return module if fromlist else _modules_facade((), resolve)


def _package_of(parts: tuple[str, ...], resolve: Resolve) -> str:
    return resolve(".".join(parts)) or ".".join(("modules", *parts))


def _modules_facade(prefix: tuple[str, ...], resolve: Resolve) -> Facade:
    """``modules`` or ``modules.<type>``, so that ``import modules.standard.x as y`` works."""

    def attribute(name: str) -> Any:
        path = (*prefix, name)
        if len(path) < 2:
            return _modules_facade(path, resolve)
        return importlib.import_module(_package_of(path, resolve))

    return Facade(".".join(("modules", *prefix)), {}, attribute)
