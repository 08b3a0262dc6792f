"""`Swap`: carries out changes. Build a batch beside Live, publish it by one assignment, let the
replaced generations drain, close them. Whatever fails before publish leaves Live untouched.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Container, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import BlockedError, Finding, ModframeError, RefusedError
from ..html import table
from ..load import forget_gone
from ..observe import log_exception
from ..source import Source
from .batch import Batch
from .generation import Generation
from .graph import stop_waits
from .live import Live
from .loading import LoaderThreads
from .loop import AppLoop
from .part import Part
from .record import Records

_log = logging.getLogger("modframe.swap")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a change did to one module, as one line and as data.

    Attributes:
        kind: ``live``, ``unchanged`` or ``stopped``.
        before: The number of the generation that was replaced; 0 if there was none.
        after: The number of the generation that is live now.
        seconds: How long the whole change took.
        routes: How many routes the module has.
        findings: What was noticed and did not stand in the way.
    """

    module_id: str
    kind: Literal["live", "unchanged", "stopped"]
    before: int = 0
    after: int = 0
    seconds: float = 0.0
    routes: int = 0
    findings: tuple[Finding, ...] = ()

    def __str__(self) -> str:
        if self.kind == "unchanged":
            return f"{self.module_id} unchanged, generation {self.after}"
        if self.kind == "stopped":
            return f"{self.module_id} stopped"
        change = f"{self.before} → {self.after}" if self.before else str(self.after)
        line = f"{self.module_id} {change} · live in {_duration(self.seconds)}"
        if self.routes:
            line += f" · {self.routes} route{'s' if self.routes != 1 else ''}"
        return line


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class StopReport:
    """What a stop did: each module with its time, in order, and what would not settle."""

    modules: tuple[Outcome, ...]
    seconds: float
    unsettled: tuple[str, ...] = ()

    def __repr__(self) -> str:
        left = f", {len(self.unsettled)} not settled" if self.unsettled else ""
        return f"<stopped {len(self.modules)} modules in {_duration(self.seconds)}{left}>"

    def _repr_html_(self) -> str:
        rows = [(one.module_id, _duration(one.seconds)) for one in self.modules]
        return table([*rows, *((fault, "not settled") for fault in self.unsettled)])


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the steps of a change may take, in seconds."""

    load: float = 60.0
    phase: float = 60.0
    drain: float = 30.0


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
        self.drain_timeout = limits.drain
        self.live = Live()
        self.records = Records(self.live)
        self.supply = supply
        self._hurry = hurry
        self.loader = LoaderThreads()
        self._published = published
        self._locks: dict[str, asyncio.Lock] = {}
        self._retiring: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def _exclusive(self, module_ids: Iterable[str]) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for key in sorted(set(module_ids)):
                await stack.enter_async_context(self._locks.setdefault(key, asyncio.Lock()))
            yield

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
        involved = {*(one.module_id for one in sources), *self._importers(sources)}
        async with self._exclusive(involved):
            same = {} if force else self._unchanged(sources)
            fresh = [one for one in sources if one.module_id not in same]
            fresh += [self.live.generations[key].source for key in self._importers(fresh)]
            batch = Batch(self, fresh, self._next_number, outer_names=outer_names)
            replaced: Mapping[str, Generation] = {}
            if fresh:
                await self._build(batch, keep_going=keep_going)
                replaced = self._publish(batch)
        took = time.perf_counter() - began
        for module_id, old in replaced.items():
            self._retire(module_id, old)
        built = {
            key: self._outcome(one, replaced.get(key), took) for key, one in batch.going.items()
        }
        given = [one.module_id for one in sources]
        return [
            outcome
            for key in dict.fromkeys([*given, *built])
            if (outcome := same.get(key) or built.get(key))
        ]

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
        except BaseException:
            # All or nothing: whatever ended the build, a cancellation included, unwinds it all.
            await asyncio.shield(self.app_loop.spawn(self._discard_all(batch)))
            raise
        finally:
            for key in batch.generations:
                self.records[key].building = None
        await batch.discard([*batch.failed, *batch.blocked])
        self._note_failures(batch)

    def _note_building(self, generation: Generation) -> None:
        self.records[generation.module_id].building = generation

    async def _discard_all(self, batch: Batch) -> None:
        # All or none: what was sound is held up by what failed, or by whoever interrupted.
        for key in batch.going:
            if batch.failed:
                batch.blocked[key] = BlockedError(key, batch.failed)
            else:
                batch.failed[key] = RefusedError(
                    f"the load of {key} was interrupted", cure="load it again"
                )
        self._note_failures(batch)
        await batch.discard(batch.generations)

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

    def _publish(self, batch: Batch) -> Mapping[str, Generation]:
        built = batch.going
        for key, generation in built.items():
            record = self.records[key]
            record.number = generation.number
            record.error, record.state = None, "LIVE"
        replaced = self.live.publish(built)
        batch.open = False
        self._published(built)
        return replaced

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

    # -- the old ones ---------------------------------------------------------------------

    def _retire(self, module_id: str, old: Generation) -> None:
        task = self.app_loop.spawn(self._settle(module_id, old), name=f"retire {old.package_name}")
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _settle(self, module_id: str, old: Generation) -> None:
        """Drain a generation that nobody can reach any more, stop it, close its ledger."""
        if not await old.drain(self.drain_timeout):
            _log.warning(
                "%s: %d calls were still inside generation %d after %g s; it is closed under them",
                module_id, old.in_flight, old.number, self.drain_timeout,
            )  # fmt: skip
        await self._close(old)

    async def _close(self, old: Generation) -> None:
        record = self.records[old.module_id]
        try:
            await old.ledger.aclose()
        except Exception as error:  # noqa: BLE001  # what a module's stopping raises must not stop the rest
            record.unsettled.append(f"generation {old.number}: {type(error).__name__}: {error}")
            _log.exception("%s: generation %d did not stop cleanly", old.module_id, old.number)
        if old.package is not None:
            old.package.forget_text()
        forget_gone()

    async def settled(self) -> None:
        """Wait until every replaced generation was closed."""
        while self._retiring:
            await asyncio.wait(set(self._retiring))

    # -- stop -----------------------------------------------------------------------------

    async def unload(self, module_ids: Iterable[str]) -> list[Outcome]:
        """Stop modules, dependents first; they leave Live once they have stopped.

        Raises:
            ModframeError: If a module that stays live requires one of them.
        """
        wanted = [key for key in module_ids if key in self.live.generations]
        self._refuse_while_required(wanted)
        generations = {key: self.live.generations[key] for key in wanted}
        waits = stop_waits({key: one.spec for key, one in generations.items()})
        done = {key: asyncio.Event() for key in generations}
        began = {key: time.perf_counter() for key in generations}
        took: dict[str, float] = {}

        async def stop(key: str, generation: Generation) -> None:
            for other in waits[key]:
                await done[other].wait()
            began[key] = time.perf_counter()
            await self._stop(key, generation)
            took[key] = time.perf_counter() - began[key]
            done[key].set()

        await asyncio.gather(*(stop(key, one) for key, one in generations.items()))
        return [Outcome(key, "stopped", generations[key].number, 0, took[key]) for key in wanted]

    def _refuse_while_required(self, wanted: Sequence[str]) -> None:
        for key, generation in self.live.generations.items():
            needs = [one for one in generation.spec.required_ids if one in wanted]
            if needs and key not in wanted:
                raise ModframeError(
                    f"{needs[0]} can't be unloaded: {key} requires it",
                    cure=f"unload {key} first, or both together",
                )

    async def _stop(self, key: str, generation: Generation) -> None:
        async with self._exclusive([key]):
            record = self.records[key]
            self.live.publish({key: None})
            record.state = "STOPPING"
            self._published([key])
            await generation.drain(0 if self._hurry.is_set() else self.drain_timeout)
            before = len(record.unsettled)
            await self._close(generation)
            record.state = "FAILED_UNLOAD" if len(record.unsettled) > before else "STOPPED"

    async def stop(self) -> list[Outcome]:
        """Stop everything, in the exact reverse of the start."""
        outcomes = await self.unload(list(self.live.generations))
        await self.settled()
        self.loader.close()
        return outcomes
