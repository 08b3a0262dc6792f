"""Finds the line where a module's code names what a double was found through.

Called by the integrity part, only where a double was found.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from ...load.text import is_code, place_of_line, syntax_tree
from ...source import Source
from .doubles import Double


def place_of_assignment(source: Source, double: Double) -> dict[str, Any]:
    """Return ``file``, ``line`` and ``cell`` of the first line that assigns the double's anchor.

    Empty if no line of the module does.
    """
    anchor = double.anchor
    files = [anchor.file] if anchor.file else [file for file in source.files if is_code(file)]
    for within in (True, False) if anchor.owner else (False,):
        for file in files if anchor.name else ():
            content = source.files[file]
            for node in _scopes(syntax_tree(content), anchor.owner if within else ""):
                line = _line_of(node, anchor.name, in_class=bool(anchor.owner))
                if line:
                    return place_of_line(content, file, line)
    return {}


def _scopes(tree: ast.Module, owner: str) -> Iterator[ast.AST]:
    """Yield the classes of a name; the whole file if none is asked for."""
    if not owner:
        yield tree
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == owner:
            yield node


def _line_of(scope: ast.AST, name: str, *, in_class: bool) -> int:
    """Return the first line that gives a name, or an attribute of that name, a value; 0 if none."""
    lines = [
        getattr(node, "lineno", 0)
        for node in ast.walk(scope)
        if _assigns(node, name, attribute=in_class) or _defines(node, name)
    ]
    return min(lines, default=0)


def _assigns(node: ast.AST, name: str, *, attribute: bool) -> bool:
    if attribute and isinstance(node, ast.Attribute):
        return node.attr == name and isinstance(node.ctx, ast.Store)
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)


def _defines(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.alias):
        return (node.asname or node.name) == name
    kinds = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return isinstance(node, kinds) and node.name == name
