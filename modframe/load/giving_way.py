"""How a module gives way to its successor: what its class says, by ``@module`` or by constants."""

from __future__ import annotations

from typing import Any

from ..spec import CHOICES, ServiceSpec
from .notes import Notes
from .recorded import Facts

_CONSTANTS = {"keep_state": "MODULE_KEEP_STATE", "swap": "MODULE_SWAP", "streams": "MODULE_STREAMS"}


def giving_way(
    cls: type, facts: Facts, service: ServiceSpec | None, notes: Notes
) -> dict[str, Any]:
    """The fields of the spec that say so; what is wrong goes to the notes."""
    owners = [cls, *([service.service_class] if service and service.service_class else ())]
    return {
        "keep_state": _kept(_said(cls, facts, "keep_state", ()), notes),
        "swap": _chosen(_said(cls, facts, "swap", "overlap"), "swap", notes),
        "streams": _chosen(_said(cls, facts, "streams", "finish"), "streams", notes),
        "dumps_state": any(callable(getattr(one, "dump_state", None)) for one in owners),
        "loads_state": any(callable(getattr(one, "load_state", None)) for one in owners),
    }


def _said(cls: type, facts: Facts, name: str, default: Any) -> Any:
    given = facts.value("module", name)
    return getattr(cls, _CONSTANTS[name], default) if given is None else given


def _kept(value: Any, notes: Notes) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(
        isinstance(one, str) and one.isidentifier() for one in names
    ):
        constant = _CONSTANTS["keep_state"]
        notes.error(
            "keep-state",
            f"{constant} is {value!r}, and has to name attributes of the service",
            f"write {constant} = ('counter',)",
            at=constant,
        )
        return ()
    return tuple(names)


def _chosen(value: Any, name: str, notes: Notes) -> Any:
    if value in CHOICES[name]:
        return value
    constant, wanted = _CONSTANTS[name], " or ".join(map(repr, CHOICES[name]))
    notes.error(
        name, f"{constant} is {value!r}, and has to be {wanted}", f"write {wanted}", at=constant
    )
    return CHOICES[name][0]
