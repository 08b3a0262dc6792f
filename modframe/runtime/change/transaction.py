"""`Transaction`: one change on its way, from a batch of sources to what is live.

Made by the swap, under its claim. It builds, stops first what has to, hands over, publishes by one
assignment, and lets the replaced generations end. Whatever fails before publish unwinds it all.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import copy_context
from typing import Protocol, TypeVar

from ...errors import BlockedError, InterruptedLoadError, ModframeError, same_fault
from ...observe import log_exception
from ...source import Source
from ...wording import some
from ..bounds import bounded
from ..failure import carry_findings, failure_of
from ..gate import admitted
from ..generation import Generation
from ..live import Live
from ..part import Part
from ..record import Records
from .account import Accounts
from .batch import Batch
from .claims import GroundMovedError
from .ending import Ending
from .graph import Graph
from .handover import (
    HandedOver,
    admit_jobs,
    apply_state,
    close_gates,
    collect_state,
    handover_notes,
    hands_over,
    open_gates,
    still_inside,
    stops_first,
)
from .outcome import Limits, Outcome, Passed

T = TypeVar("T")
Trial = Callable[[Generation, Batch], Awaitable[Passed | None]]
"""Has its say over a generation that is ready to go live: what it raises fails the change."""


class Around(Protocol):
    """What a transaction needs of the swap."""

    live: Live
    records: Records
    ending: Ending
    accounts: Accounts
    parts: tuple[Part, ...]
    limits: Limits

    @property
    def stopping(self) -> bool:
        """Whether everything is about to end."""

    def published(self, module_ids: Iterable[str]) -> None:
        """Tell whoever follows Live that it changed."""

    def notify(self, source: Source, outcome: Outcome) -> None:
        """Tell whoever keeps an account what came of a source."""


class Transaction:
    """One change; `run` it once.

    Args:
        around: The swap.
        batch: What is to be built.
        keep_going: Whether what can go live does so without what can't.
        brought: What generations that were stopped handed over, where they are built again.
        trial: What each generation has to pass, if there is one.
    """

    def __init__(
        self,
        around: Around,
        batch: Batch,
        *,
        keep_going: bool = False,
        brought: Mapping[str, HandedOver | None] | None = None,
        trial: Trial | None = None,
    ) -> None:
        self._around = around
        self._batch = batch
        self._keep_going = keep_going
        self._trial = trial
        self._stopped: dict[str, HandedOver | None] = dict(brought or {})
        self._again = brought is not None
        self._states: dict[str, HandedOver] = {}
        self._passed: dict[str, Passed | None] = {}
        self._gated: list[Generation] = []
        self._stopping: asyncio.Task[None] | None = None

    async def run(self, began: float) -> dict[str, Outcome]:
        """Carry it out.

        Raises:
            ModframeError: The first failure, causes before consequences; nothing has changed.
            GroundMovedError: If it has to begin anew.
        """
        try:
            return await self._run(began)
        finally:
            open_gates(self._gated)

    async def _run(self, began: float) -> dict[str, Outcome]:
        records, batch = self._around.records, self._batch
        try:
            graph = await self._build()
        except BaseException as error:
            # All or nothing: whatever ended the build, a cancellation included, unwinds it all.
            unwinding = self._unwind(again=isinstance(error, GroundMovedError), error=error)
            await asyncio.shield(
                self._around.ending.in_background(unwinding, context=copy_context())
            )
            raise
        finally:
            for key in batch.generations:
                if key in records:  # a draft may have been dropped meanwhile
                    records[key].building = None
                    records[key].reads = batch.generations[key].reads
        built = batch.going
        replaced = self._publish(built)
        took = time.perf_counter() - began
        handed = {key: one.names for key, one in self._states.items()}
        accounts = self._around.accounts.of(built, replaced, handed=handed)
        outcomes = {
            key: dataclasses.replace(
                self._outcome(one, replaced.get(key), took), account=accounts[key]
            )
            for key, one in built.items()
        }
        for key, outcome in outcomes.items():
            self._around.notify(built[key].source, outcome)
        await self._succeed(graph, built, replaced)
        return outcomes

    # -- build ----------------------------------------------------------------------------

    async def _build(self) -> Graph:
        batch = self._batch
        await batch.load(self._note_building)
        self._refuse()
        graph = batch.connect()
        self._refuse()
        await self._stop_first()
        self._refuse()
        await batch.phase1(graph)
        self._refuse()
        await batch.phase2(graph)
        self._refuse()
        await self._try_out()
        self._refuse()
        await self._hand_over()
        self._refuse()
        if batch.failed or batch.blocked:
            self._note_unwinding(await batch.discard([*batch.failed, *batch.blocked]))
            self._note_failures()
        batch.refuse_moved_ground()
        return graph

    def _note_building(self, generation: Generation) -> None:
        self._around.records[generation.module_id].building = generation

    def _refuse(self) -> None:
        error = self._batch.first_failure()
        if error is not None and not self._keep_going:
            raise error

    def _pairs(self) -> list[tuple[Generation, Generation]]:
        """What is live and the generation that is to replace it, for all that go on."""
        live = self._around.live.generations
        return [(live[key], one) for key, one in self._batch.going.items() if key in live]

    async def _try_out(self) -> None:
        """Let the trial have its say, before anything is handed over."""
        if self._trial is None:
            return
        for key, generation in self._batch.going.items():
            try:
                self._passed[key] = await self._trial(generation, self._batch)
            except Exception as error:  # noqa: BLE001  # a fault of the module's, reported with it
                self._batch.failed[key] = failure_of(generation.source, "test", error)

    # -- hand-over ------------------------------------------------------------------------

    async def _stop_first(self) -> None:
        """Stop those whose successor can't run beside them; calls wait at their gates."""
        pairs = [(old, new) for old, new in self._pairs() if stops_first(old, new)]
        if self._again or not pairs:
            return
        self._batch.refuse_moved_ground()
        await self._close_gates(pairs)
        with self._admitted():
            states = {old.module_id: await self._collect(old, new) for old, new in pairs}
            self._refuse()
            self._stopped = states
            for old, _ in pairs:
                admit_jobs(old)
            stop = self._around.ending.stop_for_successors({one.module_id: one for one, _ in pairs})
            self._stopping = self._around.ending.in_background(stop, context=copy_context())
            await asyncio.shield(self._stopping)

    async def _hand_over(self) -> None:
        """Let the new generations have what the old ones kept; calls wait meanwhile."""
        fresh = [
            (old, new)
            for old, new in self._pairs()
            if old.module_id not in self._stopped and hands_over(old, new)
        ]
        if fresh:
            await self._close_gates(fresh)
        with self._admitted():
            for key, state in self._stopped.items():
                if state is not None and key in self._batch.going:
                    await self._apply(state, self._batch.generations[key])
            for old, new in fresh:
                state = await self._collect(old, new)
                if state is not None:
                    await self._apply(state, new)

    async def _close_gates(self, pairs: Sequence[tuple[Generation, Generation]]) -> None:
        """Let calls from outside wait, and those inside leave."""
        olds = [old for old, _ in pairs]
        self._gated += olds
        timeout = self._around.limits.handover
        busy = await close_gates(olds, timeout=timeout)
        if busy is not None:
            new = self._batch.generations[busy.module_id]
            error = failure_of(new.source, "handover", still_inside(busy, timeout=timeout))
            self._batch.failed[new.module_id] = error
        self._refuse()

    def _admitted(self) -> AbstractContextManager[None]:
        """What hooks of the hand-over call, they call past the gates."""
        return admitted([old.gate for old in self._gated if old.gate is not None])

    async def _collect(self, old: Generation, new: Generation) -> HandedOver | None:
        if not hands_over(old, new):
            return None
        state = await self._step(
            new, collect_state(old, new.spec, timeout=self._around.limits.handover)
        )
        if state is not None:
            self._states[new.module_id] = state
        return state

    async def _apply(self, state: HandedOver, new: Generation) -> None:
        await self._step(new, apply_state(state, new, timeout=self._around.limits.handover))

    async def _step(self, new: Generation, work: Awaitable[T]) -> T | None:
        try:
            return await work
        except Exception as error:  # noqa: BLE001  # a fault of the module's, reported with it
            self._batch.failed[new.module_id] = failure_of(new.source, "handover", error)
            return None

    # -- unwind ---------------------------------------------------------------------------

    async def _unwind(self, *, again: bool, error: BaseException) -> None:
        # All or none: what was sound is held up by what failed, or by whoever interrupted.
        batch = self._batch
        for key in () if again else batch.going:
            if batch.failed:
                batch.blocked[key] = BlockedError(key, batch.failed)
            else:
                batch.failed[key] = InterruptedLoadError(
                    f"the load of {key} was interrupted", cure="load it again"
                )
        if not again:
            self._note_failures()
        self._note_unwinding(await batch.discard(batch.generations))
        carry_findings([*batch.failed.values(), *batch.blocked.values()], error)
        if self._stopping is not None:
            await asyncio.wait({self._stopping})  # interrupted or not, it goes to its end
        if self._stopped and not self._again:
            await self._bring_back(error)

    async def _bring_back(self, error: BaseException) -> None:
        """Build what was stopped first again, from its own text, under a new number."""
        around, live = self._around, self._around.live
        olds = {key: live.generations[key] for key in self._stopped}
        if not around.stopping:
            importers = live.importers(olds)
            sources = [live.generations[key].source for key in (*olds, *importers)]
            batch = self._batch.again(sources)
            states = {key: self._states.get(key) for key in olds}
            try:
                await Transaction(around, batch, keep_going=True, brought=states).run(
                    time.perf_counter()
                )
            except Exception as fault:  # noqa: BLE001  # said below: the module is down
                log_exception(next(iter(olds)), f"could not be built again: {fault}", fault)
            finally:
                batch.close()
        for key, old in olds.items():
            now = live.generations.get(key)
            if now is old:  # there is nothing that could stand in its place
                live.publish({key: None})
                around.published([key])
                text = f"{key} was stopped first, and its old text can't be built again: it is down"
            else:
                number = now.number if now else 0
                text = f"{key} was stopped first; its old text runs again, as generation {number}"
            around.records[key].error = around.records[key].error or error
            error.add_note(text)

    def _note_unwinding(self, faults: Mapping[str, list[Exception]]) -> None:
        for key, errors in faults.items():
            for error in errors:
                self._around.records[key].unsettled.append(
                    f"a generation that did not go live: {type(error).__name__}: {error}"
                )
                log_exception(
                    key, f"a generation that did not go live did not unwind: {error}", error
                )

    def _note_failures(self) -> None:
        batch = self._batch
        for key, error in {**batch.failed, **batch.blocked}.items():
            record = self._around.records[key]
            known = same_fault(record.error, error)  # a watched file is tried at every save
            record.error = error
            record.state = "BLOCKED" if key in batch.blocked else "FAILED"
            if key in batch.failed and not known:
                log_exception(key, str(error), error.__cause__ or error)

    # -- publish --------------------------------------------------------------------------

    def _publish(self, built: Mapping[str, Generation]) -> Mapping[str, Generation]:
        for key, generation in built.items():
            record = self._around.records[key]
            record.number = generation.number
            record.error, record.state = None, "LIVE"
            if record.overrides:
                generation.offer(record.instead)
        replaced = self._around.live.publish(built)
        self._batch.open = False
        self._around.published(built)
        return replaced

    def _outcome(self, generation: Generation, old: Generation | None, took: float) -> Outcome:
        web = generation.parts.get("web")
        key, state = generation.module_id, self._states.get(generation.module_id)
        notes = [*handover_notes(old, generation, state)] if old is not None else []
        if broken := self._batch.broken.get(key):
            notes.append(f"forced: breaks {some(broken)}")
        return Outcome(
            key,
            "live",
            old.number if old else 0,
            generation.number,
            took,
            len(web.routes) if web is not None else 0,
            tuple(generation.findings),
            tuple(notes),
            self._passed.get(key),
        )

    async def _succeed(
        self,
        graph: Graph,
        built: Mapping[str, Generation],
        replaced: Mapping[str, Generation],
    ) -> None:
        """Old consumers end, new ones begin, and what was replaced drains behind.

        Raises:
            LoadError: If something could not be activated; it is live all the same.
        """
        concerned = (*built.values(), *replaced.values())
        if any(part.activates(one) for part in self._around.parts for one in concerned):
            # Once published it is carried to its end, whoever stops waiting for it.
            work = self._activate(graph, built, replaced)
            await asyncio.shield(self._around.ending.in_background(work, context=copy_context()))
        else:
            await self._retire(replaced)

    async def _retire(self, replaced: Mapping[str, Generation]) -> None:
        for old in replaced.values():
            await self._around.ending.retire(old)
            if old.stage != "closed":
                self._around.ending.drain_in_background(old)

    async def _activate(
        self,
        graph: Graph,
        built: Mapping[str, Generation],
        replaced: Mapping[str, Generation],
    ) -> None:
        await self._retire(replaced)
        failed: dict[str, ModframeError] = {}

        async def activate(generation: Generation) -> None:
            key = generation.module_id
            for part in self._around.parts:
                if not part.activates(generation):
                    continue
                try:
                    await bounded(
                        lambda part=part: part.activate(generation),  # type: ignore[misc]
                        self._around.limits.phase,
                        what="activate()",
                    )
                except Exception as error:  # noqa: BLE001  # a fault of the module's, reported with it
                    failure = failure_of(generation.source, "activate", error)
                    failure.add_note(
                        f"Generation {generation.number} is live all the same, without what "
                        "activate() was to start."
                    )
                    failed[key] = self._around.records[key].error = failure
                    generation.whole = False
                    log_exception(key, str(failure), error)

        await self._batch.in_order(graph, built.values(), activate)
        if failed and not self._keep_going:
            raise next(iter(failed.values()))
