"""`Package`: a generation's private package, ``modules.standard.orders~3``; it executes the files.

The loader makes one for each attempt and imports its files on the loader thread; the generation
keeps it until its ledger is closed. Relative imports inside functions find the same generation for
ever, also after it was closed.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterable
from importlib._bootstrap import _load  # type: ignore[attr-defined]  # private: loads a spec, under its lock
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType

from ..source import Source, linecache_texts
from ..source.source import module_name
from ..wording import count
from .imports import GenerationImport, Resolve
from .package_finder import PACKAGES
from .text import Fault, analyze, is_code
from .undefined import NOTEBOOK_NAMES

_SYS, _MODULES = re.compile(r"\bsys\b"), re.compile(r"\bmodules\b")


class Package:
    """The modules of one generation, importable as ``<name>.<file>`` while it is open.

    Args:
        name: The private name, for example ``modules.standard.orders~3``; a letter is added if a
            load that hangs holds it.
        source: The module's source.
        context: The generation's ``app_context``.
        resolve: Module id → package name, for imports from other modules.
        printer: The generation's ``print``.

    Attributes:
        complete: Whether all files were executed; until then a load is under way, or hangs.
        code_for: Returns code to execute in place of a file's own, or ``None``; set by a trial,
            whose tests have their asserts rewritten.
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
        self._executed = False
        self._modules_at_close: dict[str, ModuleType] = {}
        self.name = PACKAGES.add(self, name)
        self._files = {
            f"{self.name}.{dotted}" if (dotted := module_name(file)) else self.name: file
            for file in source.files
        }
        self._names = _with_folders(self.name, self._files)
        self._may_add_modules = any(_names_sys_modules(file.text) for file in source.files.values())
        own_id = source.module_id
        importer = GenerationImport(
            context,
            lambda other: self.name if other == own_id else resolve(other),
            self,
            closed=PACKAGES.closed_package,
        )
        self.builtins = {**vars(builtins), "__import__": importer, "print": printer}
        for added in NOTEBOOK_NAMES:
            self.builtins.pop(added, None)
        self.root = ModuleType(self.name, f"{source.module_id}, one generation of it")

    def open(self) -> None:
        """Put the package where the import system finds it, and execute its ``__init__.py``."""
        PACKAGES.install()
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
        """Return the module of a file, which is executed on first use."""
        dotted = module_name(file)
        name = f"{self.name}.{dotted}" if dotted else self.name
        if file == "api.py" and not self._executed:
            # No code of the package has run, so no other thread can import this file as well, and
            # no finder has to be asked for it.
            module: ModuleType = _load(self.find(name))
            setattr(self.root, dotted, module)
            return module
        return importlib.import_module(name)

    def modules(self) -> dict[str, ModuleType]:
        """Return file → module, for every file that was executed."""
        modules = self._modules_at_close if self.closed else sys.modules
        return {
            file: module
            for name, file in self._files.items()
            if (module := modules.get(name)) is not None
        }

    def drop_tests(self) -> None:
        """Remove the modules of test files, and ``code_for``, as if no test had been run."""
        self.code_for = None
        prefix = f"{self.name}."
        for name in [name for name in list(sys.modules) if name.startswith(prefix)]:
            holds_code = is_code(self._files.get(name, "")) or any(
                is_code(file) and dotted.startswith(f"{name}.")
                for dotted, file in self._files.items()
            )
            if holds_code:
                continue
            parent, _, last = name.rpartition(".")
            vars(sys.modules.get(parent, self.root)).pop(last, None)
            sys.modules.pop(name, None)

    def close(self) -> None:
        """Take the package out of the import system; running code of it keeps it alive."""
        with PACKAGES.lock:
            if self.closed:
                return
            self._modules_at_close = self._remove_from_sys_modules()
            self.closed = True
            PACKAGES.mark_closed(self)
        linecache_texts.hide(self.source.files.values())

    def _remove_from_sys_modules(self) -> dict[str, ModuleType]:
        """Remove all modules of the package from ``sys.modules`` and return them by name.

        Only a source that may have added modules itself is a reason to search all of
        ``sys.modules``, because each edit would pay for every module of the process.
        """
        names: Iterable[str] = self._names
        if self._may_add_modules:
            prefix = f"{self.name}."
            names = [
                name for name in list(sys.modules) if name == self.name or name.startswith(prefix)
            ]
        return {name: module for name in names if (module := sys.modules.pop(name, None))}

    def import_after_close(self, name: str) -> ModuleType:
        """Return a module of the closed package; a file that was never imported is executed now.

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
        """Remove the files' text from ``linecache``, unless newer text replaced it."""
        linecache_texts.forget(self.source.files.values())

    def find(self, name: str) -> ModuleSpec | None:
        """Return the import system's spec of one of the package's files or folders, or ``None``."""
        file = self._files.get(name)
        if file is not None:
            origin = self.source.files[file].filename
            is_package = file.endswith("__init__.py")
            return ModuleSpec(name, _Loader(self), origin=origin, is_package=is_package)
        folder = name[len(self.name) + 1 :].replace(".", "/") + "/"
        if any(file.startswith(folder) for file in self.source.files):
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
        self._executed = True
        module.__file__ = content.filename
        module.__dict__["__builtins__"] = self.builtins
        exec(code, module.__dict__)  # noqa: S102  # the one place that runs modules

    def __repr__(self) -> str:
        return f"<Package {self.name}: {count(len(self._files), 'file')}>"


def _names_sys_modules(text: str) -> bool:
    """Return whether a text has the words ``sys`` and ``modules``; most have neither as letters."""
    return "sys" in text and bool(_SYS.search(text) and _MODULES.search(text))


def _with_folders(package: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of a package's modules, with those of folders without ``__init__.py``."""
    all_names = {package: None}
    for name in names:
        dot = len(package)
        while (dot := name.find(".", dot + 1)) > 0:
            all_names[name[:dot]] = None
        all_names[name] = None
    return tuple(all_names)


class _Loader(Loader):
    """Executes one file of a package for the import system."""

    def __init__(self, package: Package) -> None:
        self._package = package

    def create_module(self, spec: ModuleSpec) -> None:
        """Return ``None``: the import system makes an ordinary module."""

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module's file; a folder without ``__init__.py`` has none."""
        file = self._package._files.get(module.__name__)
        if file is not None:
            self._package._execute(module, file)

    def get_source(self, name: str) -> str | None:
        """Return the text of the file, or of the cell that holds it, for debuggers."""
        file = self._package._files.get(name)
        return "".join(self._package.source.files[file].lines) if file else None

    def file_and_cell(self, name: str) -> tuple[str, str]:
        """Return what people call a module of the package: its file, and its cell if it is one."""
        file = self._package._files.get(name, "")
        return file, self._package.source.files[file].cell if file else ""


def clear_typing_caches() -> None:
    """Empty the caches of `typing`, which hold classes of generations that are gone."""
    import typing

    for cleanup in getattr(typing, "_cleanups", ()):
        cleanup()
