"""`Remnant`: what may be left of a closed generation, known by weak references; one `Look` at them.

`Remains` makes looks and runs them on a thread of its own.
"""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...wording import some
from ..garbage.finalizers import Finalizer
from ..garbage.holders import find_holders
from ..generation import Generation
from ..record import Unsettled

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Remnant:
    """Weak references to what a generation was made of.

    Attributes:
        references: What each thing is, and the reference.
    """

    module_id: str
    number: int
    package: str
    references: tuple[tuple[str, weakref.ref[Any]], ...]

    @classmethod
    def of(cls, generation: Generation) -> Remnant:
        """Return what may be left of a generation."""
        references = []
        for name, thing in _things_of(generation):
            try:
                references.append((name, weakref.ref(thing)))
            except TypeError:  # an instance of a class with __slots__
                continue
        return cls(
            generation.module_id, generation.number, generation.package_name, tuple(references)
        )

    def alive(self) -> dict[str, Any]:
        """Return what is in memory: what it is → the thing."""
        found = ((name, reference()) for name, reference in self.references)
        return {name: thing for name, thing in found if thing is not None}

    def explain(self, *, pause: Callable[[], None]) -> Unsettled | None:
        """Return what is still in memory and who holds it; ``None`` if nothing is."""
        alive = self.alive()
        if not alive:
            return None
        holders = find_holders(alive.values(), self.package, pause=pause)
        names = some(alive, _SHOWN)
        verb = "is" if len(alive) == 1 else "are"
        by = ", and by ".join(holder.text for holder in holders)
        persons = bool(holders) and all(holder.persons for holder in holders)
        text = f"{names} of it {verb} still in memory"
        if persons:
            text += f", held by {by}: that is yours, and no fault of the module"
        elif holders:
            text += f", held by {by}; let go of it when the module stops"
        else:
            text += ", held by something that Python can't show"
        return Unsettled(self.number, text, persons=persons)


def _things_of(generation: Generation) -> Iterator[tuple[str, Any]]:
    """Yield what a generation was made of: its instances, its files, its tables' classes."""
    for name, service in generation.own_services.items():
        yield f"the service {name}", service
    if generation.module not in generation.own_services.values():
        yield f"its {type(generation.module).__name__}", generation.module
    modules = generation.package.modules() if generation.package is not None else {}
    for file, module in modules.items():
        yield file, module
        for name, value in list(vars(module).items()):
            is_table = isinstance(value, type) and "__tablename__" in vars(value)
            if is_table and value.__module__ == module.__name__:
                yield f"the table class {name}", value


class Look:
    """One collection of garbage, and a look at what it left.

    Args:
        before: What the last look found alive; it is looked for who holds it.

    Attributes:
        remnants: All that it looks at.
        interrupted: The finalizer that it was to be broken out of; ``None`` if none hung.
        took: Seconds that the collection took, in which all threads stood still.
        again: What the next look has to look at.
        found: What outlives its generation, with its name.
    """

    def __init__(self, before: Sequence[Remnant]) -> None:
        self.remnants = tuple(before)
        self.interrupted: Finalizer | None = None
        self.took = 0.0
        self.again: list[Remnant] = []
        self.found: list[tuple[Remnant, Unsettled]] = []

    def run(self, generations: list[Generation], *, pause: Callable[[], None]) -> None:
        """Let go of generations, collect, and look.

        Args:
            generations: Emptied here, so that nothing else holds them.
            pause: Called between searches, which keep other threads waiting.
        """
        before = self.remnants
        fresh = list(map(Remnant.of, generations))
        self.remnants = (*before, *fresh)
        generations.clear()  # finalizers run here
        began = time.perf_counter()
        gc.collect()  # and here
        self.took = time.perf_counter() - began
        # Some caches let go at the next collection: they know classes by weak references.
        self.again = [remnant for remnant in fresh if remnant.alive()]
        for remnant in before:
            if (unsettled := remnant.explain(pause=pause)) is not None:
                self.found.append((remnant, unsettled))
