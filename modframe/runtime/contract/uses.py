"""`uses_in`: the attributes that a file reads off other objects, and how it calls them.

In comes a `SourceFile`; out come its `Uses`, cached by content. Called when a change takes
something away from a service that other modules use. A text doesn't tell what an object is, so the
uses are candidates; the arguments of calls rule out most of those that mean another object.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ...load.text import syntax_tree
from ...source import SourceFile

_LITERALS = ast.Constant | ast.JoinedStr | ast.List | ast.Dict | ast.Set | ast.Tuple | ast.ListComp


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a call: how many by position, and which by name."""

    positional: int
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AttributeUse:
    """One attribute that a text reads.

    Attributes:
        line: The line in the file or cell.
        arguments: Those it is called with; ``None`` if it isn't called, or they can't be told.
    """

    line: int
    arguments: Arguments | None = None


@dataclass(frozen=True, slots=True)
class Uses:
    """The uses in one file: attribute → its uses, and service name → the line that looks it up."""

    attributes: Mapping[str, Sequence[AttributeUse]]
    services: Mapping[str, int]


@lru_cache(maxsize=512)
def uses_in(content: SourceFile) -> Uses:
    """Return what a file reads off objects that may be services; empty if it isn't Python.

    >>> uses_in(SourceFile("x = await orders.total(2, tax=True)", "a cell")).attributes["total"]
    [AttributeUse(line=1, arguments=Arguments(positional=1, keywords=('tax',)))]
    """
    try:
        tree = syntax_tree(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Uses({}, {})
    offset = content.first_line - 1
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    imported, own = _imported_names(tree), _method_names(tree)
    attributes: dict[str, list[AttributeUse]] = defaultdict(list)
    services: dict[str, int] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ctx=ast.Load()) if not _is_not_of_service(node, imported, own):
                use = AttributeUse(node.lineno + offset, _arguments(calls.get(id(node))))
                attributes[node.attr].append(use)
            case ast.Call(
                func=ast.Name(id="getattr"), args=[_, ast.Constant(value=str(name)) as text, *_]
            ):
                attributes[name].append(AttributeUse(text.lineno + offset))
            case ast.Call(
                func=ast.Attribute(attr="get_service") | ast.Name(id="get_service"),
                args=[ast.Constant(value=str(name)) as text, *_],
            ):
                services.setdefault(name, text.lineno + offset)
            case _:
                pass
    return Uses(dict(attributes), services)


def _imported_names(tree: ast.Module) -> set[str]:
    """Return the names that ``import x`` binds: modules, so their attributes are no service's."""
    return {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }


def _method_names(tree: ast.Module) -> set[str]:
    """Return the methods that classes of the file define: ``self.x`` then means the class's own."""
    return {
        inner.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for inner in node.body
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def _is_not_of_service(node: ast.Attribute, imported: set[str], own: set[str]) -> bool:
    """Return whether an attribute is certainly not a service's."""
    match node.value:
        case ast.Name(id="self" | "cls"):
            return node.attr in own
        case ast.Name(id=name):
            return name in imported
        case _:
            return isinstance(node.value, _LITERALS)


def _arguments(call: ast.Call | None) -> Arguments | None:
    if call is None or any(isinstance(argument, ast.Starred) for argument in call.args):
        return None
    names = [keyword.arg for keyword in call.keywords]
    if None in names:
        return None
    return Arguments(len(call.args), tuple(filter(None, names)))
