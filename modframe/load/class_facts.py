"""What the decorators of one class recorded, by decorator; inherited where not said anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..errors import Finding
from ..source import Source
from ..spec import FACTS, Fact
from .text import Analysis, analyze

MANDATORY = (
    "inject_dependencies",
    "register_service",
    "require_services",
    "initialization_sequence",
    "phase2_operations",
    "auto_service_creation",
    "register_api_endpoints",
    "register_database",
    "enforce_data_integrity",
    "module_health_check",
    "graceful_shutdown",
    "force_shutdown",
)
"""The decorators that the guide's form demands, in the guide's order."""

_REPEATABLE = frozenset(
    {
        "inject_dependencies",
        "initialization_sequence",
        "phase2_operations",
        "require_services",
        "requires_modules",
    }
)


class ClassFacts:
    """The facts of a class, its own first, then those of its bases that it doesn't say anew."""

    def __init__(self, cls: type) -> None:
        self._facts: list[Fact] = []
        for one in cls.__mro__:
            said = {fact.decorator for fact in self._facts}
            self._facts += [fact for fact in vars(one).get(FACTS, ()) if fact.decorator not in said]
        self._first = {fact.decorator: fact for fact in reversed(self._facts)}

    def first(self, decorator: str) -> Fact | None:
        """The fact of a decorator, if it stands on the class."""
        return self._first.get(decorator)

    def every(self, *decorators: str) -> Iterator[Fact]:
        """All facts of some decorators, from the top down."""
        return (one for one in self._facts if one.decorator in decorators)

    def value(self, decorator: str, name: str, default: Any = None) -> Any:
        """One argument of a decorator."""
        fact = self.first(decorator)
        return default if fact is None else fact.values.get(name, default)

    def joined(self, decorator: str, name: str) -> tuple[str, ...]:
        """The names under one argument, of a decorator that may stand several times."""
        found = [name_ for fact in self.every(decorator) for name_ in fact.values[name]]
        return tuple(dict.fromkeys(found))

    @property
    def missing(self) -> tuple[str, ...]:
        """What the guide's form demands and the class lacks."""
        return tuple(name for name in MANDATORY if self.first(name) is None)

    @property
    def repeated(self) -> tuple[Fact, ...]:
        """The second and further ones of decorators that may stand once only."""
        seen: set[str] = set()
        again = []
        for fact in self._facts:
            if fact.decorator in seen and fact.decorator not in _REPEATABLE:
                again.append(fact)
            seen.add(fact.decorator)
        return tuple(again)


class Findings:
    """Collects findings about one executed source."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.collected: list[Finding] = []

    def error(self, rule: str, message: str, cure: str, *, at: Fact | str = "") -> None:
        """Note what keeps the module from loading.

        Args:
            rule: The rule's stable name.
            message: What is wrong.
            cure: What to do.
            at: The decorator it is about, or a class or constant of ``api.py``.
        """
        self._add(Finding(rule, "error", message, cure=cure), at)

    def warn(self, rule: str, message: str, cure: str, *, at: Fact | str = "") -> None:
        """Note what the module loads with."""
        self._add(Finding(rule, "warning", message, cure=cure), at)

    def _add(self, finding: Finding, at: Fact | str) -> None:
        file, line = self._place(at)
        cell = self.source.files[file].cell
        self.collected.append(replace(finding, file=file, line=line, cell=cell))

    def _place(self, at: Fact | str) -> tuple[str, int]:
        if isinstance(at, Fact):
            file = self.source.file_named(at.filename)
            return (file, at.line) if file else ("api.py", 0)
        text = analyze(self.source.files["api.py"])
        return "api.py", text.lines.get(at, 0) if isinstance(text, Analysis) else 0
