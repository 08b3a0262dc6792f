"""`changes_between` two contracts as frozen `ContractChange`s, and the uses that they break.

Called by `breaks`. Additions break nobody; removals and changes break modules whose text uses what
changed.
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
"""Names of ``typing`` that PEP 585 writes in lower case."""
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
        shown = ", ".join(filter(None, place))
        return f"{self.module_id} ({shown})" if shown else self.module_id


@dataclass(frozen=True, slots=True)
class ContractChange:
    """One difference between two versions of a service.

    Attributes:
        method: The method; empty for a change of the service as a whole.
        text: What changed, as a clause: ``total() takes no 'plus' any more``.
        breaking: Whether callers may break; additions are listed and never break them.
        parameter: The parameter that changed, if one did.
        before: The old signature; empty if there was none.
        after: The new signature; empty if there is none.
        names: The names of the service, for a change of the service as a whole.
        uses: Where live modules use it.
        old: The old method, where calls are compared.
        new: The new method, if there is one.
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
    """Return all changes, breaking ones first."""
    changes = [*_service_changes(old, new)]
    if new.service or not old.service:
        for name, method in old.methods.items():
            if name in new.methods:
                changes += _method_changes(method, new.methods[name])
            elif name not in new.others:
                text = f"{name}() is gone"
                changes.append(
                    ContractChange(
                        name, "method removed", text, True, before=method.signature, old=method
                    )
                )
        for name, method in new.methods.items():
            if old.service and name not in old.methods and name not in old.others:
                text = f"{method.signature} is new"
                changes.append(
                    ContractChange(name, "method added", text, False, after=method.signature)
                )
    return tuple(sorted(changes, key=lambda change: not change.breaking))


def _service_changes(old: ServiceContract, new: ServiceContract) -> Iterator[ContractChange]:
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


def _method_changes(old: MethodContract, new: MethodContract) -> list[ContractChange]:
    rows: list[tuple[Kind, str, str]] = []
    if old.kind != new.kind:
        was, now = ("a stream", "one value") if old.kind == "stream" else ("one value", "a stream")
        rows.append(("stream", f"{old.name}() gives {now}, not {was}, now", ""))
    elif change := _type_change(old.returns, new.returns, old.documented, new.documented):
        was, now = change
        if not _accepts(was, now):
            rows.append(("return type", f"{old.name}() returns {now}, not {was}, now", ""))
    if old.parameters is not None and new.parameters is not None:
        rows += _parameter_changes(old.name, old.parameters, new.parameters)
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
        for kind, text, parameter in rows
    ]


def _parameter_changes(
    name: str, old: tuple[Parameter, ...], new: tuple[Parameter, ...]
) -> Iterator[tuple[Kind, str, str]]:
    if _takes_anything(new):
        return  # what could be passed before still can be
    renamed = _renamed(old, new)
    before = {parameter.name: parameter for parameter in old}
    after = {parameter.name: parameter for parameter in new}
    for key in before:
        if key in renamed:
            text = f"{name}() takes {renamed[key]!r} in place of {key!r} now"
            yield "parameter renamed", text, key
        elif key not in after:
            yield "parameter removed", f"{name}() takes no {key!r} any more", key
    for key, parameter in after.items():
        if key in before:
            yield from _changes_of_one(name, before[key], parameter)
        elif key not in renamed.values():
            if parameter.required:
                yield "parameter added", f"{name}() requires {key!r} now", key
            else:
                yield "parameter optional", f"{name}() can take {key!r} now", key
    order = [key for key in before if key in after and _positional(before[key], after[key])]
    if order != [key for key in after if key in order]:
        now = ", ".join(key for key in after if key in order)
        yield "parameters reordered", f"{name}() takes its parameters as {now} now", ""


def _changes_of_one(name: str, old: Parameter, new: Parameter) -> Iterator[tuple[Kind, str, str]]:
    key = old.name
    if new.required and not old.required:
        yield "parameter required", f"{name}() requires {key!r} now", key
    elif old.required and not new.required:
        yield "parameter optional", f"{name}() can go without {key!r} now", key
    if old.kind != new.kind and new.kind != "POSITIONAL_OR_KEYWORD":
        kind = new.kind.lower().replace("_", " ")
        yield "parameter kind", f"{name}() takes {key!r} as {kind} now", key
    if change := _type_change(old.annotation, new.annotation, old.documented, new.documented):
        was, now = change
        if not _accepts(now, was):
            yield "parameter type", f"{name}() takes {key!r} as {now}, not {was}, now", key


