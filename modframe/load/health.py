"""`read_health`: reads a module's `HealthSpec` from what its decorators say; the reader calls it.

The check is a method of the module class or of its service, or a function of ``api.py``. One that
is named and not there, or that can't be called, is a finding.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from ..spec import Fact, HealthSpec, ServiceSpec
from ..wording import near, otherwise
from .class_facts import ClassFacts, Findings

DEFAULT = "check_health"
"""The method that is the check if none is named."""
_FIRST = "MODULE_HEALTHY_FIRST"
_UNSAID = HealthSpec()
GIVEN = {"app_context": "app_context", "module": "module", "self": "module", "service": "service"}
"""Parameter of a function that is a check → what it gets."""


def read_health(
    cls: type,
    facts: ClassFacts,
    *,
    service: ServiceSpec | None,
    api: ModuleType,
    findings: Findings,
) -> HealthSpec:
    """Return the health check of a module.

    Args:
        cls: The module class.
        facts: What was recorded on it.
        service: Its service.
        api: The executed ``api.py``.
        findings: Where what is wrong is added.
    """
    first = facts.arguments("module").get("healthy_first")
    first = getattr(cls, _FIRST, False) if first is None else first
    fact = facts.get("module_health_check")
    owners = [cls, *([service.service_class] if service and service.service_class else [])]
    reader = _CheckReader(owners, api, findings)
    check, takes = reader.read(fact)
    if not isinstance(first, bool):
        message = f"{_FIRST} is {first!r}, and has to be True or False"
        findings.add("healthy-first", message, f"write {_FIRST} = True", at=_FIRST)
    elif first and check is None and not reader.refused:
        findings.add(
            "healthy-first",
            "the module goes live only after its first good health check, and has none",
            f"write a method {DEFAULT}, or name one in @module_health_check",
            at=facts.get("module") or _FIRST,
        )
    values = fact.values if fact is not None else {}
    return HealthSpec(
        check,
        takes,
        interval=float(values.get("interval", _UNSAID.interval)),
        timeout=float(values.get("timeout", _UNSAID.timeout)),
        group=values.get("group", _UNSAID.group),
        first=bool(first),
    )


class _CheckReader:
    """Finds the check of one module; ``refused`` says whether one is named that can't be it."""

    def __init__(self, owners: list[type], api: ModuleType, findings: Findings) -> None:
        self.refused = False
        self._owners, self._api, self._findings = owners, api, findings

    def read(self, fact: Fact | None) -> tuple[str | Callable[..., Any] | None, tuple[str, ...]]:
        """Return the name of a method or a function, and what the function takes."""
        named = fact.values["check"] if fact is not None else None
        at: Fact | str = DEFAULT if fact is None else fact
        if named is not None and not isinstance(named, str):
            name = getattr(named, "__name__", "")
            if any(vars(owner).get(name) is named for owner in self._owners):
                return name, self._needed(named, at, method=True)
            return named, self._needed(named, at)
        name = named or DEFAULT
        owner = next((owner for owner in self._owners if hasattr(owner, name)), None)
        found = getattr(owner, name) if owner is not None else vars(self._api).get(name)
        if owner is not None and callable(found):
            own = inspect.isfunction(inspect.getattr_static(owner, name))
            return name, self._needed(found, at, method=own)
        if named is None:
            return None, ()
        if owner is None and callable(found) and not isinstance(found, type):
            return found, self._needed(found, at)
        self._refuse_missing(name, at, found)
        return None, ()

    def _refuse_missing(self, name: str, at: Fact | str, found: object) -> None:
        self.refused = True
        owner = self._owners[0].__name__
        why = "it is no method" if found is not None else f"class {owner!r} has no such method"
        self._findings.add(
            "missing-method",
            f"@module_health_check names {name!r}, and {why}",
            otherwise(near(name, set(self._callables())), "write the method"),
            at=at,
        )

    def _callables(self) -> Iterator[str]:
        for owner in self._owners:
            yield from (
                key for key in dir(owner) if key[0] != "_" and callable(getattr(owner, key))
            )
        for key, value in vars(self._api).items():
            if inspect.isfunction(value) and value.__module__ == self._api.__name__:
                yield key

    def _needed(self, check: Any, at: Fact | str, *, method: bool = False) -> tuple[str, ...]:
        """Return the arguments that a check needs; a method needs none beside its instance."""
        try:
            parameters = list(inspect.signature(check).parameters.values())[method:]
        except (TypeError, ValueError):  # a built-in may have none to read
            return ()
        needed = [
            one.name
            for one in parameters
            if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        ]
        if unknown := [name for name in needed if method or name not in GIVEN]:
            self.refused = True
            self._findings.add(
                "health-check",
                f"the health check {getattr(check, '__name__', 'function')}() needs "
                f"{', '.join(map(repr, unknown))}, and nothing gives it that",
                "let it take no argument; a function may take app_context, module and service",
                at=at,
            )
        return tuple(needed)
