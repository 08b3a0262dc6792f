"""`Batch`: the generations that one change builds beside Live, step by step.

A transaction drives it. The modules of one batch see each other; everyone else sees Live. Each
step collects its failures by module instead of raising the first one, so that a start can go on
without the failed modules.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field, replace

from ...errors import BlockedError, LoadError, ModframeError
from ...load import LoadChain, Loaded, load
from ...load.body import running_place
from ...source import Source
from ...spec import DEFAULT_PRIORITY, ModuleSpec
from ..app import App
from ..bounds import run_all, run_with_timeout
from ..contract.breaks import contract_errors
from ..failure import as_load_error
from ..generation import Generation
from ..loader_threads import LoaderThreads
from .claims import GroundMovedError
from .graph import Graph, plan_graph

_LOAD_TURN = 0.01
"""Seconds after which a job of the loader thread takes no further module."""


@dataclass(slots=True)
class _Turn:
    """One job of the loader thread.

    Attributes:
        module_ids: The modules that are still to be loaded, the one under way first.
        over: Whether nothing waits for the job any more.
    """

    module_ids: list[str]
    over: threading.Event = field(default_factory=threading.Event)


class Batch:
    """Takes sources, and gives built generations or failures by module.

    Args:
        app: The app.
        sources: What is to be built.
        numbers: Gives the number of a module's next generation.
        loader: The threads that execute module files.
        claim: Claims another module for the change; returns whether it was free.
        outer_names: Names of the notebook, which module code does not see.
        force: Whether the change may take away what live modules use.
        keep_going: Whether a module goes live although another one fails.

    Attributes:
        generations: Module id → the generation that is built.
        failed: Module id → why it failed. ``blocked``: those that require a failed one.
        broken: Module id → the places in live modules that a forced change breaks.
        open: Whether the modules of the batch still see each other.
    """

    def __init__(
        self,
        app: App,
        sources: Iterable[Source],
        numbers: Callable[[str], int],
        *,
        loader: LoaderThreads,
        claim: Callable[[str], bool],
        outer_names: Container[str] = (),
        force: bool = False,
        keep_going: bool = False,
    ) -> None:
        self._app = app
        self._loader = loader
        self._force = force
        self._numbers = numbers
        self._claim = claim
        self.keep_going = keep_going
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
        """Return a batch of other sources in the same change, which builds what it can."""
        return Batch(
            self._app,
            sources,
            self._numbers,
            loader=self._loader,
            claim=self._claim,
            force=True,
            keep_going=True,
        )

    def close(self) -> None:
        """End the batch: its modules see Live now, and it keeps nothing alive."""
        self.open = False
        self.generations, self.failed, self.blocked, self._imported = {}, {}, {}, {}
        self.broken = {}

    # -- who sees what --------------------------------------------------------------------

    def find(self, module_id: str) -> Generation | None:
        """Return the generation that the modules of this batch see for an id."""
        own = self.generations.get(module_id) if self.open else None
        if own is not None and module_id not in self.failed and own.loaded:
            return own
        return self._app.live.generations.get(module_id)

    @property
    def going(self) -> dict[str, Generation]:
        """The generations that have not failed so far."""
        if not self.failed and not self.blocked:
            return dict(self.generations)
        return {
            key: generation
            for key, generation in self.generations.items()
            if key not in self.failed and key not in self.blocked
        }

    # -- load -----------------------------------------------------------------------------

    async def load(self, begins: Callable[[Generation], None]) -> None:
        """Check, execute and read every source, one after the other, and those they require.

        Args:
            begins: Called with each generation before it is loaded.

        Raises:
            GroundMovedError: If another change is at work on one that isn't live yet.
        """
        waiting = list(self.generations)
        while waiting:
            for module_id in waiting:
                begins(self.generations[module_id])
            unloaded = list(waiting)
            while unloaded:
                unloaded = await self._load_some(unloaded)
                if self._refused:
                    raise GroundMovedError(self._refused)
            loaded = [self.generations[key] for key in waiting if self.generations[key].loaded]
            required = (key for generation in loaded for key in generation.spec.required_ids)
            waiting = [key for key in required if self._supply(key)]
            if self._refused:
                raise GroundMovedError(self._refused)

    def _supply(self, other: str) -> bool:
        """Take a module that isn't live from disk into the change; return whether it exists."""
        if other in self.generations or other in self._app.live.generations:
            return False
        if not self._claim(other):
            self._refused.add(other)
            return False
        source = self._app.source_on_disk(other)
        if source is None or other in self._app.live.generations:
            return False
        self.generations[other] = Generation(source, self._numbers(other))
        return True

    async def _load_some(self, module_ids: Sequence[str]) -> list[str]:
        """Load modules in one job of the loader thread, which ends after a short time.

        Returns:
            The modules that are left for the next job.
        """
        turn = _Turn(list(module_ids))
        try:
            await self._loader.run(
                lambda: self._load_in_turn(turn),
                timeout=self._app.limits.load,
                what="the import of its files",
            )
        except TimeoutError as error:
            source = self.generations[turn.module_ids[0]].source
            error.file, error.line = running_place(source)  # type: ignore[attr-defined]  # for the finding
            self.failed[turn.module_ids.pop(0)] = as_load_error(source, "import", error)
        finally:
            turn.over.set()
        return turn.module_ids

    def _load_in_turn(self, turn: _Turn) -> None:
        ends = time.perf_counter() + _LOAD_TURN
        while turn.module_ids and not turn.over.is_set() and time.perf_counter() < ends:
            module_id = turn.module_ids[0]
            if not self.generations[module_id].loaded and module_id not in self.failed:
                try:
                    self._load(module_id)
                except BaseException as error:  # noqa: BLE001  # the module's own; reported with it
                    if turn.over.is_set():
                        return  # it timed out, and is reported already
                    failure = as_load_error(self.generations[module_id].source, "import", error)
                    self.failed[failure.module_id] = failure
            if not turn.over.is_set():
                turn.module_ids.pop(0)

    def _load(self, module_id: str) -> None:
        generation = self.generations[module_id]
        imports: list[str] = []
        generation.context = self._app.context_for(generation, self.find)
        for part in self._app.parts.defining("prepare"):
            part.prepare(generation)
        with self._chain.entered(module_id), generation.reads.recording():
            loaded: Loaded = load(
                generation.source,
                generation.package_name,
                generation.context,
                resolve=lambda other: self._resolve(generation, other, imports),
                printer=self._app.printer_for(module_id),
                outer_names=self._outer_names,
            )
        generation.ledger.own("package", loaded.package.close)
        if module_id in self.failed or not self.open:
            loaded.package.close()  # the load timed out, and nothing waits for it any more
            return
        generation.package = loaded.package
        generation.package_name = loaded.package.name
        generation.findings += loaded.spec.findings
        generation.spec = replace(loaded.spec, imports_modules=tuple(dict.fromkeys(imports)))
        generation.reads.add_declared(generation.context.path, loaded.spec.files)

    def _resolve(self, generation: Generation, other: str, imports: list[str]) -> str | None:
        """Return the package that a generation imports ``modules.<other>`` from.

        A module of this batch that is not loaded yet is loaded for it.
        """
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
            return None  # another package below modules/, or nothing
        if not generation.loaded:
            imports.append(other)
            if found.package is not None:
                generation.built_on[other] = found.package
            if found is not inside:
                self._imported[other] = found
        return found.package_name

    # -- graph ----------------------------------------------------------------------------

    def connect(self) -> Graph:
        """Check requirements and contracts; a module that breaks either one fails."""
        specs = {
            key: generation.spec for key, generation in self.going.items() if generation.loaded
        }
        graph = plan_graph(specs, self._present, known=self.failed)
        if graph.error:
            members = {key for path in graph.error.cycles for key in path}
            for key in {*graph.error.missing, *members}:
                self.failed[key] = graph.error.concerning(key)
        broken = contract_errors(self._app.live, self.going)
        if self._force:
            self.broken = {key: error.users for key, error in broken.items()}
        else:
            self.failed |= broken
        self._block(graph)
        return graph

    def _present(self, module_id: str) -> ModuleSpec | None:
        """Return the spec of a live module that is not part of the change."""
        live = self._app.live.generations.get(module_id)
        return live.spec if live is not None and module_id not in self.generations else None

    def _block(self, graph: Graph) -> None:
        for key, by in graph.blocked_by(self.failed).items():
            if key not in self.failed:
                self.blocked.setdefault(key, BlockedError(key, by))

    # -- phases ---------------------------------------------------------------------------

    def _in_turn(self) -> list[Generation]:
        """Return the generations that have not failed; a lower ``priority`` breaks ties."""
        if len(self.generations) == 1:
            return list(self.going.values())

        def priority(generation: Generation) -> int:
            service = generation.spec.service
            return service.priority if service else DEFAULT_PRIORITY

        return sorted(self.going.values(), key=priority)

    async def phase1(self, graph: Graph) -> None:
        """Enter the parts of every generation, all at the same time."""
        turns = self._in_turn()
        if len(turns) == 1:
            await self._enter(turns[0])
        else:
            await run_all(map(self._enter, turns))
        self._block(graph)

    async def _enter(self, generation: Generation) -> None:
        step = ""

        async def enter() -> None:
            nonlocal step
            for part in self._app.parts.defining("enter"):
                step = "phase1" if part.name == "service" else part.name
                if not part.applies(generation):
                    continue
                entered = generation.ledger.enter(part.name, part.enter(generation))
                generation.parts[part.name] = await entered

        try:
            with generation.reads.recording():
                await run_with_timeout(
                    enter,
                    self._app.limits.phase,
                    what=lambda: step,
                )
        except Exception as error:  # noqa: BLE001  # a fault of the module's, reported with it
            self.failed[generation.module_id] = as_load_error(generation.source, step, error)

    async def phase2(self, graph: Graph) -> None:
        """Start every generation after those it requires, independent ones in parallel."""
        await self.in_order(graph, self._in_turn(), self._start)

    async def in_order(
        self,
        graph: Graph,
        generations: Iterable[Generation],
        step: Callable[[Generation], Awaitable[None]],
    ) -> None:
        """Run ``step`` for each generation after its dependencies have finished theirs.

        A generation whose dependency failed or is blocked is blocked, and is left out.
        """
        turns = list(generations)
        if len(turns) == 1:
            await step(turns[0])
            return
        done = {generation.module_id: asyncio.Event() for generation in turns}

        async def run_after_dependencies(generation: Generation) -> None:
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

        await run_all(map(run_after_dependencies, turns))

    async def _start(self, generation: Generation) -> None:
        for part in self._app.parts.defining("start"):
            if not part.starts(generation):
                continue
            try:
                with generation.reads.recording():
                    await run_with_timeout(
                        lambda part=part: part.start(generation),  # type: ignore[misc]
                        self._app.limits.phase,
                        what="phase2",
                    )
            except Exception as error:  # noqa: BLE001  # a fault of the module's, reported with it
                self.failed[generation.module_id] = as_load_error(
                    generation.source, "phase2", error
                )
                return

    # -- the end --------------------------------------------------------------------------

    def refuse_moved_ground(self) -> None:
        """Check before publish that what this batch builds on is live as it was.

        Raises:
            GroundMovedError: If a requirement was unloaded, or a module that this batch imported
                from was replaced.
        """
        live = self._app.live.generations
        going = self.going
        required = {
            other for generation in going.values() for other in generation.spec.required_ids
        }
        gone = {key for key in required if key not in live and key not in going}
        swapped = {key for key, imported in self._imported.items() if live.get(key) is not imported}
        if moved := gone | swapped:
            raise GroundMovedError(moved)

    def refuse_late_importers(self) -> None:
        """Check before publish that every live importer of this batch is rebuilt in it.

        Raises:
            GroundMovedError: If one went live while this batch was built.
        """
        importers = self._app.live.importers(self.going)
        if late := set(importers) - set(self.generations):
            raise GroundMovedError(late)

    def refuse(self) -> None:
        """Raise the first failure, causes before what they block, unless the batch keeps going."""
        if not self.keep_going:
            for error in (*self.failed.values(), *self.blocked.values()):
                raise error

    async def discard(self, module_ids: Iterable[str]) -> dict[str, list[Exception]]:
        """Unwind generations that won't be published, newest first.

        Returns:
            Module id → the errors of its unwinding, if there were any.
        """
        faults: dict[str, list[Exception]] = {}
        for key in reversed(list(module_ids)):
            error = self.failed.get(key) or self.blocked.get(key)
            error = error or ModframeError(f"{key} was not published")
            if left := await self.generations[key].ledger.close(error):
                faults[key] = left
        return faults
