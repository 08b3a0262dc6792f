"""The private package of a generation, ``modules.standard.orders~3``: the only exec of module code.

The loader makes one for each attempt and runs its files on the loader thread; the generation
keeps it until its ledger is closed. A finder serves its files to the import system, so that a
relative import inside a function leads to the same generation for ever.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import re
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any
from weakref import WeakValueDictionary

from ..names import package_in
from ..source import Source, linecache_texts
from ..source.source import module_name
from ..wording import count
from .imports import GenerationImport, Resolve
from .text import Fault, analyze, is_code
from .undefined import NOTEBOOK_NAMES

_packages: dict[str, Package] = {}
_closed: WeakValueDictionary[str, Package] = WeakValueDictionary()
_left_behind: set[str] = set()
_opening = threading.RLock()
_SYS, _MODULES = re.compile(r"\bsys\b"), re.compile(r"\bmodules\b")


class Package:
    """The modules of one generation, importable as ``<name>.<file>`` while it is open.

    Args:
        name: The private name, for example ``modules.standard.orders~3``. If a load that was left
            behind still holds it, a letter is added.
        source: The text.
        context: The generation's ``app_context``.
        resolve: Module id → package name, for imports from other modules.
        printer: The generation's ``print``.

    Attributes:
        complete: Whether all files were executed; until then a load is under way, or left behind.
        code_for: Gives what is executed in place of a file's own code, in a trial: tests, with
            their asserts rewritten.
        closed: Whether it was taken out of the import system.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        *,
        context: object,
        resolve: Resolve,
        printer: Callable[..., None],
    ) -> None:
        self.source = source
        self.closed = False
        self.complete = False
        self.code_for: Callable[[str], CodeType | None] | None = None
        self._modules_at_close: dict[str, ModuleType] = {}
        with _opening:
            self.name = _unused_name(name)
            _packages[self.name] = self
            _closed.pop(self.name, None)  # of an attempt that failed, or an earlier run
        self._files = {
            f"{self.name}.{dotted}" if (dotted := module_name(file)) else self.name: file
            for file in source.files
        }
        self._names = _with_folders(self.name, self._files)
        self._may_add_modules = any(
            _SYS.search(one.text) and _MODULES.search(one.text) for one in source.files.values()
        )
        own_id = source.module_id
        importer = GenerationImport(
            context,
            lambda other: self.name if other == own_id else resolve(other),
            self,
            closed=_closed.get,
        )
        self.builtins = {**vars(builtins), "__import__": importer, "print": printer}
        for added in NOTEBOOK_NAMES:
            self.builtins.pop(added, None)
        self.root = ModuleType(self.name, f"{source.module_id}, one generation of it")

    def open(self) -> None:
        """Put the package where the import system finds it."""
        if _FINDER not in sys.meta_path:
            sys.meta_path.insert(0, _FINDER)
        # A pickle that named this package may have put another one's modules under its names.
        self._remove_from_sys_modules()
        self.root.__path__ = []
        self.root.__package__ = self.name
        self.root.__spec__ = ModuleSpec(self.name, _Loader(self), is_package=True)
        self.root.__loader__ = self.root.__spec__.loader
        self.root.__dict__["__builtins__"] = self.builtins
        sys.modules[self.name] = self.root
        linecache_texts.show(self.source.files.values())
        if "__init__.py" in self.source.files:
            self._execute(self.root, "__init__.py")

    def import_file(self, file: str) -> ModuleType:
        """The module of a file, executed on first use."""
        dotted = module_name(file)
        return importlib.import_module(f"{self.name}.{dotted}" if dotted else self.name)

    def modules(self) -> dict[str, ModuleType]:
        """File → module, for every file that was executed."""
        known = self._modules_at_close if self.closed else sys.modules
        return {
            file: module
            for dotted, file in self._files.items()
            if (module := known.get(dotted)) is not None
        }

    def drop_tests(self) -> None:
        """Take out what is none of the module's code, as if no test had been run in it."""
        self.code_for = None
        prefix = f"{self.name}."
        for name in [one for one in list(sys.modules) if one.startswith(prefix)]:
            file = self._files.get(name, "")
            if is_code(file) or any(
                is_code(one) and dotted.startswith(f"{name}.")
                for dotted, one in self._files.items()
            ):
                continue
            parent, _, last = name.rpartition(".")
            vars(sys.modules.get(parent, self.root)).pop(last, None)
            sys.modules.pop(name, None)

    def close(self) -> None:
        """Take the package out of the import system; whoever still runs its code keeps it alive."""
        with _opening:
            if self.closed:
                return
            self._modules_at_close = self._remove_from_sys_modules()
            self.closed = True
            del _packages[self.name]
            _closed[self.name] = self
        linecache_texts.hide(self.source.files.values())

    def _remove_from_sys_modules(self) -> dict[str, ModuleType]:
        """Take everything below the name out of ``sys.modules``; what it was.

        Whoever walks all of that pays for every module of the process, at every edit. So only a
        text that can have put something there itself is a reason to.
        """
        names: Iterable[str] = self._names
        if self._may_add_modules:
            prefix = f"{self.name}."
            names = [one for one in list(sys.modules) if one == self.name or one.startswith(prefix)]
        return {name: module for name in names if (module := sys.modules.pop(name, None))}

    def import_after_close(self, name: str) -> ModuleType:
        """A module of the package after it was closed: what was there, or executed now.

        Raises:
            ModuleNotFoundError: If the package has no such file.
        """
        if name in self._modules_at_close:
            return self._modules_at_close[name]
        spec = self.find(name)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        module = importlib.util.module_from_spec(spec)
        self._modules_at_close[name] = module
        try:
            _Loader(self).exec_module(module)
        except BaseException:
            del self._modules_at_close[name]
            raise
        parent, _, last = name.rpartition(".")
        setattr(self.import_after_close(parent), last, module)
        return module

    def forget_text(self) -> None:
        """Take the files' text out of ``linecache``, where nothing newer stands in its place."""
        linecache_texts.forget(self.source.files.values())

    def find(self, name: str) -> ModuleSpec | None:
        """The spec of one of the package's files or folders."""
        file = self._files.get(name)
        if file is not None:
            origin = self.source.files[file].filename
            is_package = file.endswith("__init__.py")
            return ModuleSpec(name, _Loader(self), origin=origin, is_package=is_package)
        folder = name[len(self.name) + 1 :].replace(".", "/") + "/"
        if any(one.startswith(folder) for one in self.source.files):
            return ModuleSpec(name, _Loader(self), is_package=True)
        return None

    def _execute(self, module: ModuleType, file: str) -> None:
        content = self.source.files[file]
        code = self.code_for(file) if self.code_for is not None else None
        if code is None:
            text = analyze(content)
            if isinstance(text, Fault):
                raise SyntaxError(text.message, (content.filename, text.line, None, None))
            code = text.code
        module.__file__ = content.filename
        module.__dict__["__builtins__"] = self.builtins
        exec(code, module.__dict__)  # noqa: S102  # the one place that runs modules

    def __repr__(self) -> str:
        return f"<Package {self.name}: {count(len(self._files), 'file')}>"


