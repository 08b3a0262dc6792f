"""`PlainNameFinder`: imports of ``modules.standard.orders``, and of ``...orders~3`` in old pickles.

Both lead to the live generation. Where no app runs, as in a user's pytest, they lead to a detached
one, loaded but not started. The finder comes first in ``sys.meta_path`` and finds
``modules.<type>.*`` only: other packages in a real ``modules/`` folder stay the import system's.
The engine adds its resolver while the app runs.
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
"""Module id → name of the private package that its plain name leads to now, or ``None``."""


class PlainNameFinder:
    """Finds private packages by plain names; ``resolvers`` are asked in turn for the package."""

    def __init__(self) -> None:
        self.resolvers: list[Resolver] = []
        self._aliases: dict[str, set[str]] = {}

    def install(self, fallback: Resolver) -> None:
        """Put the finder first, once; ``fallback`` is the last resolver."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)
            self.resolvers.append(fallback)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        parts = name.split(".")
        if parts[0] != ROOT or (len(parts) > 1 and parts[1] not in MODULE_TYPES):
            return None
        if len(parts) < 3:
            return self._parent(name, path)
        module_id = module_id_in(name)
        __tracebackhide__ = True
        package = None
        for resolve in [*self.resolvers]:
            if package := resolve(module_id):
                break
        if package is None or package == ".".join(parts[:3]):
            return None
        real = ".".join([package, *parts[3:]])
        self._aliases.setdefault(module_id, set()).add(name)
        return ModuleSpec(name, _Alias(real), is_package=True)

    @staticmethod
    def _parent(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
        """Find ``modules`` or ``modules.<type>``: a real folder, else an empty package."""
        real = PathFinder.find_spec(name, path)
        if real is None:
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
        if name == "modules" and _is_file(real):
            # A user's own modules.py. As a package without a path it works as before, and imports
            # of modules below it come here, where the error above names the file.
            real.submodule_search_locations = []
            return real
        return None

    def forget(self, module_ids: Iterable[str]) -> None:
        """Let the next import of these modules' plain names find the generation that is live."""
        for module_id in module_ids:
            for name in self._aliases.pop(module_id, ()):
                if getattr(sys.modules.get(name), "__name__", "") != name:
                    sys.modules.pop(name, None)
            kind, _, short = module_id.partition(".")
            parent = sys.modules.get(f"{ROOT}.{kind}")
            if parent is None:
                continue
            for attribute in [name for name in vars(parent) if name.startswith(short)]:
                if without_number(attribute) == short:
                    delattr(parent, attribute)


class CoreNameFinder:
    """Says what to write in place of ``core`` where that is imported outside of module code.

    It comes last in ``sys.meta_path``, so a real package of that name is found before.
    """

    def install(self) -> None:
        """Put the finder last, once."""
        if self not in sys.meta_path:
            sys.meta_path.append(self)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> None:
        """Find nothing.

        Raises:
            ModuleNotFoundError: For ``core``, with the line to write instead.
        """
        if name == "core":
            raise ModuleNotFoundError(
                f"No module named 'core': it stands for modframe in module code only, in %%module "
                f"cells and files below modules/. Here write '{_with_modframe(_importing_line())}'",
                name=name,
            )


def _importing_line() -> str:
    """Return the line that imports, without its indentation; empty if it can't be read."""
    frame = sys._getframe(2)
    while frame.f_back is not None and "importlib" in frame.f_code.co_filename:
        frame = frame.f_back
    import linecache

    return linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()


def _with_modframe(line: str) -> str:
    """Return an import of something below ``core`` as one of modframe."""
    head, _, rest = line.partition("core")
    if head.strip() not in ("from", "import") or rest[:1] not in (".", " "):
        return "from modframe.decorators import module"
    end = " ...)" if rest.endswith("(") else ""
    return f"{head}modframe{rest}{end}".replace("( ...", "(...")


def _is_file(spec: ModuleSpec | None) -> bool:
    """Return whether a spec is that of a plain file, ``modules.py``, not of a package."""
    return spec is not None and spec.has_location and not str(spec.origin).endswith("__init__.py")


class _Alias(Loader):
    """Loads a plain name by putting the module of the private package under it."""

    def __init__(self, real: str) -> None:
        self._real = real

    def create_module(self, spec: ModuleSpec) -> None:
        """Return ``None``: an ordinary module, which `exec_module` replaces."""

    def exec_module(self, module: ModuleType) -> None:
        """Replace the module in ``sys.modules`` by the one of the private package."""
        name = module.__name__
        try:
            sys.modules[name] = importlib.import_module(self._real)
        except ModuleNotFoundError as error:
            if error.name == self._real:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name) from None
            raise


PLAIN_NAMES: Any = PlainNameFinder()
"""The finder of plain names. Process-wide, because ``sys.meta_path`` is; apps add resolvers."""
CORE_NAMES: Any = CoreNameFinder()
"""The finder of ``core``. Process-wide as well."""
