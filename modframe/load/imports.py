"""`GenerationImport`: a generation's ``__import__``, for ``core``, ``app_context``, ``modules``.

Made by the private package, which puts it into the ``__builtins__`` of its files; nothing outside
loaded modules sees it. A meta-path finder can't replace it, because it doesn't know who imports.
"""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from importlib.util import resolve_name
from types import ModuleType
from typing import Any

from ..injection import NamedService
from ..names import MODULE_TYPES, package_in
from .facade import Facade, attribute_getter, core_attribute_getter, public_names
from .package_finder import PrivatePackage

DOORS = ("app_context", "database", "decorators", "error_utils", "logging", "module_base")
"""The names that ``core.`` leads to; any other belongs to a real package called ``core``."""

_AFTER_IMPORT: dict[str, tuple[Callable[[], None], ...]] = {}
"""Top-level package → what to call when module code has imported it.

Process-wide, as the packages in ``sys.modules`` are that the callbacks patch.
"""
Resolve = Callable[[str], "str | None"]
"""Module id → name of the package that this generation sees for it, or ``None``."""


def call_after_import(package: str, callback: Callable[[], None]) -> None:
    """Call back whenever module code has imported a top-level package, or something below it."""
    callbacks = _AFTER_IMPORT.get(package, ())
    if callback not in callbacks:
        _AFTER_IMPORT[package] = (*callbacks, callback)


