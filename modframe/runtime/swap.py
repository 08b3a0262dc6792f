"""`Swap`: carries out changes. Build a batch beside Live, publish it by one assignment, let the
replaced generations drain, close them. Whatever fails before publish leaves Live untouched.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import Any

from ..errors import BlockedError, InterruptedLoadError, ModframeError, NotRunningError
from ..observe import log_exception
from ..source import Source
from .batch import Batch
from .claims import Claim, Claims, GroundMovedError
from .ending import Ending
from .generation import Generation
from .live import Live
from .loading import LoaderThreads
from .loop import AppLoop
from .outcome import Limits, Outcome
from .part import Part
from .record import Records


class Swap:
    """The changes of one app, all on its loop; those of one module one after the other.

    Args:
        app_loop: The loop.
        parts: What each generation is made of, in the order they are entered.
        hurry: Once set, stopping does not wait for graceful ends.
        supply: Module id → its source on disk, for requirements that aren't live.
        context_for: Makes the ``app_context`` of a generation.
        printer_for: Makes the ``print`` of a module.
        limits: How long steps may take.
        published: Told the ids after every publish, on the loop.
    """

    def __init__(
        self,
        app_loop: AppLoop,
        parts: Sequence[Part],
        *,
        hurry: asyncio.Event,
        supply: Callable[[str], Source | None],
        context_for: Callable[[Generation, Batch], Any],
        printer_for: Callable[[str], Callable[..., None]],
        limits: Limits,
        published: Callable[[Iterable[str]], None],
    ) -> None:
        self.app_loop = app_loop
        self.parts = parts
        self.context_for = context_for
        self.printer_for = printer_for
        self.load_timeout, self.phase_timeout = limits.load, limits.phase
        self.live = Live()
        self.records = Records(self.live)
        self.supply = supply
        self._ending = Ending(
            app_loop,
            self.live,
            self.records,
            hurry=hurry,
            drain_timeout=limits.drain,
            published=published,
        )
        self.loader = LoaderThreads()
        self._published = published
        self._claims = Claims()
        self._changes: set[asyncio.Task[Any]] = set()
        self._stopping: asyncio.Task[list[Outcome]] | None = None

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        """What runs inside is a change, which `stop` ends."""
        task = asyncio.current_task()
        if self._stopping is not None or task is None:
            raise _too_late()
        self._changes.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if self._stopping is not None:
                raise _too_late() from None
            raise
        finally:
            self._changes.discard(task)

    @property
    def drain_timeout(self) -> float:
        """How long calls inside a generation that ends are waited for, in seconds."""
        return self._ending.drain_timeout

    @drain_timeout.setter
    def drain_timeout(self, seconds: float) -> None:
        self._ending.drain_timeout = seconds

    # -- change ---------------------------------------------------------------------------

    async def change(
        self,
        sources: Sequence[Source],
        *,
        force: bool = False,
        keep_going: bool = False,
        outer_names: Container[str] = (),
    ) -> list[Outcome]:
        """Make sources live, all or none; with ``keep_going`` all that can be.

        Raises:
            ModframeError: The first failure, causes before consequences; nothing has changed.
        """
        began = time.perf_counter()
        claimed: frozenset[str] = frozenset()
        same: dict[str, Outcome] = {}
        built: dict[str, Outcome] = {}
        with self._under_way():
            while True:
                claimed |= self._involved(sources)
                async with self._claims.hold(claimed) as claim:
                    same = {} if force else self._unchanged(sources)
                    fresh = [one for one in sources if one.module_id not in same]
                    fresh += [self.live.generations[key].source for key in self._importers(fresh)]
                    batch = Batch(
                        self,
                        fresh,
                        self._next_number,
                        claim=partial(self._claims.extend, claim),
                        outer_names=outer_names,
                    )
                    try:
                        self._refuse_unclaimed(batch, claim)
                        built = await self._make_live(batch, keep_going=keep_going, began=began)
                        break
                    except GroundMovedError as moved:
                        claimed |= moved.module_ids
                    finally:
                        batch.close()
        given = [one.module_id for one in sources]
        return [
            outcome
            for key in dict.fromkeys([*given, *built])
            if (outcome := same.get(key) or built.get(key))
        ]

    def _involved(self, sources: Sequence[Source]) -> frozenset[str]:
        return frozenset({*(one.module_id for one in sources), *self._importers(sources)})

    @staticmethod
    def _refuse_unclaimed(batch: Batch, claim: Claim) -> None:
        """While the claim was waited for, others may have come to import from these modules."""
        if unclaimed := batch.generations.keys() - claim.module_ids:
            raise GroundMovedError(unclaimed)

    async def _make_live(
        self, batch: Batch, *, keep_going: bool, began: float
    ) -> dict[str, Outcome]:
        if not batch.generations:
            return {}
        await self._build(batch, keep_going=keep_going)
        built = batch.going
        replaced = self._publish(built)
        batch.open = False
        self._published(built)
        took = time.perf_counter() - began
        for module_id, old in replaced.items():
            self._ending.retire(module_id, old)
        return {key: self._outcome(one, replaced.get(key), took) for key, one in built.items()}

    def _importers(self, sources: Iterable[Source]) -> list[str]:
        """Live modules that import from these, or from one that does: they are rebuilt as well.

        Both sides then see the same classes, in an ``except`` or an ``isinstance``.
        """
        changed = {one.module_id for one in sources}
        found: dict[str, None] = {}
        while True:
            more = [
                key
                for key, one in self.live.generations.items()
                if key not in changed and changed.intersection(one.spec.imports_modules)
            ]
            if not more:
                return list(found)
            found |= dict.fromkeys(more)
            changed.update(more)

    def _next_number(self, module_id: str) -> int:
        return self.records[module_id].number + 1

    def _unchanged(self, sources: Iterable[Source]) -> dict[str, Outcome]:
        same = {}
        for source in sources:
            live = self.live.generations.get(source.module_id)
            if live is not None and live.source.digest == source.digest:
                self.records[source.module_id].error = None
                same[source.module_id] = Outcome(
                    source.module_id, "unchanged", live.number, live.number
                )
        return same

    async def _build(self, batch: Batch, *, keep_going: bool) -> None:
        try:
            await batch.load(self._note_building)
            self._refuse(batch, keep_going=keep_going)
            graph = batch.connect()
            self._refuse(batch, keep_going=keep_going)
            await batch.phase1(graph)
            self._refuse(batch, keep_going=keep_going)
            await batch.phase2(graph)
            self._refuse(batch, keep_going=keep_going)
            self._note_unwinding(await batch.discard([*batch.failed, *batch.blocked]))
            self._note_failures(batch)
            batch.refuse_moved_ground()
        except BaseException as error:
            # All or nothing: whatever ended the build, a cancellation included, unwinds it all.
            again = isinstance(error, GroundMovedError)
            await asyncio.shield(self._ending.behind(self._discard_all(batch, again=again)))
            raise
        finally:
            for key in batch.generations:
                if key in self.records:  # a draft may have been dropped meanwhile
                    self.records[key].building = None

    def _note_building(self, generation: Generation) -> None:
        self.records[generation.module_id].building = generation

    async def _discard_all(self, batch: Batch, *, again: bool) -> None:
        # All or none: what was sound is held up by what failed, or by whoever interrupted.
        for key in () if again else batch.going:
            if batch.failed:
                batch.blocked[key] = BlockedError(key, batch.failed)
            else:
                batch.failed[key] = InterruptedLoadError(
                    f"the load of {key} was interrupted", cure="load it again"
                )
        if not again:
            self._note_failures(batch)
        self._note_unwinding(await batch.discard(batch.generations))

    def _note_unwinding(self, faults: Mapping[str, BaseException]) -> None:
        for key, error in faults.items():
            self.records[key].unsettled.append(
                f"a generation that did not go live: {type(error).__name__}: {error}"
            )
            log_exception(key, f"a generation that did not go live did not unwind: {error}", error)

    @staticmethod
    def _refuse(batch: Batch, *, keep_going: bool) -> None:
        error = batch.first_failure()
        if error is not None and not keep_going:
            raise error

    def _note_failures(self, batch: Batch) -> None:
        for key, error in {**batch.failed, **batch.blocked}.items():
            record = self.records[key]
            record.error = error
            record.state = "BLOCKED" if key in batch.blocked else "FAILED"
            if key in batch.failed:
                log_exception(key, str(error), error.__cause__ or error)

    def _publish(self, built: Mapping[str, Generation]) -> Mapping[str, Generation]:
        for key, generation in built.items():
            record = self.records[key]
            record.number = generation.number
            record.error, record.state = None, "LIVE"
        return self.live.publish(built)

    @staticmethod
    def _outcome(generation: Generation, old: Generation | None, took: float) -> Outcome:
        web = generation.parts.get("web")
        return Outcome(
            generation.module_id,
            "live",
            old.number if old else 0,
            generation.number,
            took,
            len(web.routes) if web is not None else 0,
            tuple(generation.findings),
        )

    async def settled(self) -> None:
        """Wait until every replaced generation was closed."""
        await self._ending.settled()

    # -- stop -----------------------------------------------------------------------------

    async def unload(self, module_ids: Iterable[str]) -> list[Outcome]:
        """Stop modules, dependents first; they leave Live once they have stopped.

        Who stops waiting for it leaves it to go on behind: a half-stopped module is none.

        Raises:
            ModframeError: If a module that stays live requires one of them.
        """
        wanted = list(module_ids)
        with self._under_way():
            claim = await self._claims.take(wanted)
            task = self._ending.behind(self._unload(claim, wanted), context=copy_context())
            return await asyncio.shield(task)

    async def _unload(self, claim: Claim, wanted: Sequence[str]) -> list[Outcome]:
        try:
            live = self.live.generations
            going = {key: live[key] for key in wanted if key in live}
            self._refuse_while_required(going)
            return _stopped(going, await self._ending.stop_in_order(going))
        finally:
            self._claims.release(claim)

    def _refuse_while_required(self, wanted: Container[str]) -> None:
        for key, generation in self.live.generations.items():
            needs = [one for one in generation.spec.required_ids if one in wanted]
            if needs and key not in wanted:
                raise ModframeError(
                    f"{needs[0]} can't be unloaded: {key} requires it",
                    cure=f"unload {key} first, or both together",
                )

    async def stop(self) -> list[Outcome]:
        """Stop everything, in the exact reverse of the start; asked again, wait for the same.

        Changes under way are cancelled and unwound first, and no others begin.
        """
        if self._stopping is None:
            self._stopping = self.app_loop.spawn(self._stop_all(), context=copy_context())
        return await asyncio.shield(self._stopping)

    async def _stop_all(self) -> list[Outcome]:
        for task in self._changes:
            task.cancel()
        if self._changes:
            await asyncio.wait(set(self._changes))
        # What goes on behind, an unload for one, holds claims until it is through.
        async with self._claims.hold(self.live.generations):
            live = self.live.generations
            took = await self._ending.stop_in_order(live)
        await self.settled()
        self.loader.close()
        return _stopped(live, took)


def _stopped(generations: Mapping[str, Generation], took: Mapping[str, float]) -> list[Outcome]:
    return [Outcome(key, "stopped", one.number, 0, took[key]) for key, one in generations.items()]


def _too_late() -> NotRunningError:
    return NotRunningError(
        "modframe is being stopped, and changes no modules any more",
        cure="call modframe.start() once it has stopped",
    )
