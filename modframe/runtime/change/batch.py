"""`Batch`: the generations that one change builds beside Live, step by step.

A transaction drives it. The modules of one batch see each other; everyone else sees Live. Each
step collects its failures by module instead of raising the first one, so that a start can go on
without the failed modules.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container, Iterable
from functools import partial

from ...errors import BlockedError, ModframeError
from ...source import Source
from ...spec import DEFAULT_PRIORITY, ModuleSpec
from ..app import App
from ..contract.breaks import contract_errors
from ..failure import as_load_error
from ..generation import Generation
from ..loop.bounds import OverdueError, run_all, run_with_timeout
from ..loop.module_threads import ModuleThreads
from .claims import GroundMovedError
from .clashes import find_clashes
from .graph import Graph, about_missing, plan_graph
from .loading import Loading

_ASKED = {"migrate": "migrates", "confirm": "confirms", "verify": "verifies"}
"""Step → the method of a part that says whether it has anything to do in it."""


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
        loader: ModuleThreads,
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
        self._outer_names = outer_names
        self._imported: dict[str, Generation] = {}
        self.keep_going = keep_going
        self.generations = {
            source.module_id: Generation(source, numbers(source.module_id)) for source in sources
        }
        self.failed: dict[str, BaseException] = {}
        self.blocked: dict[str, BlockedError] = {}
        self.broken: dict[str, tuple[str, ...]] = {}
        self.open = True
        self._checked_against = app.live.generations

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
        self.generations, self.failed, self.blocked, self.broken = {}, {}, {}, {}
        self._imported.clear()
        self._checked_against = {}

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

    # -- load and graph -------------------------------------------------------------------

    async def load(self, begins: Callable[[Generation], None]) -> None:
        """Check, execute and read every source, and those they require.

        Args:
            begins: Called with each generation before it is loaded.

        Raises:
            GroundMovedError: If another change is at work on one that isn't live yet.
        """
        loading = Loading(
            self._app,
            self,
            loader=self._loader,
            numbers=self._numbers,
            claim=self._claim,
            outer_names=self._outer_names,
        )
        self._imported = loading.imported
        await loading.run(begins)

    def connect(self) -> Graph:
        """Check requirements and contracts; a module that breaks either one fails."""
        specs = {
            key: generation.spec for key, generation in self.going.items() if generation.loaded
        }
        app = self._app
        graph = plan_graph(
            specs,
            self._present,
            known=self.failed,
            about=lambda name, users: about_missing(
                name, users, app.records, app.directory.known_names()
            ),
        )
        if graph.error:
            members = {key for path in graph.error.cycles for key in path}
            for key in {*graph.error.missing, *members}:
                self.failed[key] = graph.error.concerning(key)
        broken = contract_errors(self._app.live, self.going)
        if self._force:
            self.broken = {key: error.users for key, error in broken.items()}
        else:
            self.failed |= broken
        clashes = find_clashes(app.parts, self.going, app.live.generations)
        self.failed |= {key: clash.error for key, clash in clashes.items()}
        self._block(graph)
        return graph

    def _present(self, module_id: str) -> ModuleSpec | None:
        """Return the spec of a live module that is not part of the change."""
        live = self._app.live.generations.get(module_id)
        return live.spec if live is not None and module_id not in self.generations else None

    def _block(self, graph: Graph) -> None:
        if not self.failed:
            return
        for key, by in graph.blocked_by(self.failed).items():
            if key not in self.failed:
                self.blocked.setdefault(key, BlockedError(key, by, failed=self.failed))

    # -- phases ---------------------------------------------------------------------------

    def _in_turn(self) -> list[Generation]:
        """Return the generations that have not failed; a lower ``priority`` breaks ties."""
        if len(self.generations) == 1:
            return list(self.going.values())

        def priority(generation: Generation) -> int:
            service = generation.spec.service
            return service.priority if service else DEFAULT_PRIORITY

        return sorted(self.going.values(), key=priority)

    def wants(self, step: str) -> bool:
        """Return whether a part has something to do in a step that most modules have no use for."""
        for part in self._app.parts.defining(step):
            asked = getattr(part, _ASKED[step])
            for generation in self.going.values():
                if asked(generation):
                    return True
        return False

    async def migrate(self, graph: Graph) -> None:
        """Let parts bring stored data to what the generations need, one after the other."""
        for part in self._app.parts.defining("migrate"):
            for generation in self._in_turn():
                if not part.migrates(generation):
                    continue
                generation.begin(f"the migration of its data ({part.name})")
                try:
                    await part.migrate(generation)
                except Exception as error:  # noqa: BLE001  # a fault of the module's, reported with it
                    key = generation.module_id
                    self.failed[key] = as_load_error(generation.source, part.name, error)
                finally:
                    generation.begin("")
        self._block(graph)

    async def phase1(self, graph: Graph) -> None:
        """Enter the parts of every generation, all at the same time."""
        turns = self._in_turn()
        if len(turns) == 1:
            await self._enter(turns[0])
        else:
            await run_all(map(self._enter, turns))
        self._block(graph)

    async def _enter(self, generation: Generation) -> None:
        step, limit = "", self._app.limits.phase

        async def enter() -> None:
            nonlocal step
            waiting = self._app.parts.defining("enter")
            for part in self._app.parts.defining("enter", "build", "leave"):
                step = "phase1" if part.name == "service" else part.name
                if not part.applies(generation):
                    continue
                if part in waiting:
                    generation.begin(f"phase 1 ({part.name})", limit)
                    entered = generation.ledger.enter(part.name, part.enter(generation))
                    generation.parts[part.name] = await entered
                else:
                    generation.parts[part.name] = part.build(generation)
                    generation.ledger.own(part.name, partial(part.leave, generation))

        try:
            with generation.reads.recording():
                await run_with_timeout(enter, limit, what=lambda: _running(generation, step))
        except Exception as error:  # noqa: BLE001  # a fault of the module's, reported with it
            self.failed[generation.module_id] = as_load_error(
                generation.source, step, error, running=generation.step
            )
        finally:
            generation.begin("")

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
        known = {generation.module_id for generation in turns}
        awaited = {other for key in known for other in graph.waits.get(key, ())} & known
        done = {key: asyncio.Event() for key in awaited}

        async def run_after_dependencies(generation: Generation) -> None:
            key = generation.module_id
            try:
                for other in graph.waits.get(key, ()):
                    if other in done:
                        await done[other].wait()
                    if other in self.failed or other in self.blocked:
                        self.blocked[key] = BlockedError(key, [other], failed=self.failed)
                        return
                await step(generation)
            finally:
                if key in done:
                    done[key].set()

        await run_all(map(run_after_dependencies, turns))

    async def _start(self, generation: Generation) -> None:
        limit = self._app.limits.phase
        for part in self._app.parts.defining("start"):
            if not part.starts(generation):
                continue
            generation.begin("phase 2", limit)
            try:
                with generation.reads.recording():
                    await run_with_timeout(
                        lambda part=part: part.start(generation),  # type: ignore[misc]
                        limit,
                        what=lambda: _running(generation, "phase 2"),
                    )
            except Exception as error:  # noqa: BLE001  # a fault of the module's, reported with it
                self.failed[generation.module_id] = as_load_error(
                    generation.source, "phase2", error, running=generation.step
                )
                return
            finally:
                generation.begin("")

    async def confirm(self, graph: Graph) -> None:
        """Let the parts refuse generations that are ready to go live."""
        await self.in_order(graph, self._in_turn(), self._confirm)

    async def _confirm(self, generation: Generation) -> None:
        for part in self._app.parts.defining("confirm"):
            if not part.confirms(generation):
                continue
            generation.begin(f"the first look at it ({part.name})")
            try:
                await part.confirm(generation)
            except Exception as error:  # noqa: BLE001  # a fault of the module's, reported with it
                key = generation.module_id
                self.failed[key] = as_load_error(
                    generation.source, part.name, error, running=generation.step
                )
                return
            finally:
                generation.begin("")

    # -- the end --------------------------------------------------------------------------

    async def verify(self, graph: Graph) -> None:
        """Let parts refuse generations that are ready to go live."""
        limit = self._app.limits.phase
        for key, generation in self.going.items():
            for part in self._app.parts.defining("verify"):
                if not part.verifies(generation):
                    continue
                try:
                    await run_with_timeout(
                        lambda part=part, generation=generation: part.verify(generation),  # type: ignore[misc]
                        limit,
                        what=part.name,
                    )
                except Exception as error:  # noqa: BLE001  # a fault of the module's, reported with it
                    self.failed[key] = as_load_error(generation.source, part.name, error)
                    break
        self._block(graph)

    @property
    def is_as_checked(self) -> bool:
        """Whether nothing else went live since the batch began, and nothing of it has failed.

        What was checked while it was built is then still true.
        """
        unmoved = self._app.live.generations is self._checked_against
        return unmoved and not self.failed and not self.blocked

    def refuse_late_clashes(self, graph: Graph) -> None:
        """Check once more that what is going can be live beside what stays.

        A module may have got routes while it started, which its text did not show.

        Raises:
            GroundMovedError: If it clashes with a module that another change made live.
        """
        live, before = self._app.live.generations, self._checked_against
        clashes = find_clashes(self._app.parts, self.going, live)
        others = {clash.other for clash in clashes.values()} - set(self.generations)
        if late := {key for key in others if live.get(key) is not before.get(key)}:
            raise GroundMovedError(late)
        self.failed |= {key: clash.error for key, clash in clashes.items()}
        self._block(graph)

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
        live = self._app.live
        importers = live.importers(key for key in self.going if key in live.generations)
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
            left = await self.generations[key].ledger.close(error)
            overdue = error.__cause__
            if isinstance(overdue, OverdueError) and overdue.still_runs:
                left.append(overdue)
            if left:
                faults[key] = left
        return faults


def _running(generation: Generation, otherwise: str) -> str:
    return generation.step.name if generation.step is not None else otherwise
