"""`changes_between` two contracts as frozen `ContractChange`s, and the uses that they break.

Called by `breaks`. Additions break nobody; removals and changes break modules whose text uses what
changed.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ...load.text import is_code
from ...load.type_texts import accepts
from ...names import full_id
from ...source import Source
from .signatures import MethodContract, ServiceContract
from .uses import AttributeUse, Uses, uses_in

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
_STARS = {"VAR_POSITIONAL", "VAR_KEYWORD"}
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
        parameter: The parameter that changed, if one did.
        names: The names of the service, for a change of the service as a whole.
        uses: Where live modules use it.
        old: The old method, if there was one.
        new: The new method, if there is one.
    """

    method: str
    kind: Kind
    text: str
    parameter: str = ""
    names: tuple[str, ...] = ()
    uses: tuple[Use, ...] = ()
    old: MethodContract | None = field(default=None, repr=False, compare=False)
    new: MethodContract | None = field(default=None, repr=False, compare=False)

    @property
    def breaking(self) -> bool:
        """Whether callers may break; additions are listed and never break them."""
        return self.kind not in _NEVER_BREAKS

    @property
    def before(self) -> str:
        """The old signature; empty if there was none."""
        return str(self.old or "")

    @property
    def after(self) -> str:
        """The new signature; empty if there is none."""
        return str(self.new or "")

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
                changes.append(ContractChange(name, "method removed", text, old=method))
        for name, method in new.methods.items():
            if old.service and name not in old.methods and name not in old.others:
                changes.append(ContractChange(name, "method added", f"{method} is new", new=method))
    return tuple(sorted(changes, key=lambda change: not change.breaking))


def _service_changes(old: ServiceContract, new: ServiceContract) -> Iterator[ContractChange]:
    names = (old.module_id, old.module_id.partition(".")[2], old.service)
    if not old.service:
        if new.service:
            yield ContractChange("", "service added", f"the service {new.service!r} is new")
    elif not new.service:
        text = f"the service {old.service!r} is gone"
        yield ContractChange("", "service removed", text, names=names)
    elif new.service != old.service:
        text = f"the service {old.service!r} is called {new.service!r} now"
        yield ContractChange("", "service renamed", text, names=names)


def _method_changes(old: MethodContract, new: MethodContract) -> list[ContractChange]:
    rows: list[tuple[Kind, str, str]] = []
    returned, returns = _types(old, new, "return")
    if old.kind != new.kind:
        was, now = ("a stream", "one value") if old.kind == "stream" else ("one value", "a stream")
        rows.append(("stream", f"{old.name}() gives {now}, not {was}, now", ""))
    elif not accepts(returned, returns):
        rows.append(("return type", f"{old.name}() returns {returns}, not {returned}, now", ""))
    if old.signature is not None and new.signature is not None:
        rows += _parameter_changes(old, new)
    return [
        ContractChange(old.name, kind, text, parameter, old=old, new=new)
        for kind, text, parameter in rows
    ]


def _parameter_changes(old: MethodContract, new: MethodContract) -> Iterator[tuple[Kind, str, str]]:
    name, before, after = old.name, old.parameters, new.parameters
    if {parameter.kind.name for parameter in after.values()} == _STARS:
        return  # it takes (*args, **kwargs): what could be passed before still can be
    renamed = _renamed(old, new)
    for key in before:
        if key in renamed:
            text = f"{name}() takes {renamed[key]!r} in place of {key!r} now"
            yield "parameter renamed", text, key
        elif key not in after:
            yield "parameter removed", f"{name}() takes no {key!r} any more", key
    for key, parameter in after.items():
        if key in before:
            yield from _changes_of_one(key, old, new)
        elif key not in renamed.values():
            if _required(parameter):
                yield "parameter added", f"{name}() requires {key!r} now", key
            else:
                yield "parameter optional", f"{name}() can take {key!r} now", key
    order = [key for key in before if key in after and _positional(before[key], after[key])]
    if order != [key for key in after if key in order]:
        now = ", ".join(key for key in after if key in order)
        yield "parameters reordered", f"{name}() takes its parameters as {now} now", ""


def _changes_of_one(
    key: str, old: MethodContract, new: MethodContract
) -> Iterator[tuple[Kind, str, str]]:
    name, before, after = old.name, old.parameters[key], new.parameters[key]
    if _required(after) and not _required(before):
        yield "parameter required", f"{name}() requires {key!r} now", key
    elif _required(before) and not _required(after):
        yield "parameter optional", f"{name}() can go without {key!r} now", key
    if before.kind != after.kind and after.kind != after.POSITIONAL_OR_KEYWORD:
        kind = after.kind.name.lower().replace("_", " ")
        yield "parameter kind", f"{name}() takes {key!r} as {kind} now", key
    was, now = _types(old, new, key)
    if not accepts(now, was):
        yield "parameter type", f"{name}() takes {key!r} as {now}, not {was}, now", key


def _required(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind.name not in _STARS


def _positional(*parameters: inspect.Parameter) -> bool:
    kinds = {parameter.kind.name for parameter in parameters}
    return kinds <= {"POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD"}


def _renamed(old: MethodContract, new: MethodContract) -> dict[str, str]:
    """Return old name → new name, of parameters that differ in their name only."""
    return {
        before.name: after.name
        for before, after in zip(old.parameters.values(), new.parameters.values(), strict=False)
        if before.name not in new.parameters
        and after.name not in old.parameters
        and before.replace(name=after.name) == after
    }


def _types(old: MethodContract, new: MethodContract, name: str) -> tuple[str, str]:
    """Return the old and the new type if both versions annotate it, else if both document it."""
    for was, now in zip(old.types(name), new.types(name), strict=True):
        if was and now:
            return was, now
    return "", ""


# -- who uses it -------------------------------------------------------------------------------


def uses_of_change(change: ContractChange, dependents: Iterable[Source]) -> tuple[Use, ...]:
    """Return where dependents use what changed; empty for a change that breaks nobody."""
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
    if arguments is None or old is None or old.signature is None:
        return True  # the text doesn't tell how it is used
    before = old.bind(arguments)
    if before is None:
        return False  # not a call of this method: it would fail already
    if change.kind == "parameter type":
        return change.parameter in before
    if change.kind not in _SHAPE or new is None:
        return True
    after = new.bind(arguments)
    return after is None or _binds_differently(old, new, before, after)


def _binds_differently(
    old: MethodContract, new: MethodContract, before: dict[str, Any], after: dict[str, Any]
) -> bool:
    """Return whether an argument of a call goes to another parameter than before."""
    renamed, now_at = _renamed(old, new), _parameter_of_argument(after)
    only_by_position = {
        name for name, parameter in new.parameters.items()
        if parameter.kind is parameter.POSITIONAL_ONLY and name not in old.parameters
    }  # fmt: skip
    return any(
        name and now and now != renamed.get(name, name) and now not in only_by_position
        for name, now in (
            (name, now_at[argument]) for argument, name in _parameter_of_argument(before).items()
        )
    )


def _parameter_of_argument(bound: dict[str, Any]) -> dict[object, str]:
    """Return argument → its parameter; empty for ``*args`` and ``**kwargs``."""
    parameters: dict[object, str] = {}
    for name, value in bound.items():
        if isinstance(value, tuple | dict):
            parameters |= dict.fromkeys(value, "")
        else:
            parameters[value] = name
    return parameters
