"""`changes_between` two contracts, and who uses what changed: frozen `ContractChange`s go out.

Called by the batch before phase 1, and by the plan. What was added breaks nobody; what was taken
away or changed breaks those whose text uses it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ...load.text import is_code
from ...names import full_id
from ...source import Source
from .signatures import MethodContract, Parameter, ServiceContract
from .uses import Arguments, AttributeUse, Uses, uses_in

Kind = Literal[
    "service removed", "service renamed", "service added", "method removed", "method added",
    "parameter removed", "parameter renamed", "parameters reordered", "parameter required",
    "parameter added", "parameter kind", "parameter type", "parameter optional", "stream",
    "return type",
]  # fmt: skip
_SHAPE = frozenset(
    {
        "parameter removed", "parameter renamed", "parameters reordered", "parameter required",
        "parameter added", "parameter kind",
    }
)  # fmt: skip
_GENERICS = frozenset({"Dict", "FrozenSet", "List", "Set", "Tuple", "Type"})
"""Names of ``typing`` that are spelt small since PEP 585."""
_NEVER_BREAKS = frozenset({"service added", "method added", "parameter optional"})


@dataclass(frozen=True, slots=True)
class Use:
    """One line of a live module that uses what changed."""

    module_id: str
    file: str = ""
    line: int = 0
    cell: str = ""

    def __str__(self) -> str:
        place = [self.file, self.cell, f"line {self.line}" if self.line else ""]
        said = ", ".join(filter(None, place))
        return f"{self.module_id} ({said})" if said else self.module_id


@dataclass(frozen=True, slots=True)
class ContractChange:
    """One way in which a service is not what it was.

    Attributes:
        method: The method; empty where it is about the service as a whole.
        text: What changed, as a clause: ``total() takes no 'plus' any more``.
        breaking: Whether a caller may notice; additions are listed and never break.
        parameter: The parameter it is about, if it is about one.
        before: The old signature; empty if there was none. ``after``: the new one.
        names: The names that lead to the service, where it is about the service as a whole.
        uses: Where live modules use it.
        old: The method as it was, where calls are compared. ``new``: as it is, if it is there.
    """

    method: str
    kind: Kind
    text: str
    breaking: bool
    parameter: str = ""
    before: str = ""
    after: str = ""
    names: tuple[str, ...] = ()
    uses: tuple[Use, ...] = ()
    old: MethodContract | None = field(default=None, repr=False, compare=False)
    new: MethodContract | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return self.text


# -- what changed ------------------------------------------------------------------------------


def changes_between(old: ServiceContract, new: ServiceContract) -> tuple[ContractChange, ...]:
    """Everything that is not as it was, what breaks first."""
    found = [*_of_service(old, new)]
    if new.service or not old.service:
        for name, method in old.methods.items():
            if name in new.methods:
                found += _of_method(method, new.methods[name])
            elif name not in new.others:
                text = f"{name}() is gone"
                found.append(
                    ContractChange(
                        name, "method removed", text, True, before=method.signature, old=method
                    )
                )
        for name, method in new.methods.items():
            if old.service and name not in old.methods and name not in old.others:
                text = f"{method.signature} is new"
                found.append(
                    ContractChange(name, "method added", text, False, after=method.signature)
                )
    return tuple(sorted(found, key=lambda one: not one.breaking))


def _of_service(old: ServiceContract, new: ServiceContract) -> Iterator[ContractChange]:
    names = (old.module_id, old.module_id.partition(".")[2], old.service)
    if not old.service:
        if new.service:
            text = f"the service {new.service!r} is new"
            yield ContractChange("", "service added", text, False)
    elif not new.service:
        text = f"the service {old.service!r} is gone"
        yield ContractChange("", "service removed", text, True, names=names)
    elif new.service != old.service:
        text = f"the service {old.service!r} is called {new.service!r} now"
        yield ContractChange("", "service renamed", text, True, names=names)


def _of_method(old: MethodContract, new: MethodContract) -> list[ContractChange]:
    found: list[tuple[Kind, str, str]] = []
    if old.kind != new.kind:
        was, now = ("a stream", "one value") if old.kind == "stream" else ("one value", "a stream")
        found.append(("stream", f"{old.name}() gives {now}, not {was}, now", ""))
    elif change := _type_change(old.returns, new.returns, old.documented, new.documented):
        was, now = change
        if not _accepts(was, now):
            found.append(("return type", f"{old.name}() returns {now}, not {was}, now", ""))
    if old.parameters is not None and new.parameters is not None:
        found += _of_parameters(old.name, old.parameters, new.parameters)
    return [
        ContractChange(
            old.name,
            kind,
            text,
            kind not in _NEVER_BREAKS,
            parameter=parameter,
            before=old.signature,
            after=new.signature,
            old=old,
            new=new,
        )
        for kind, text, parameter in found
    ]


def _of_parameters(
    name: str, old: tuple[Parameter, ...], new: tuple[Parameter, ...]
) -> Iterator[tuple[Kind, str, str]]:
    if _takes_anything(new):
        return  # what could be passed before still can be
    renamed = _renamed(old, new)
    before, after = {one.name: one for one in old}, {one.name: one for one in new}
    for key in before:
        if key in renamed:
            text = f"{name}() takes {renamed[key]!r} in place of {key!r} now"
            yield "parameter renamed", text, key
        elif key not in after:
            yield "parameter removed", f"{name}() takes no {key!r} any more", key
    for key, one in after.items():
        if key in before:
            yield from _of_parameter(name, before[key], one)
        elif key not in renamed.values():
            if one.required:
                yield "parameter added", f"{name}() requires {key!r} now", key
            else:
                yield "parameter optional", f"{name}() can take {key!r} now", key
    order = [key for key in before if key in after and _positional(before[key], after[key])]
    if order != [key for key in after if key in order]:
        now = ", ".join(key for key in after if key in order)
        yield "parameters reordered", f"{name}() takes its parameters as {now} now", ""


def _of_parameter(name: str, old: Parameter, new: Parameter) -> Iterator[tuple[Kind, str, str]]:
    key = old.name
    if new.required and not old.required:
        yield "parameter required", f"{name}() requires {key!r} now", key
    elif old.required and not new.required:
        yield "parameter optional", f"{name}() can go without {key!r} now", key
    if old.kind != new.kind and new.kind != "POSITIONAL_OR_KEYWORD":
        said = new.kind.lower().replace("_", " ")
        yield "parameter kind", f"{name}() takes {key!r} as {said} now", key
    if change := _type_change(old.annotation, new.annotation, old.documented, new.documented):
        was, now = change
        if not _accepts(now, was):
            yield "parameter type", f"{name}() takes {key!r} as {now}, not {was}, now", key


def _takes_anything(parameters: tuple[Parameter, ...]) -> bool:
    """Whether it is ``(*args, **kwargs)`` under whatever names."""
    return {one.kind for one in parameters} == {"VAR_POSITIONAL", "VAR_KEYWORD"}


def _positional(*both: Parameter) -> bool:
    return all(one.kind in ("POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD") for one in both)


def _renamed(old: tuple[Parameter, ...], new: tuple[Parameter, ...]) -> dict[str, str]:
    """Old name → new name, of parameters that differ in nothing but their name."""
    known, kept = {one.name for one in old}, {one.name for one in new}
    return {
        one.name: other.name
        for one, other in zip(old, new, strict=False)
        if one.name not in kept
        and other.name not in known
        and (one.kind, one.required, one.annotation)
        == (other.kind, other.required, other.annotation)
    }


# -- types as text -----------------------------------------------------------------------------


def _type_change(
    old: str, new: str, old_documented: str, new_documented: str
) -> tuple[str, str] | None:
    """The old and the new type, where both sides name one and they differ."""
    if old and new:
        return (old, new) if _members(old) != _members(new) else None
    if old_documented and new_documented and old_documented != new_documented:
        return old_documented, new_documented
    return None


def _accepts(wide: str, narrow: str) -> bool:
    """Whether everything of one type is also of the other, as far as unions tell."""
    members = _members(wide)
    return bool(members & {"Any", "object"}) or _members(narrow) <= members


class _Plain(ast.NodeTransformer):
    """A type by its bare names, as PEP 585 writes them."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """``typing.List`` → ``list``."""
        return self.visit(ast.Name(node.attr, ast.Load()))  # type: ignore[no-any-return]  # a name

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """``List`` → ``list``."""
        return ast.Name(node.id.lower() if node.id in _GENERICS else node.id, ast.Load())


def _members(text: str) -> frozenset[str]:
    """The members of a union: ``"int | None"`` and ``"Optional[int]"`` have the same.

    So have ``"List[int]"`` and ``"list[int]"``, and a name and the same behind its module.
    """
    try:
        plain = _Plain().visit(ast.parse(text, mode="eval").body)
        return frozenset(_of_union(plain))
    except (SyntaxError, ValueError):
        return frozenset({text})


def _of_union(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            yield from _of_union(left)
            yield from _of_union(right)
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            yield from _of_union(inner)
            yield "None"
        case ast.Subscript(value=ast.Name(id="Union"), slice=ast.Tuple(elts=inner)):
            for one in inner:
                yield from _of_union(one)
        case ast.Constant(value=str(text)):
            yield from _members(text)
        case _:
            yield ast.unparse(node)


# -- who uses it -------------------------------------------------------------------------------


def used_by(change: ContractChange, dependents: Iterable[Source]) -> tuple[Use, ...]:
    """Where dependents use what changed; nothing for a change that breaks nobody.

    Args:
        change: What changed.
        dependents: The texts of the modules that require, or import from, the service's module.
    """
    if not change.breaking:
        return ()
    return tuple(
        Use(source.module_id, file, line, content.cell)
        for source in dependents
        for file, content in source.files.items()
        if is_code(file)
        for line in _lines(change, uses_in(content))
    )


def _lines(change: ContractChange, uses: Uses) -> list[int]:
    if not change.method:
        wanted = {*change.names, *(full_id(name) for name in change.names)}
        return sorted(line for name, line in uses.services.items() if name in wanted)
    found = [use.line for use in uses.attributes.get(change.method, ()) if _concerns(change, use)]
    return sorted(set(found))


def _concerns(change: ContractChange, use: AttributeUse) -> bool:
    """Whether a use of the name is one that the change breaks."""
    old, new, given = change.old, change.new, use.given
    if given is None or old is None or old.parameters is None:
        return True  # how it is used can't be told
    before = _bound(old, given)
    if before is None:
        return False  # no call of this method: it would fail as it is
    if change.kind == "parameter type":
        return change.parameter in before
    if change.kind not in _SHAPE or new is None:
        return True
    return _lands_elsewhere(old, new, given)


def _lands_elsewhere(old: MethodContract, new: MethodContract, given: Arguments) -> bool:
    """Whether a call that fitted fits no more, or gives an argument to another parameter."""
    before, after = _landing(old, given), _landing(new, given)
    if before is None or after is None:
        return True
    known, names = old.parameters or (), _renamed(old.parameters or (), new.parameters or ())
    nameless = {one.name for one in new.parameters or () if one.kind == "POSITIONAL_ONLY"}
    nameless -= {one.name for one in known}
    return any(
        name and now and now != names.get(name, name) and now not in nameless
        for name, now in ((name, after[argument]) for argument, name in before.items())
    )


def _landing(method: MethodContract, given: Arguments) -> dict[object, str] | None:
    """Argument → the parameter that gets it, empty for ``*args`` and ``**kwargs``."""
    bound = _bound(method, given)
    if bound is None:
        return None
    landing: dict[object, str] = {}
    for name, value in bound.items():
        many = value if isinstance(value, tuple | dict) else (value,)
        landing |= dict.fromkeys(many, "" if isinstance(value, tuple | dict) else name)
    return landing


def _bound(method: MethodContract, given: Arguments) -> Mapping[str, object] | None:
    return method.bound(given.positional, given.keywords)
