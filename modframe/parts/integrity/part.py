"""The integrity part: no test double goes live with a module that rules them out.

``@enforce_data_integrity(anti_mock=True)`` asks for it. The part looks at the services, the module
and the globals of its files when they are ready to go live, their kept state included. What
``app.override()`` puts in place of a service is none of the module's own objects.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import MockDataViolation
from ...finding import Finding
from ...load.class_facts import ClassFacts
from ...load.text import is_code
from ...runtime.failure import locate_finding
from ...runtime.generation import Generation
from ...runtime.part import Part
from ...source.source import module_name
from .doubles import Double
from .kinds import Kinds
from .place import place_of_assignment
from .walk import Globals, find_doubles

_RULE = "mock-data"
_CURE = (
    "let the module make the real object; a test puts a double in place by "
    "app.override(), and anti_mock=False allows them here"
)


class IntegrityPart(Part[None]):
    """Refuses generations that hold test doubles, if they ask for it."""

    name = "integrity"

    def applies(self, generation: Generation) -> bool:
        """Return false: there is nothing to build."""
        return False

    def verifies(self, generation: Generation) -> bool:
        """Return whether the module rules doubles out, and a library of doubles was imported."""
        return generation.spec.integrity.anti_mock and Kinds.any_imported()

    async def verify(self, generation: Generation) -> None:
        """Look for doubles.

        Raises:
            MockDataViolation: If there are any; it names each one by the way to it.
        """
        roots = dict(_roots(generation))
        doubles = list(find_doubles(roots, package=generation.package_name, kinds=Kinds()))
        if doubles:
            findings = [_finding(generation, double) for double in doubles]
            paths = [double.path for double in doubles]
            raise MockDataViolation(generation.module_id, findings, paths)


def _roots(generation: Generation) -> Iterator[tuple[str, object]]:
    """Yield what the search begins at, by the name that paths begin with."""
    services = generation.own_services
    for name, instance in services.items():
        yield name.removeprefix(f"{generation.module_id}."), instance
    if generation.package is not None:
        for file, module in generation.package.modules().items():
            if is_code(file):
                yield module_name(file) or "__init__", Globals(file, vars(module))
    if generation.module is not None:
        yield "module", generation.module


def _finding(generation: Generation, double: Double) -> Finding:
    source = generation.source
    place = place_of_assignment(source, double)
    if not place:
        fact = ClassFacts(generation.spec.module_class).get("enforce_data_integrity")
        place = {"file": fact.filename, "line": fact.line} if fact is not None else {}
    message = (
        f"{double.path} is {double.kind}, and @enforce_data_integrity(anti_mock=True) lets no "
        "test double go live"
    )
    return locate_finding(source, Finding(_RULE, "error", message, cure=_CURE, **place))
