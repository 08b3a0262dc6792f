"""`ClassFacts`: what decorators recorded on a class; `Findings`: what is wrong with them.

The reader asks both: it looks facts up by decorator, and adds findings with their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import FunctionType
from typing import Any

from ..finding import Finding, Level
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


class ClassFacts(dict[str, Fact]):
    """Decorator → its first fact, of a class, then of its bases.

    A base's facts of a decorator count only if the class doesn't use the same one.
    """

    def __init__(self, cls: type) -> None:
        self._facts: list[Fact] = []
        for base in cls.__mro__:
            used = {fact.decorator for fact in self._facts}
            self._facts += [
                fact for fact in vars(base).get(FACTS, ()) if fact.decorator not in used
            ]
        super().__init__({fact.decorator: fact for fact in reversed(self._facts)})

    def every(self, *decorators: str) -> list[Fact]:
        """Return all facts of some decorators, from the top down."""
        return [fact for fact in self._facts if fact.decorator in decorators]

    def arguments(self, decorator: str) -> Mapping[str, Any]:
        """Return the arguments of a decorator by name; none without the decorator."""
        fact = self.get(decorator)
        return fact.values if fact is not None else {}

    def joined(self, decorator: str, name: str) -> tuple[str, ...]:
        """Return all names in one argument of a repeatable decorator, without duplicates."""
        if decorator not in self:
            return ()
        names = [item for fact in self.every(decorator) for item in fact.values[name]]
        return tuple(dict.fromkeys(names))

    @property
    def missing(self) -> tuple[str, ...]:
        """The decorators that the guide's form demands and the class lacks."""
        return tuple(name for name in MANDATORY if name not in self)

    @property
    def repeated(self) -> list[Fact]:
        """The second and later facts of decorators that may be used only once."""
        once = [fact for fact in self._facts if fact.decorator not in _REPEATABLE]
        return [fact for fact in once if fact is not self[fact.decorator]]


class Findings:
    """The findings about one executed source, in the order they were added."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.collected: list[Finding] = []

    def add(
        self,
        rule: str,
        message: str,
        cure: str,
        *,
        at: Fact | FunctionType | str = "",
        level: Level = "error",
    ) -> None:
        """Add a finding; one of level error keeps the module from loading.

        ``at`` is the decorator or function it is about, or the name of a class or constant in
        ``api.py``.
        """
        file, line = self._place(at)
        cell = self.source.files[file].cell
        self.collected.append(
            Finding(rule, level, message, cure=cure, file=file, line=line, cell=cell)
        )

    def _place(self, at: Fact | FunctionType | str) -> tuple[str, int]:
        if isinstance(at, FunctionType):
            file = self.source.file_named(at.__code__.co_filename)
            return (file, at.__code__.co_firstlineno) if file else ("api.py", 0)
        if isinstance(at, Fact):
            file = self.source.file_named(at.filename)
            return (file, at.line) if file else ("api.py", 0)
        text = analyze(self.source.files["api.py"])
        return "api.py", text.lines.get(at, 0) if isinstance(text, Analysis) else 0
