"""`ParsedModule`: a module as the rules see it: each file's syntax tree, and what its load told.

In come a source and, if it loaded, its spec and executed files. `check` makes one per check, and
every rule reads it; no file is parsed twice.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

from ...load import Loaded
from ...load.text import Analysis, analyze, is_code, place_of_line, syntax_tree
from ...source import Source, SourceFile
from ...source.source import module_name
from ...spec import ModuleSpec

Function = ast.FunctionDef | ast.AsyncFunctionDef
Place = dict[str, Any]
"""``file``, ``line`` and ``cell`` of a finding."""


@dataclass(frozen=True)
class ParsedFile:
    """One file of module code: its text and its syntax tree.

    Attributes:
        package: The plain name of the package that the file is in, for relative imports.
    """

    file: str
    content: SourceFile
    tree: ast.Module
    package: str

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All nodes of the tree."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def imported(self) -> Mapping[str, str]:
        """Name in the file → the dotted name that an import gave it, of all imports in it."""
        names: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    top = alias.name.partition(".")[0]
                    names[alias.asname or top] = alias.name if alias.asname else top
            elif isinstance(node, ast.ImportFrom):
                origin = self.origin(node)
                names |= {
                    alias.asname or alias.name: f"{origin}.{alias.name}" for alias in node.names
                }
        return names

    @cached_property
    def bound(self) -> frozenset[str]:
        """Names that the file binds anywhere: imports, variables, parameters, definitions."""
        names = set(self.imported)
        for node in self.nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, ast.arg):
                names.add(node.arg)
            elif isinstance(node, Function | ast.ClassDef):
                names.add(node.name)
        return frozenset(names)

    def origin(self, node: ast.ImportFrom) -> str:
        """Return the plain name of the module that ``from ... import`` imports from."""
        if not node.level:
            return node.module or ""
        parts = self.package.split(".")
        base = parts[: len(parts) - node.level + 1]
        return ".".join([*base, *filter(None, [node.module])])

    def dotted(self, node: ast.AST) -> str:
        """Return what a name or attribute stands for, such as ``time.sleep``; ``""`` if unknown."""
        if isinstance(node, ast.Name):
            return self.imported.get(node.id, node.id)
        if isinstance(node, ast.Attribute) and (owner := self.dotted(node.value)):
            return f"{owner}.{node.attr}"
        return ""

    def calls(self, *names: str) -> Iterator[tuple[ast.Call, str]]:
        """Yield each call of an imported function or class, and its dotted name."""
        for node in self.nodes:
            if isinstance(node, ast.Call) and (name := self.dotted(node.func)) in names:
                yield node, name

    def place(self, node: ast.AST) -> Place:
        """Return where a node is, as a finding has it."""
        return place_of_line(self.content, self.file, getattr(node, "lineno", 0))


class ParsedModule:
    """A module's files of code that are Python, and what is known of its load.

    Args:
        source: The module's text.
        loaded: What its load gave; ``None`` if it failed.
    """

    def __init__(self, source: Source, loaded: Loaded | None) -> None:
        self.source, self._loaded = source, loaded
        self.files = tuple(
            ParsedFile(file, content, syntax_tree(content), _package(source.module_id, file))
            for file, content in source.files.items()
            if is_code(file) and isinstance(analyze(content), Analysis)
        )

    @property
    def spec(self) -> ModuleSpec:
        """The spec; only for rules that need a load."""
        return self._of_load.spec

    @cached_property
    def modules(self) -> Mapping[str, ModuleType]:
        """File → its executed module; only for rules that need a load."""
        return self._of_load.package.modules()

    @property
    def _of_load(self) -> Loaded:
        if self._loaded is None:
            raise LookupError(f"{self.source.module_id} was not loaded")
        return self._loaded

    @property
    def aspects(self) -> frozenset[str]:
        """What there is of it: its ``text``; its ``load`` and its form, if it loaded."""
        if self._loaded is None:
            return frozenset({"text"})
        return frozenset({"text", "load", self.spec.form})

    @property
    def class_place(self) -> Place:
        """Where the module class is."""
        return self.place_of(self.spec.module_class.__name__)

    def class_named(self, name: str) -> tuple[ParsedFile, ast.ClassDef] | None:
        """Return the class of a name and its file; ``api.py`` is looked at first."""
        for parsed in sorted(self.files, key=lambda one: one.file != "api.py"):
            for node in parsed.nodes:
                if isinstance(node, ast.ClassDef) and node.name == name:
                    return parsed, node
        return None

    def place_of(self, name: str, file: str = "api.py") -> Place:
        """Return where a class, function or variable of a file is; without line if it isn't."""
        for parsed in self.files:
            for node in parsed.nodes if parsed.file == file else ():
                if isinstance(node, Function | ast.ClassDef) and node.name == name:
                    return parsed.place(node)
                if isinstance(node, ast.Assign) and name in map(_target, node.targets):
                    return parsed.place(node)
        return {"file": file}


def _target(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _package(module_id: str, file: str) -> str:
    """Return the package of a file: ``modules.standard.orders.parts`` of ``parts/text.py``."""
    dotted = f"modules.{module_id}.{module_name(file)}".rstrip(".")
    return dotted if file.endswith("__init__.py") else dotted.rpartition(".")[0]
