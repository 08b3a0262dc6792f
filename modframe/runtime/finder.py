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

from ..names import MODULE_TYPES, ROOT, module_id_in, without_number

TYPE_CHECKING = False  # `typing` alone would take longer to import than all of this
if TYPE_CHECKING:
    from importlib.abc import Loader
    from types import ModuleType
    from typing import Any
else:
    Loader = object

Resolver = Callable[[str], "str | None"]
"""Module id → name of the private package that stands for it now, or nothing."""


class PlainNameFinder:
    """The finder.

    Attributes:
        resolvers: Asked in turn who stands for a module.
        fallback: Asked last, in a process where nobody else knows.
    """

    def __init__(self) -> None:
        self.resolvers: list[Resolver] = []
        self.fallback: Resolver | None = None
        self._aliases: dict[str, set[str]] = {}

    def install(self) -> None:
        """Put the finder first, once."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        parts = name.split(".")
        if parts[0] != ROOT or (len(parts) > 1 and parts[1] not in MODULE_TYPES):
            return None
        if len(parts) < 3:
            return self._parent(name, path)
        module_id = module_id_in(name)
        package = self._package(module_id)
        if package is None or package == ".".join(parts[:3]):
            return None
        real = ".".join([package, *parts[3:]])
        self._aliases.setdefault(module_id, set()).add(name)
        return ModuleSpec(name, _Alias(real), is_package=True)

    def _package(self, module_id: str) -> str | None:
        for resolve in (*self.resolvers, self.fallback):
            if resolve is not None and (package := resolve(module_id)) is not None:
                return package
        return None

    @staticmethod
    def _parent(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
        """``modules`` and ``modules.<type>``: a real folder's own, else one with nothing in it."""
        found = PathFinder.find_spec(name, path)
        if found is None:
            top = sys.modules.get("modules")
            if name != "modules" and top is not None and _is_file(top.__spec__):
                raise ModuleNotFoundError(
                    f"No module named {name!r}: {top.__file__} is called 'modules' as well and "
                    "comes first; rename that file",
                    name=name,
                )
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = []
            return spec
        if name == "modules" and _is_file(found):
            # A user's own file. As a package without a path it stays what it is, and an import
            # of what lies below it comes here, where it is told what is in its way.
            found.submodule_search_locations = []
            return found
        return None

    def forget(self, module_ids: Iterable[str]) -> None:
        """Let the next import of these modules' plain names look again; called at publish."""
        for module_id in module_ids:
            for name in self._aliases.pop(module_id, ()):
                if getattr(sys.modules.get(name), "__name__", "") != name:
                    sys.modules.pop(name, None)
            kind, _, short = module_id.partition(".")
            parent = sys.modules.get(f"{ROOT}.{kind}")
            for attribute in [one for one in vars(parent or object) if one.startswith(short)]:
                if without_number(attribute) == short:
                    delattr(parent, attribute)


def _is_file(spec: ModuleSpec | None) -> bool:
    """Whether a spec is a plain file's, ``modules.py``, and no package's."""
    return spec is not None and spec.has_location and not str(spec.origin).endswith("__init__.py")


class _Alias(Loader):
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


PLAIN_NAMES: Any = PlainNameFinder()
"""The process's one finder of plain names."""
