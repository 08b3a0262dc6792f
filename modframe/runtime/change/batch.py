"""`Batch`: the generations that one change builds beside Live, step by step, until it publishes.

Modules of one batch see each other; everyone else sees Live. Every step collects failures by
module instead of raising, so that a start can go on without them and a transaction can refuse.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container, Iterable
from dataclasses import replace
from typing import Any, Protocol

from ...errors import BlockedError, LoadError, ModframeError
from ...load import LoadChain, Loaded, load
from ...load.body import running_place
from ...source import Source
from ...spec import DEFAULT_PRIORITY, ModuleSpec
from ..bounds import bounded
from ..contract.breaks import contract_errors
from ..failure import failure_of
from ..generation import Generation
from ..live import Live
from ..loader_threads import LoaderThreads
from ..part import Part
from .claims import GroundMovedError
from .graph import Graph, plan_graph
from .outcome import Limits


class Surroundings(Protocol):
    """What a batch needs of the app: who sees what, and how long things may take."""

    live: Live
    parts: tuple[Part, ...]
    loader: LoaderThreads
    limits: Limits

    def context_for(self, generation: Generation, batch: Batch) -> Any:
        """The ``app_context`` of a generation."""

    def printer_for(self, module_id: str) -> Callable[..., None]:
        """The ``print`` of a module."""

    def supply(self, module_id: str) -> Source | None:
        """The source on disk of a module that is required and not live."""


class Batch:
    """One change on its way: sources in, built generations out, or failures by module.

    Attributes:
        generations: What it builds, by module.
        failed: What went wrong, by module. ``blocked``: what that holds up.
        broken: Where live modules use what a forced change takes away, by module.
        open: Whether its modules still see each other.
    """

    def __init__(
        self,
        around: Surroundings,
        sources: Iterable[Source],
        numbers: Callable[[str], int],
        *,
        claim: Callable[[str], bool],
        outer_names: Container[str] = (),
        force: bool = False,
    ) -> None:
        self._around = around
        self._force = force
        self._numbers = numbers
        self._claim = claim
        self._outer_names = outer_names
        self._chain = LoadChain()
        self._imported: dict[str, Generation] = {}
        self._refused: set[str] = set()
        self.generations = {
            source.module_id: Generation(source, numbers(source.module_id)) for source in sources
        }
        self.failed: dict[str, BaseException] = {}
        self.blocked: dict[str, BlockedError] = {}
        self.broken: dict[str, tuple[str, ...]] = {}
        self.open = True

    def again(self, sources: Iterable[Source]) -> Batch:
        """A batch of other sources in the same change."""
        return Batch(self._around, sources, self._numbers, claim=self._claim, force=True)

    def close(self) -> None:
        """The change is over: everyone sees Live, and nothing is kept alive from here."""
        self.open = False
        self.generations, self.failed, self.blocked, self._imported = {}, {}, {}, {}
        self.broken = {}

    # -- who sees what --------------------------------------------------------------------

    def find(self, module_id: str) -> Generation | None:
        """The generation that this batch's modules are to see for an id."""
        own = self.generations.get(module_id) if self.open else None
        if own is not None and module_id not in self.failed and own.loaded:
            return own
        return self._around.live.generations.get(module_id)

    @property
    def going(self) -> dict[str, Generation]:
        """The generations that haven't failed so far."""
        out = {*self.failed, *self.blocked}
        return {key: one for key, one in self.generations.items() if key not in out}

    # -- load -----------------------------------------------------------------------------

    async def load(self, begins: Callable[[Generation], None]) -> None:
        """Check, execute and read every source, one after the other, and what they require.

        Args:
            begins: Told each generation before it is loaded.

        Raises:
            GroundMovedError: If another change is at work on one that isn't live yet.
        """
        waiting = list(self.generations)
        while waiting:
            module_id = waiting.pop(0)
            generation = self.generations[module_id]
            begins(generation)
            if not generation.loaded and module_id not in self.failed:
                await self._load_one(module_id, generation)
            if generation.loaded:
                waiting += filter(self._supply, generation.spec.required_ids)
            if self._refused:
                raise GroundMovedError(self._refused)

    def _supply(self, other: str) -> bool:
        """Take a module that isn't live from disk into the change; whether there was one."""
        if other in self.generations or other in self._around.live.generations:
            return False
        if not self._claim(other):
            self._refused.add(other)
            return False
        source = self._around.supply(other)
        if source is None or other in self._around.live.generations:
            return False
        self.generations[other] = Generation(source, self._numbers(other))
        return True

    async def _load_one(self, module_id: str, generation: Generation) -> None:
        try:
            await self._around.loader.run(
                lambda: self._load(module_id),
                timeout=self._around.limits.load,
                what="the import of its files",
            )
        except LoadError as error:
            self.failed[error.module_id] = error
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001  # a fault of the module's, reported with it
            if isinstance(error, TimeoutError):
                error.file, error.line = running_place(generation.source)  # type: ignore[attr-defined]  # for the finding
            self.failed[module_id] = failure_of(generation.source, "import", error)

    def _load(self, module_id: str) -> None:
        generation = self.generations[module_id]
        imports: list[str] = []
        generation.context = self._around.context_for(generation, self)
        with self._chain.entered(module_id), generation.reads.recording():
            loaded: Loaded = load(
                generation.source,
                generation.package_name,
                generation.context,
                resolve=lambda other: self._resolve(generation, other, imports),
                printer=self._around.printer_for(module_id),
                outer_names=self._outer_names,
            )
        generation.ledger.own("package", loaded.package.close)
        if module_id in self.failed or not self.open:
            loaded.package.close()  # nobody waits; again, where the ledger has done it
            return
        generation.package = loaded.package
        generation.package_name = loaded.package.name
        generation.findings += loaded.spec.findings
        generation.spec = replace(loaded.spec, imports_modules=tuple(dict.fromkeys(imports)))
        generation.reads.add_declared(generation.context.path, loaded.spec.files)

    def _resolve(self, generation: Generation, other: str, imports: list[str]) -> str | None:
        """The package that ``modules.<other>`` leads to from a generation; loads it if it must."""
        if other == generation.module_id:
            return generation.package_name
        if generation.loaded and other in generation.built_on:
            return generation.built_on[other].name  # also when a newer one is live
        if self.open and not generation.loaded and other in self.failed:
            raise BlockedError(generation.module_id, [other])
        if self.open and not generation.loaded:
            self._supply(other)
        inside = self.generations.get(other) if self.open else None
        if inside is not None and not inside.loaded and other not in self._chain:
            try:
                self._load(other)
            except LoadError as error:
                self.failed[other] = error
                raise BlockedError(generation.module_id, [other]) from None
        if inside is not None:
            self._chain.refuse_circle(other)
        found = self.find(other)
        if found is None:
            return None  # no module: some other package below modules/, or nothing
        if not generation.loaded:
            imports.append(other)
            if found.package is not None:
                generation.built_on[other] = found.package
            if found is not inside:
                self._imported[other] = found
        return found.package_name

    # -- graph ----------------------------------------------------------------------------

    def connect(self) -> Graph:
        """Check all requirements at once; what can't be met, or takes away what is used, fails."""
        specs = {key: one.spec for key, one in self.going.items() if one.loaded}
        graph = plan_graph(specs, self._present, known=self.failed)
        if graph.error:
            members = {key for path in graph.error.cycles for key in path}
            for key in {*graph.error.missing, *members}:
                self.failed[key] = graph.error.concerning(key)
        broken = contract_errors(self._around.live, self.going)
        if self._force:
            self.broken = {key: one.users for key, one in broken.items()}
        else:
            self.failed |= broken
        self._block(graph)
        return graph

    def _present(self, module_id: str) -> ModuleSpec | None:
        """The spec of a module that is live and not part of the change."""
        live = self._around.live.generations.get(module_id)
        return live.spec if live is not None and module_id not in self.generations else None

    def _block(self, graph: Graph) -> None:
        for key, by in graph.blocked_by(self.failed).items():
            if key not in self.failed:
                self.blocked.setdefault(key, BlockedError(key, by))

    # -- phases ---------------------------------------------------------------------------

    def _in_turn(self) -> list[Generation]:
        """Those still going; where requirements leave it open, a lower priority begins first."""

        def priority(generation: Generation) -> int:
            service = generation.spec.service
            return service.priority if service else DEFAULT_PRIORITY

        return sorted(self.going.values(), key=priority)

    async def phase1(self, graph: Graph) -> None:
        """Enter the parts of every generation, independent of each other."""
        turns = self._in_turn()
        if len(turns) == 1:
            await self._enter(turns[0])
        else:
            await asyncio.gather(*map(self._enter, turns))
        self._block(graph)

    async def _enter(self, generation: Generation) -> None:
        step = ""

        async def enter() -> None:
            nonlocal step
            for part in self._around.parts:
                step = "phase1" if part.name == "service" else part.name
                entered = generation.ledger.enter(part.name, part.enter(generation))
                generation.parts[part.name] = await entered

        try:
            with generation.reads.recording():
                await bounded(
                    enter,
                    self._around.limits.phase,
                    what=lambda: step,
                )
        except Exception as error:  # noqa: BLE001  # a fault of the module's, reported with it
            self.failed[generation.module_id] = failure_of(generation.source, step, error)

    async def phase2(self, graph: Graph) -> None:
        """Start every generation after those it requires; independent ones in parallel."""
        await self.in_order(graph, self._in_turn(), self._start)

    async def in_order(
        self,
        graph: Graph,
        generations: Iterable[Generation],
        step: Callable[[Generation], Awaitable[None]],
    ) -> None:
        """Take a step with each generation once those it requires have taken it.

        One whose requirement failed or is blocked is blocked, and takes none.
        """
        turns = list(generations)
        if len(turns) == 1:
            await step(turns[0])
            return
        done = {one.module_id: asyncio.Event() for one in turns}

        async def take(generation: Generation) -> None:
            key = generation.module_id
            try:
                for other in graph.waits.get(key, ()):
                    if other in done:
                        await done[other].wait()
                    if other in self.failed or other in self.blocked:
                        self.blocked[key] = BlockedError(key, [other])
                        return
                await step(generation)
            finally:
                done[key].set()

        await asyncio.gather(*map(take, turns))

    async def _start(self, generation: Generation) -> None:
        for part in self._around.parts:
            if not part.starts(generation):
                continue  # nothing to do in phase 2, so not worth a task
            try:
                with generation.reads.recording():
                    await bounded(
                        lambda part=part: part.start(generation),  # type: ignore[misc]
                        self._around.limits.phase,
                        what="phase2",
                    )
            except Exception as error:  # noqa: BLE001  # a fault of the module's, reported with it
                self.failed[generation.module_id] = failure_of(generation.source, "phase2", error)
                return

    # -- the end --------------------------------------------------------------------------

    def refuse_moved_ground(self) -> None:
        """The last look before publish: what was built upon is live as it was.

        Raises:
            GroundMovedError: If a requirement was unloaded, or what was imported from was swapped.
        """
        live = self._around.live.generations
        going = self.going
        needed = {other for one in going.values() for other in one.spec.required_ids}
        gone = {key for key in needed if key not in live and key not in going}
        swapped = {key for key, one in self._imported.items() if live.get(key) is not one}
        if moved := gone | swapped:
            raise GroundMovedError(moved)

    def first_failure(self) -> BaseException | None:
        """What a transaction raises, the causes before those they block."""
        return next(iter([*self.failed.values(), *self.blocked.values()]), None)

    async def discard(self, module_ids: Iterable[str]) -> dict[str, list[Exception]]:
        """Unwind generations that won't be published, newest first; what is live is untouched.

        Returns:
            Module id → what its unwinding raised on top, if anything.
        """
        faults: dict[str, list[Exception]] = {}
        for key in reversed(list(module_ids)):
            error = self.failed.get(key) or self.blocked.get(key)
            error = error or ModframeError(f"{key} was not published")
            if left := await self.generations[key].ledger.close(error):
                faults[key] = left
        return faults