class GenerationImport:
    """The import function of a generation.

    Args:
        context: Its ``app_context``.
        resolve: Names the packages of other modules.
        package: The generation's own package.
        closed: Finds a package by name that was taken out of the import system and is still used.
    """

    def __init__(
        self,
        context: Any,
        resolve: Resolve,
        package: PrivatePackage,
        *,
        closed: Callable[[str], PrivatePackage | None],
    ) -> None:
        self._resolve = resolve
        self._package = package
        self._find_closed = closed
        self._context = context

    # Each generation has its own facades, and most import none of them.

    @cached_property
    def _door(self) -> Facade:
        context = self._context
        own = {"app_context": context}
        return Facade("modframe.app_context", own, lambda name: getattr(context, name))

    @cached_property
    def _framework(self) -> Facade:
        own = {"app_context": self._context, "service": self._name_service}
        return Facade("modframe", own, attribute_getter("modframe"))

    def _name_service(self, name: str) -> NamedService:
        return NamedService(name, self._context)

    @cached_property
    def _core(self) -> Facade:
        return Facade("core", {"app_context": self._context}, core_attribute_getter(DOORS))

    @cached_property
    def _core_by_dots(self) -> Facade:
        """What ``import core.app_context`` leaves under ``core``: there the door is a module."""
        return Facade("core", {"app_context": self._door}, core_attribute_getter(DOORS))

    @cached_property
    def _modules(self) -> Facade:
        return self._lazy_package("modules", self._attribute_of_modules)

    def __call__(  # noqa: PLR0917  # the signature of `__import__`
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        """Import as ``__import__`` does."""
        if level:
            absolute = self._absolute_name(name, globals or {}, level)
            if absolute is not None:
                return self._import_absolute(absolute, fromlist or ())
        else:
            head, _, rest = name.partition(".")
            if head == "core":
                return self._import_core(rest, fromlist or ())
            if head == "modframe" and fromlist and rest in ("", "app_context"):
                return self._import_framework(rest, fromlist)
            if head == "modules":
                return self._import_modules(rest, fromlist or ())
            if head in _AFTER_IMPORT:
                imported = builtins.__import__(name, globals, locals, fromlist or (), 0)
                for callback in _AFTER_IMPORT[head]:
                    callback()
                return imported
        return builtins.__import__(name, globals, locals, fromlist or (), level)

    # -- relative -------------------------------------------------------------------------

    def _absolute_name(self, name: str, globals: Mapping[str, Any], level: int) -> str | None:
        """Return the absolute name of a relative import that Python can't do itself.

        ``None`` for an import within an open package, which Python can do.
        """
        own = self._package
        if level == 1 and not own.closed:
            return None
        absolute = resolve_name("." * level + name, globals.get("__package__") or own.name)
        inside = absolute == own.name or absolute.startswith(f"{own.name}.")
        if inside and not own.closed:
            return None
        return absolute

    def _import_absolute(self, absolute: str, fromlist: Sequence[str]) -> Any:
        own = self._package
        if absolute == own.name or absolute.startswith(f"{own.name}."):
            return _with_submodules(
                own.import_after_close(absolute), fromlist, own.import_after_close
            )
        return self._import_modules(absolute.partition(".")[2], fromlist)

    # -- core and modframe ----------------------------------------------------------------

    def _import_framework(self, rest: str, fromlist: Sequence[str]) -> ModuleType:
        if "*" in fromlist:
            real = importlib.import_module(f"modframe.{rest}" if rest else "modframe")
            self._framework.__dict__["__all__"] = public_names(real)
        elif self._framework.__dict__.keys().isdisjoint(fromlist):
            return importlib.import_module("modframe" if not rest else f"modframe.{rest}")
        return self._door if rest else self._framework

    def _import_core(self, rest: str, fromlist: Sequence[str]) -> ModuleType:
        """Import ``core`` or ``core.x``: the framework's doors, then a real package ``core``."""
        if not rest:
            if "*" in fromlist:
                self._core.__dict__["__all__"] = [*DOORS, *_names_of_real_core()]
            return self._core
        if rest.partition(".")[0] not in DOORS:
            real = _real_core(rest)
            return real if fromlist else self._core_by_dots
        if rest == "app_context":
            return self._door if fromlist else self._core_by_dots
        door = importlib.import_module(f"modframe.{rest}")
        return door if fromlist else self._core_by_dots

    # -- modules --------------------------------------------------------------------------

    def _import_modules(self, rest: str, fromlist: Sequence[str]) -> Any:
        """Import ``modules...``: of each module, the generation that this one was built with."""
        parts = rest.split(".") if rest else []
        if not parts:
            return self._modules
        if parts[0] not in MODULE_TYPES:
            module = importlib.import_module(f"modules.{rest}")
            return _with_submodules(module, fromlist) if fromlist else self._modules
        if len(parts) == 1:
            return self._type_package(parts[0]) if fromlist else self._modules
        module = self._module(tuple(parts))
        return _with_submodules(module, fromlist, self._import_name) if fromlist else self._modules

    def _module(self, parts: tuple[str, ...]) -> ModuleType:
        package = self._resolve(".".join(parts[:2])) or ".".join(("modules", *parts[:2]))
        return self._import_name(".".join((package, *parts[2:])))

    def _import_name(self, name: str) -> ModuleType:
        package = package_in(name)
        closed = self._find_closed(package) if package else None
        return importlib.import_module(name) if closed is None else closed.import_after_close(name)

    def _type_package(self, kind: str) -> Facade:
        return self._lazy_package(f"modules.{kind}", lambda name: self._module((kind, name)))

    def _attribute_of_modules(self, name: str) -> Any:
        if name in MODULE_TYPES:
            return self._type_package(name)
        return attribute_getter("modules")(name)

    @staticmethod
    def _lazy_package(name: str, find: Callable[[str], Any]) -> Facade:
        """Return a package whose attributes are imported on first use."""

        def attribute(wanted: str) -> Any:
            try:
                return find(wanted)
            except ModuleNotFoundError as error:
                if not str(error.name).endswith(f".{wanted}"):
                    raise
                raise AttributeError(f"module {name!r} has no attribute {wanted!r}") from None

        return Facade(name, {}, attribute)


def _with_submodules(
    module: ModuleType,
    fromlist: Sequence[str],
    load: Callable[[str], ModuleType] = importlib.import_module,
) -> ModuleType:
    """Import those names of ``fromlist`` that are files of the module, and return the module."""
    for name in fromlist:
        if name != "*" and not hasattr(module, name) and hasattr(module, "__path__"):
            try:
                load(f"{module.__name__}.{name}")
            except ModuleNotFoundError as error:
                if error.name != f"{module.__name__}.{name}":
                    raise
                return module  # the import statement then raises: no such name
    return module


def _names_of_real_core() -> list[str]:
    try:
        return public_names(importlib.import_module("core"))
    except ModuleNotFoundError as error:
        if error.name != "core":
            raise
        return []


def _real_core(rest: str) -> ModuleType:
    try:
        return importlib.import_module(f"core.{rest}")
    except ModuleNotFoundError as error:
        if error.name not in ("core", f"core.{rest}"):
            raise
        raise ModuleNotFoundError(
            f"No module named 'core.{rest}'; inside a module 'core' has {', '.join(DOORS)}",
            name=f"core.{rest}",
        ) from None
