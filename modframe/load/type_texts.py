"""Types as text: how annotations are written, and whether one type includes another one.

In come annotations and the types that a `ServiceMethod` names; the reader and contracts compare
them. They are compared as text, because half of them are strings and some are found nowhere.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from typing import Any

from ..names import plain_names

_GENERICS = frozenset({"Dict", "FrozenSet", "List", "Set", "Tuple", "Type"})
"""Names of ``typing`` that PEP 585 writes in lower case."""
_ANYTHING = frozenset({"Any", "object"})


def annotation_text(annotation: Any, own: str) -> str:
    """Return a type as text, the same from code and strings, without generation and own package.

    Empty for no annotation, and for one whose repr raises. ``own`` is the ``__module__`` of the
    class that has it.
    """
    if annotation is inspect.Parameter.empty:
        return ""
    if annotation is None:
        return "None"
    try:
        text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    except Exception:  # noqa: BLE001  # the repr of an author's type may raise
        return ""
    text = text.replace("typing.", "").replace("NoneType", "None")
    package = ".".join(own.split(".")[:3])
    files = re.compile(rf"{re.escape(package)}(?:\.\w+)*\.(?=\w)")
    return plain_names(files.sub("", text))


def accepts(wide: str, narrow: str) -> bool:
    """Return whether a type includes another one, as far as unions tell.

    >>> accepts("int | None", "int"), accepts("int", "Optional[int]"), accepts("Any", "int")
    (True, False, True)
    """
    members = _union_members(wide)
    return bool(members & _ANYTHING) or _union_members(narrow) <= members


def agree(text: str, other: str) -> bool:
    """Return whether two texts can mean one type; a generic without arguments means any of them.

    >>> agree("Dict", "dict[str, int]"), agree("List[int]", "list[str]"), agree("Any", "int")
    (True, False, True)
    """
    members, others = _union_members(text), _union_members(other)
    if (members | others) & _ANYTHING:
        return True
    return all(
        any(_agree(one, another) for another in group)
        for own, group in ((members, others), (others, members))
        for one in own
    )


def _agree(one: str, other: str) -> bool:
    head, _, arguments = one.partition("[")
    other_head, _, other_arguments = other.partition("[")
    return head == other_head and (
        arguments == other_arguments or not (arguments and other_arguments)
    )


class _BareNames(ast.NodeTransformer):
    """Formats a type without module prefixes, in PEP 585 spelling."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """``typing.List`` → ``list``."""
        return self.visit(ast.Name(node.attr, ast.Load()))  # type: ignore[no-any-return]  # a name

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """``List`` → ``list``."""
        return ast.Name(node.id.lower() if node.id in _GENERICS else node.id, ast.Load())


def _union_members(text: str) -> frozenset[str]:
    """Return the members of a union: the same for ``"int | None"`` and ``"Optional[int]"``.

    Also the same for ``"List[int]"`` and ``"list[int]"``, and with or without a module prefix.
    """
    try:
        plain = _BareNames().visit(ast.parse(text, mode="eval").body)
        return frozenset(_members_of_node(plain))
    except (SyntaxError, ValueError):
        return frozenset({text})


def _members_of_node(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            yield from _members_of_node(left)
            yield from _members_of_node(right)
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            yield from _members_of_node(inner)
            yield "None"
        case ast.Subscript(value=ast.Name(id="Union"), slice=ast.Tuple(elts=inner)):
            for member in inner:
                yield from _members_of_node(member)
        case ast.Constant(value=str(text)):
            yield from _union_members(text)
        case _:
            yield ast.unparse(node)
