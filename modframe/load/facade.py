"""`Facade`: a module object for one generation, with some names of its own before another module's.

Made by a generation's import function for ``core``, ``modframe`` and ``modules``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

_IMPORT_SYSTEM = frozenset({"__path__", "__spec__", "__loader__", "__wrapped__"})


class Facade(ModuleType):
    """A module with names of its own; ``fallback`` returns others or raises AttributeError."""

    def __init__(self, name: str, own: dict[str, Any], fallback: Callable[[str], Any]) -> None:
        super().__init__(name)
        self.__dict__.update(own)
        self.__dict__["_modframe_fallback"] = fallback
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name in _IMPORT_SYSTEM:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return self.__dict__["_modframe_fallback"](name)


def attribute_getter(package: str) -> Callable[[str], Any]:
    """Return a function that looks up attributes and submodules of a real package."""

    def attribute(name: str) -> Any:
        module = importlib.import_module(package)
        try:
            return getattr(module, name)
        except AttributeError:
            if name.startswith("__"):
                raise
        try:
            return importlib.import_module(f"{package}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{package}.{name}":
                raise
            raise AttributeError(f"module {package!r} has no attribute {name!r}") from None

    return attribute


def core_attribute_getter(doors: Sequence[str]) -> Callable[[str], Any]:
    """Return a function that looks up the framework's doors, then a real package ``core``."""
    real = attribute_getter("core")

    def attribute(name: str) -> Any:
        if name in doors:
            return importlib.import_module(f"modframe.{name}")
        try:
            return real(name)
        except ModuleNotFoundError as error:
            if error.name != "core":
                raise
            raise AttributeError(
                f"'core' has no {name!r}; inside a module it has {', '.join(doors)}"
            ) from None

    return attribute


def public_names(module: ModuleType) -> list[str]:
    """Return the names that ``from module import *`` imports."""
    named = getattr(module, "__all__", None)
    return list(named or [name for name in vars(module) if not name.startswith("_")])
