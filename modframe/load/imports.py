"""A generation's ``__import__``: what ``core``, ``app_context`` and ``modules`` mean inside it.

A meta-path finder can't do this, for it does not know who asks. Each private package carries an
import function in its ``__builtins__``; nothing outside loaded modules sees any of it.
"""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Callable, Mapping, Sequence
from importlib.util import resolve_name
from types import ModuleType
from typing import Any, Protocol

from ..names import MODULE_TYPES, package_in
from .facade import Facade, attribute_getter, core_attribute_getter, public_names

DOORS = ("app_context", "database", "decorators", "error_utils", "logging", "module_base")
"""The names that ``core.`` leads to; any other belongs to a real package called ``core``."""

AFTER_IMPORT: dict[str, Callable[[], None]] = {}
"""Package → whom to tell when module code has imported it."""
Import = Callable[..., Any]
Resolve = Callable[[str], "str | None"]
"""Module id → the name of the package that this generation is to see for it, if there is one."""


class Own(Protocol):
    """The generation's package, as its import function needs it."""

    name: str
    closed: bool

    def import_after_close(self, name: str) -> ModuleType:
        """A module of the package after it was taken out of the import system."""


class GenerationImport:
    """The import function of a generation.

    Args:
        context: What its ``app_context`` is.
        resolve: Leads to other modules.
        package: The generation's own files.
        closed: Finds a package that was taken out of the import system and is still in use.
    """

    def __init__(
        self,
        context: object,
        resolve: Resolve,
        package: Own,
        *,
        closed: Callable[[str], Own | None],
    ) -> None:
        self._resolve = resolve
        self._package = package
        self._closed = closed
        self._door = Facade(
            "modframe.app_context", {"app_context": context}, lambda name: getattr(context, name)
        )
        own = {"app_context": context}
        self._framework = Facade("modframe", own, attribute_getter("modframe"))
        self._core = Facade("core", own, core_attribute_getter(DOORS))
        # What `import core.app_context` leaves under `core`: there the door is a module.
        self._core_by_dots = Facade(
            "core", {"app_context": self._door}, core_attribute_getter(DOORS)
        )
        self._modules = self._facade("modules", self._top)

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
            target = self._relative(name, globals or {}, level)
            if target is not None:
                return self._from(target, fromlist or ())
        else:
            head, _, rest = name.partition(".")
            if head == "core":
                return self._import_core(rest, fromlist or ())
            if head == "modframe" and fromlist and rest in ("", "app_context"):
                return self._import_framework(rest, fromlist)
            if head == "modules":
                return self._import_modules(rest, fromlist or ())
            if head in AFTER_IMPORT:
                found = builtins.__import__(name, globals, locals, fromlist or (), 0)
                AFTER_IMPORT[head]()
                return found
        return builtins.__import__(name, globals, locals, fromlist or (), level)

    # -- relative -------------------------------------------------------------------------

    def _relative(self, name: str, globals: Mapping[str, Any], level: int) -> str | None:
        """The absolute name, where the import system would not lead where it should."""
        own = self._package
        if level == 1 and not own.closed:
            return None
        absolute = resolve_name("." * level + name, globals.get("__package__") or own.name)
        inside = absolute == own.name or absolute.startswith(f"{own.name}.")
        if inside and not own.closed:
            return None
        return absolute

    def _from(self, absolute: str, fromlist: Sequence[str]) -> Any:
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
        elif "app_context" not in fromlist:
            return importlib.import_module("modframe" if not rest else f"modframe.{rest}")
        return self._door if rest else self._framework

    def _import_core(self, rest: str, fromlist: Sequence[str]) -> ModuleType:
        """``core`` and ``core.x``: the framework's doors, then a real package that is so called."""
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
        """``modules...``: of a module, the very generation that this one was built against."""
        parts = rest.split(".") if rest else []
        if not parts:
            return self._modules
        if parts[0] not in MODULE_TYPES:
            module = importlib.import_module(f"modules.{rest}")
            return _with_submodules(module, fromlist) if fromlist else self._modules
        if len(parts) == 1:
            return self._type(parts[0]) if fromlist else self._modules
        found = self._module(tuple(parts))
        return _with_submodules(found, fromlist, self._load) if fromlist else self._modules

    def _module(self, parts: tuple[str, ...]) -> ModuleType:
        package = self._resolve(".".join(parts[:2])) or ".".join(("modules", *parts[:2]))
        return self._load(".".join((package, *parts[2:])))

    def _load(self, name: str) -> ModuleType:
        package = package_in(name)
        gone = self._closed(package) if package else None
        return importlib.import_module(name) if gone is None else gone.import_after_close(name)

    def _type(self, kind: str) -> Facade:
        return self._facade(f"modules.{kind}", lambda name: self._module((kind, name)))

    def _top(self, name: str) -> Any:
        if name in MODULE_TYPES:
            return self._type(name)
        return attribute_getter("modules")(name)

    @staticmethod
    def _facade(name: str, find: Callable[[str], Any]) -> Facade:
        """A package whose attributes are imported when they are asked for."""

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
    """The module with those of the names imported that are files of it."""
    for name in fromlist:
        if name != "*" and not hasattr(module, name) and hasattr(module, "__path__"):
            try:
                load(f"{module.__name__}.{name}")
            except ModuleNotFoundError as error:
                if error.name != f"{module.__name__}.{name}":
                    raise
                return module  # the import statement says that it has no such name
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
