"""Which names a file takes off other objects, and how it calls them: who uses a service's method.

In comes a `SourceFile`; out come its `AttributeUse`s, kept by content. Called by the runtime when a
change takes something away from a service that other modules use. A text can't tell what an object
is, so these are candidates; how a method was called sorts out most of those that mean something
else.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from ...source import SourceFile

_LITERALS = ast.Constant | ast.JoinedStr | ast.List | ast.Dict | ast.Set | ast.Tuple | ast.ListComp


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a call gives: how many by position, and which by name."""

    positional: int
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AttributeUse:
    """One attribute that a text reads.

    Attributes:
        line: The line of the place the text stands in, the cell for one.
        given: The arguments, where it is called with some that can be told; else nothing.
    """

    line: int
    given: Arguments | None = None


@dataclass(frozen=True, slots=True)
class Uses:
    """The uses in one file: attribute → where, and service name → the line that looks it up."""

    attributes: Mapping[str, tuple[AttributeUse, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    services: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@lru_cache(maxsize=512)
def uses_in(content: SourceFile) -> Uses:
    """What a file reads off objects that may be services; nothing if it is no Python.

    >>> uses_in(SourceFile("x = await orders.total(2, tax=True)", "a cell")).attributes["total"]
    (AttributeUse(line=1, given=Arguments(positional=1, keywords=('tax',))),)
    """
    try:
        tree = ast.parse(content.code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Uses()
    below = content.first_line - 1
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    foreign, own = _imported(tree), _methods(tree)
    attributes: dict[str, list[AttributeUse]] = {}
    services: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            if not _is_elsewhere(node, foreign, own):
                use = AttributeUse(node.lineno + below, _given(calls.get(id(node))))
                attributes.setdefault(node.attr, []).append(use)
        elif isinstance(node, ast.Call):
            for called, name, line in _by_text(node):
                if called == "getattr":
                    attributes.setdefault(name, []).append(AttributeUse(line + below))
                else:
                    services.setdefault(name, line + below)
    return Uses(
        MappingProxyType({name: tuple(each) for name, each in attributes.items()}),
        MappingProxyType(services),
    )


def _imported(tree: ast.Module) -> set[str]:
    """The names that ``import x`` binds: what hangs on them is a module's, not a service's."""
    return {
        (one.asname or one.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for one in node.names
    }


def _methods(tree: ast.Module) -> set[str]:
    """The methods that the file's classes define: ``self.x`` then means the class's own."""
    return {
        inner.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for inner in node.body
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def _is_elsewhere(node: ast.Attribute, foreign: set[str], own: set[str]) -> bool:
    """Whether an attribute is certainly not a service's."""
    match node.value:
        case ast.Name(id="self" | "cls"):
            return node.attr in own
        case ast.Name(id=name):
            return name in foreign
        case _:
            return isinstance(node.value, _LITERALS)


def _given(call: ast.Call | None) -> Arguments | None:
    if call is None or any(isinstance(one, ast.Starred) for one in call.args):
        return None
    names = [one.arg for one in call.keywords]
    if None in names:
        return None
    return Arguments(len(call.args), tuple(filter(None, names)))


def _by_text(call: ast.Call) -> Iterator[tuple[str, str, int]]:
    """``getattr(x, "name")`` and ``get_service("name")``: the function, the text and its line."""
    match call:
        case ast.Call(
            func=ast.Name(id="getattr"), args=[_, ast.Constant(value=str(name)) as at, *_]
        ):
            yield "getattr", name, at.lineno
        case ast.Call(
            func=ast.Attribute(attr="get_service") | ast.Name(id="get_service"),
            args=[ast.Constant(value=str(name)) as at, *_],
        ):
            yield "get_service", name, at.lineno
        case _:
            return