def _takes_anything(parameters: tuple[Parameter, ...]) -> bool:
    """Return whether they are ``(*args, **kwargs)``, under any names."""
    return {parameter.kind for parameter in parameters} == {"VAR_POSITIONAL", "VAR_KEYWORD"}


def _positional(*parameters: Parameter) -> bool:
    kinds = {parameter.kind for parameter in parameters}
    return kinds <= {"POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD"}


def _renamed(old: tuple[Parameter, ...], new: tuple[Parameter, ...]) -> dict[str, str]:
    """Return old name → new name, of parameters that differ in their name only."""
    old_names = {parameter.name for parameter in old}
    new_names = {parameter.name for parameter in new}
    return {
        before.name: after.name
        for before, after in zip(old, new, strict=False)
        if before.name not in new_names
        and after.name not in old_names
        and (before.kind, before.required, before.annotation)
        == (after.kind, after.required, after.annotation)
    }


# -- types as text -----------------------------------------------------------------------------


def _type_change(
    old: str, new: str, old_documented: str, new_documented: str
) -> tuple[str, str] | None:
    """Return the old and the new type if both versions have one and they differ, else ``None``."""
    if old and new:
        return (old, new) if _union_members(old) != _union_members(new) else None
    if old_documented and new_documented and old_documented != new_documented:
        return old_documented, new_documented
    return None


def _accepts(wide: str, narrow: str) -> bool:
    """Return whether a type includes another one, as far as unions tell."""
    members = _union_members(wide)
    return bool(members & {"Any", "object"}) or _union_members(narrow) <= members


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


# -- who uses it -------------------------------------------------------------------------------


def uses_of_change(change: ContractChange, dependents: Iterable[Source]) -> tuple[Use, ...]:
    """Return where dependents use what changed; empty for a change that breaks nobody.

    Args:
        change: What changed.
        dependents: The sources of modules that require the service's module or import from it.
    """
    if not change.breaking:
        return ()
    return tuple(
        Use(source.module_id, file, line, content.cell)
        for source in dependents
        for file, content in source.files.items()
        if is_code(file)
        for line in _lines_of_uses(change, uses_in(content))
    )


def _lines_of_uses(change: ContractChange, uses: Uses) -> list[int]:
    if not change.method:
        wanted = {*change.names, *(full_id(name) for name in change.names)}
        return sorted(line for name, line in uses.services.items() if name in wanted)
    candidates = uses.attributes.get(change.method, ())
    return sorted({use.line for use in candidates if _is_broken(use, change)})


def _is_broken(use: AttributeUse, change: ContractChange) -> bool:
    """Return whether a change breaks a use of the method's name."""
    old, new, arguments = change.old, change.new, use.arguments
    if arguments is None or old is None or old.parameters is None:
        return True  # the text doesn't tell how it is used
    before = _bind(old, arguments)
    if before is None:
        return False  # not a call of this method: it would fail already
    if change.kind == "parameter type":
        return change.parameter in before
    if change.kind not in _SHAPE or new is None:
        return True
    return _binds_differently(old, new, arguments)


def _binds_differently(old: MethodContract, new: MethodContract, arguments: Arguments) -> bool:
    """Return whether a call that matched the old signature fails or binds differently now."""
    before, after = _parameters_of(arguments, old), _parameters_of(arguments, new)
    if before is None or after is None:
        return True
    old_parameters, new_parameters = old.parameters or (), new.parameters or ()
    renamed = _renamed(old_parameters, new_parameters)
    only_by_position = {
        parameter.name for parameter in new_parameters if parameter.kind == "POSITIONAL_ONLY"
    } - {parameter.name for parameter in old_parameters}
    return any(
        name and now and now != renamed.get(name, name) and now not in only_by_position
        for name, now in ((name, after[argument]) for argument, name in before.items())
    )


def _parameters_of(arguments: Arguments, method: MethodContract) -> dict[object, str] | None:
    """Return argument → its parameter, empty for ``*args``; ``None`` if a call doesn't fit."""
    bound = _bind(method, arguments)
    if bound is None:
        return None
    parameters: dict[object, str] = {}
    for name, value in bound.items():
        if isinstance(value, tuple | dict):
            parameters |= dict.fromkeys(value, "")
        else:
            parameters[value] = name
    return parameters


def _bind(method: MethodContract, arguments: Arguments) -> Mapping[str, object] | None:
    return method.bind(arguments.positional, arguments.keywords)
