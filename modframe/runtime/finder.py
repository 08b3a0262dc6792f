"""The plain names ``modules.standard.orders`` and what an old pickle says, ``...orders~3``.

Both lead to the generation that is live; where none is, as in a user's pytest, to a detached one,
loaded but not started. Comes first in ``sys.meta_path`` and owns ``modules.<type>.*`` alone:
other packages in a real ``modules/`` folder are left to the import system.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_TYPES = ("core", "standard", "extensions")

Owner = Callable[[str], "str | None"]
"""Module id → name of the private package that stands for it now, or nothing."""


class PlainNames:
    """The finder; ``owners`` are asked in turn who stands for a module."""

    def __init__(self) -> None:
        self.owners: list[Owner] = []
        self._aliases: dict[str, set[str]] = {}

    def install(self) -> None:
        """Put the finder first, once."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)  # type: ignore[arg-type]  # the protocol's two names

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        parts = name.split(".")
        if parts[0] != "modules" or (len(parts) > 1 and parts[1] not in _TYPES):
            return None
        if len(parts) < 3:
            return self._parent(name, path)
        module_id = f"{parts[1]}.{parts[2].partition('~')[0]}"
        package = self._package(module_id)
        if package is None or package == ".".join(parts[:3]):
            return None
        real = ".".join([package, *parts[3:]])
        self._aliases.setdefault(module_id, set()).add(name)
        return ModuleSpec(name, _Alias(real), is_package=True)

    def _package(self, module_id: str) -> str | None:
        for owner in self.owners:
            if (package := owner(module_id)) is not None:
                return package
        return None

    @staticmethod
    def _parent(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
        """``modules`` and ``modules.<type>``: a real folder's own, else one with nothing in it."""
        found = PathFinder.find_spec(name, path)
        if found is None:
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = []
            return spec
        return None

    def forget(self, module_ids: Iterable[str]) -> None:
        """Let the next import of these modules' plain names look again; called at publish."""
        for module_id in module_ids:
            for name in self._aliases.pop(module_id, ()):
                sys.modules.pop(name, None)
            kind, _, short = module_id.partition(".")
            parent = sys.modules.get(f"modules.{kind}")
            for attribute in [one for one in vars(parent or object) if one.startswith(short)]:
                if attribute.partition("~")[0] == short:
                    delattr(parent, attribute)


class _Alias:
    """Puts the private package's own module under the plain name."""

    def __init__(self, real: str) -> None:
        self._real = real

    def create_module(self, spec: ModuleSpec) -> None:
        """An ordinary module, which `exec_module` replaces."""

    def exec_module(self, module: ModuleType) -> None:
        """Let the name lead to the module that exists already."""
        name = module.__name__
        try:
            sys.modules[name] = importlib.import_module(self._real)
        except ModuleNotFoundError as error:
            if error.name == self._real:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name) from None
            raise


PLAIN_NAMES: Any = PlainNames()
"""The process's one finder of plain names."""