def _with_folders(package: str, names: Iterable[str]) -> tuple[str, ...]:
    """The names of a package's modules, those of folders that have no ``__init__.py`` included."""
    found = {package: None}
    for name in names:
        at = len(package)
        while (at := name.find(".", at + 1)) > 0:
            found[name[:at]] = None
        found[name] = None
    return tuple(found)


def _unused_name(name: str) -> str:
    """A name that nobody holds. What was left behind under it gives way, but not its name: its
    thread may hold the import system's locks on that for ever.
    """
    while name in _packages or name in _left_behind:
        holder = _packages.get(name)
        if holder is not None and not holder.complete:
            _left_behind.add(name)
            holder.close()
        name += "b"
    return name


class _Loader(Loader):
    """Executes one file of a package for the import system."""

    def __init__(self, package: Package) -> None:
        self._package = package

    def create_module(self, spec: ModuleSpec) -> None:
        """Let the import system make an ordinary module."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the file in it; a folder without ``__init__.py`` has nothing to run."""
        file = self._package._files.get(module.__name__)
        if file is not None:
            self._package._execute(module, file)

    def get_source(self, name: str) -> str | None:
        """The text of the place that the file stands in, for debuggers."""
        file = self._package._files.get(name)
        return "".join(self._package.source.files[file].lines) if file else None


class _Finder:
    """Finds the files of open private packages; knows nothing of plain names."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package = _packages.get(package_in(name))
        return package.find(name) if package else None


_FINDER: Any = _Finder()


def clear_typing_caches() -> None:
    """Let go of what caches of the standard library hold of a generation that is gone."""
    import typing

    for cleanup in getattr(typing, "_cleanups", ()):
        cleanup()
