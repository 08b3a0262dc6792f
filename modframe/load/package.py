"""The private package of a generation, ``modules.standard.orders~3``: the only exec of module code.

The loader makes one for each attempt and runs its files on the loader thread; the generation
keeps it until its ledger is closed. A finder serves its files to the import system, so that a
relative import inside a function leads to the same generation for ever.
"""

from __future__ import annotations

import builtins
import importlib
import linecache
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any

from ..source import Source
from ..source.source import SourceFile, module_name
from .imports import Import

_packages: dict[str, Package] = {}
_code_cache: dict[tuple[str, str, int], CodeType] = {}
_CODE_CACHE_SIZE = 256


def compiled(content: SourceFile) -> CodeType:
    """The code of a file, its line numbers those of the cell or file it stands in.

    Raises:
        SyntaxError: If it isn't Python; with the place's file name and line.
    """
    key = (content.filename, content.text, content.first_line)
    code = _code_cache.get(key)
    if code is None:
        text = "\n" * (content.first_line - 1) + content.text
        code = compile(text, content.filename, "exec", dont_inherit=True)
        if len(_code_cache) >= _CODE_CACHE_SIZE:
            _code_cache.pop(next(iter(_code_cache)))
        _code_cache[key] = code
    return code


class Package:
    """The modules of one generation, importable as ``<name>.<file>`` while it is open.

    Args:
        name: The private name, for example ``modules.standard.orders~3``.
        source: The text.
        importer: The generation's ``__import__``.
        printer: The generation's ``print``.
    """

    def __init__(
        self, name: str, source: Source, *, importer: Import, printer: Callable[..., None]
    ) -> None:
        self.name = name
        self.source = source
        self._files = {
            f"{name}.{dotted}" if (dotted := module_name(file)) else name: file
            for file in source.files
        }
        self.builtins = {**builtins.__dict__, "__import__": importer, "print": printer}
        self.root = ModuleType(name, f"{source.module_id}, one generation of it")

    def open(self) -> None:
        """Put the package where the import system finds it."""
        _packages[self.name] = self
        if _FINDER not in sys.meta_path:
            sys.meta_path.insert(0, _FINDER)
        self.root.__path__ = []
        self.root.__package__ = self.name
        spec = ModuleSpec(self.name, _Loader(self), is_package=True)
        self.root.__spec__ = spec
        self.root.__dict__["__builtins__"] = self.builtins
        sys.modules[self.name] = self.root
        for content in self.source.files.values():
            content.register()
        if "__init__.py" in self.source.files:
            self._execute(self.root, "__init__.py")

    def import_file(self, file: str) -> ModuleType:
        """The module of a file, executed on first use."""
        dotted = module_name(file)
        return importlib.import_module(f"{self.name}.{dotted}" if dotted else self.name)

    def modules(self) -> dict[str, ModuleType]:
        """File → module, for every file that was executed."""
        return {
            file: module
            for dotted, file in self._files.items()
            if (module := sys.modules.get(dotted)) is not None
        }

    def close(self) -> None:
        """Take the package out of the import system; whoever still runs its code keeps it alive."""
        if _packages.get(self.name) is self:
            del _packages[self.name]
            prefix = f"{self.name}."
            for name in [one for one in list(sys.modules) if one.startswith(prefix)]:
                del sys.modules[name]
            sys.modules.pop(self.name, None)

    def forget_text(self) -> None:
        """Take the files' text out of ``linecache``, where nothing newer stands in its place."""
        for content in self.source.files.values():
            entry = linecache.cache.get(content.filename)
            if entry and "".join(entry[2] or ()) == _registered(content):
                del linecache.cache[content.filename]

    def find(self, name: str) -> ModuleSpec | None:
        """The spec of one of the package's files or folders."""
        file = self._files.get(name)
        if file is not None:
            return ModuleSpec(name, _Loader(self), is_package=file.endswith("__init__.py"))
        folder = name[len(self.name) + 1 :].replace(".", "/") + "/"
        if any(one.startswith(folder) for one in self.source.files):
            return ModuleSpec(name, _Loader(self), is_package=True)
        return None

    def _execute(self, module: ModuleType, file: str) -> None:
        content = self.source.files[file]
        module.__file__ = content.filename
        module.__dict__["__builtins__"] = self.builtins
        exec(compiled(content), module.__dict__)  # noqa: S102  # the one place that runs modules

    def __repr__(self) -> str:
        return f"<Package {self.name}: {len(self._files)} files>"


def _registered(content: SourceFile) -> str:
    text = content.head + content.text
    return text if not text or text.endswith("\n") else text + "\n"


class _Loader:
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
        """The file's text, for debuggers."""
        file = self._package._files.get(name)
        return self._package.source.files[file].text if file else None


class _Finder:
    """Finds the files of open private packages; knows nothing of plain names."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if "~" not in name:
            return None
        head, _, tail = name.partition("~")
        package = _packages.get(f"{head}~{tail.partition('.')[0]}")
        return package.find(name) if package else None


_FINDER: Any = _Finder()


def forget_gone() -> None:
    """Let go of what caches of the standard library hold of a generation that is gone."""
    import typing

    for cleanup in getattr(typing, "_cleanups", ()):
        cleanup()
