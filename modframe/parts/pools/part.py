"""The pools part: threads and child processes for module functions; they end with the generation.

Module code calls it through ``app_context.tasks``. An executor that it makes itself can run module
functions too: what ``multiprocessing`` pickles of them carries the module's text.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any, ClassVar
from weakref import WeakSet

from ...load.imports import call_after_import
from ...names import package_in
from ...runtime.generation import Generation
from ...runtime.part import Panel, Part
from .child import restore
from .pools import Pools
from .process import ChildProcess
from .shipment import Shipment, pack

_LIBRARIES = ("concurrent", "multiprocessing")


class PoolsPart(Part[Pools]):
    """The pools of all generations, each made when it is first used.

    Args:
        workspace: The folder with ``modules/``.
    """

    name = "pools"
    empty_facts: ClassVar[Mapping[str, Any]] = {"threads": [], "processes": []}

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._generations: WeakSet[Generation] = WeakSet()
        _parts.add(self)
        for library in _LIBRARIES:
            call_after_import(library, _teach_multiprocessing)
        _teach_multiprocessing()

    def prepare(self, generation: Generation) -> None:
        self._generations.add(generation)
        generation.ledger.own("pools", lambda: self._end(generation))

    async def _end(self, generation: Generation) -> None:
        if (pools := self.of(generation)) is not None:
            await pools.close()

    def of_generation(self, generation: Generation) -> Pools:
        """Return the pools of a generation; the first call makes them."""
        pools = self.of(generation)
        if pools is None:
            pools = generation.parts[self.name] = Pools(
                generation.module_id, generation.number, lambda: self._process_for(generation)
            )
        return pools

    def _process_for(self, generation: Generation) -> ChildProcess:
        printer = generation.package.builtins["print"] if generation.package is not None else print
        return ChildProcess(generation.module_id, self._shipment(generation), printer)

    def _shipment(self, generation: Generation) -> Shipment:
        return pack(generation, list(self._generations), workspace=self._workspace)

    def shipment_of(self, package: str) -> Shipment | None:
        """Return what a child process needs to import from a private package."""
        for generation in list(self._generations):
            if generation.package_name == package:
                return self._shipment(generation)
        return None

    def describe(self, generation: Generation) -> dict[str, Any]:
        pools = self.of(generation)
        if pools is None:
            return dict(self.empty_facts)
        processes = [
            {"pid": process.pid, "runs": process.runs} for process in list(pools.processes)
        ]
        return {"threads": sorted(pools.running.values()), "processes": processes}

    def panels(self, facts: Mapping[str, Any]) -> Iterator[Panel]:
        rows = [(f"process {one['pid']}", one["runs"] or "idle") for one in facts["processes"]]
        rows += [("thread", name) for name in facts["threads"]]
        yield Panel("worker", ("runs",), tuple(rows), live_only=True, tab="Tasks")


_parts: WeakSet[PoolsPart] = WeakSet()


def _teach_multiprocessing() -> None:
    """Let ``multiprocessing``, once it is imported, pickle functions and classes of modules.

    As they are, a child process would look for ``modules.standard.orders~3`` and not find it.
    """
    pickler: Any = getattr(sys.modules.get("multiprocessing.reduction"), "ForkingPickler", None)
    if pickler is not None and "reducer_override" not in vars(pickler):
        pickler.reducer_override = _reduce


def _reduce(_: object, thing: Any) -> Any:
    """Pickle a function or class of a live generation with the module's text; others as ever."""
    if type(thing) is not FunctionType and not isinstance(thing, type):
        return NotImplemented
    package = package_in(getattr(thing, "__module__", ""))
    if not package or not _is_found_by_name(thing):
        return NotImplemented
    shipments = (part.shipment_of(package) for part in list(_parts))
    shipment = next(filter(None, shipments), None)
    if shipment is None:
        return NotImplemented
    return restore, (shipment, thing.__module__, thing.__qualname__)


def _is_found_by_name(thing: Any) -> bool:
    """Return whether its module has a function or class by its name, as pickles need it."""
    found: Any = sys.modules.get(thing.__module__)
    for part in thing.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is thing
