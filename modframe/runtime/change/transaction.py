"""`Transaction`: carries out one change, from a batch of sources to what is live.

The swap makes one under the claim of the change. It builds the batch, hands over, publishes by one
assignment, and lets the replaced generations end. A failure before publish unwinds all of it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextvars import copy_context

from ...errors import (
    BlockedError,
    DisabledError,
    InterruptedLoadError,
    LoadError,
    ModframeError,
    reason_of,
    same_fault,
)
from ...observe import log_event, record_failure, span, tracing
from ...source import Source
from ...wording import some
from ..app import App
from ..failure import as_load_error, copy_findings
from ..generation import Generation, Step
from ..loop.bounds import run_with_timeout
from ..record import Unsettled
from .account import Accounts, PendingAccount
from .batch import Batch
from .claims import GroundMovedError
from .ending import Ending
from .graph import Graph
from .handover import Handover
from .outcome import Outcome, Passed, refusal
from .state import HandedState, handover_notes

Trial = Callable[[Generation, Batch], Awaitable[Passed | None]]
"""Tests a generation that is ready to go live; an exception of it fails the change."""


class Transaction:
    """One change; `run` it once.

    Args:
        app: The app.
        batch: The generations that are to be built.
        ending: Ends the generations that are replaced.
        accounts: Keeps what the change did.
        notify: Called with each source that went live and what came of it.
        brought: Module id → state, where generations that were stopped first are built again.
        trial: What each generation has to pass, if there is one.
        label: Why it is made, for the lines of its outcomes.
    """

    def __init__(
        self,
        app: App,
        batch: Batch,
        *,
        ending: Ending,
        accounts: Accounts,
        notify: Callable[[Source, Outcome], None],
        brought: Mapping[str, HandedState | None] | None = None,
        trial: Trial | None = None,
        label: str = "",
    ) -> None:
        self._app = app
        self._batch = batch
        self._ending = ending
        self._accounts = accounts
        self._notify = notify
        self._trial = trial
        self._label = label
        self._handover = Handover(app, batch, ending, brought=brought)
        self._passed: dict[str, Passed | None] = {}

    async def run(self, began: float) -> dict[str, Outcome]:
        """Carry the change out.

        Args:
            began: When the change was asked for, as `time.perf_counter` counts.

        Raises:
            ModframeError: The first failure, causes before consequences; nothing has changed.
            GroundMovedError: If the change has to begin again.
        """
        tracing.look()
        try:
            with span("swap", modules=list(self._batch.generations)):
                return await self._run(began)
        finally:
            self._handover.open_gates()

    async def _run(self, began: float) -> dict[str, Outcome]:
        batch, records = self._batch, self._app.records
        try:
            graph = await self._build()
        except BaseException as error:
            # All or nothing: whatever ended the build, a cancellation included, unwinds it all.
            unwinding = self._unwind(again=isinstance(error, GroundMovedError), error=error)
            await asyncio.shield(self._ending.in_background(unwinding, context=copy_context()))
            raise
        finally:
            for key, generation in batch.generations.items():
                generation.begin("")
                if key in records:  # a draft may have been dropped meanwhile
                    records[key].building = None
                    records[key].reads = generation.reads
        built = batch.going
        replaced = self._publish(built)
        outcomes = self._outcomes(built, replaced, time.perf_counter() - began)
        for key, outcome in outcomes.items():
            records[key].outcome = outcome
            self._app.numbers.changed(key, outcome.kind, outcome.seconds)
            self._notify(built[key].source, outcome)
        await self._succeed(graph, built, replaced)
        return outcomes

    # -- build ----------------------------------------------------------------------------

    async def _build(self) -> Graph:
        batch, step, handover = self._batch, self._step, self._handover
        await step("load", self._load())
        graph = batch.connect()
        batch.refuse()
        if pairs := handover.to_stop_first():
            await step("stop first", handover.stop_first(pairs))
        if batch.wants("migrate"):
            await step("migrate", batch.migrate(graph))
        await step("phase 1", batch.phase1(graph))
        await step("phase 2", batch.phase2(graph))
        if self._trial is not None:
            await step("test", self._test(self._trial))
        if not handover.is_rebuild and batch.wants("confirm"):  # its text was live before
            await step("confirm", batch.confirm(graph))
        if (pairs := handover.to_hand_over()) or handover.stopped:
            await step("hand over", handover.run(pairs))
        if batch.wants("verify"):
            await step("verify", batch.verify(graph))
        await self._check_ground(graph)
        return graph

    async def _check_ground(self, graph: Graph) -> None:
        """Check once more, last before publish, that what is built fits what is live by now.

        Raises:
            GroundMovedError: If the change has to begin again.
        """
        batch, is_rebuild = self._batch, self._handover.is_rebuild
        if not is_rebuild:  # it was live beside the others before
            batch.refuse_late_clashes(graph)
        if batch.is_as_checked:
            return
        batch.refuse()
        if batch.failed or batch.blocked:
            self._note_unwinding(await batch.discard([*batch.failed, *batch.blocked]))
            self._note_failures()
        batch.refuse_moved_ground()
        if not is_rebuild:  # what was stopped has to come back in any case
            batch.refuse_late_importers()

    async def _step(self, name: str, work: Awaitable[object]) -> None:
        """Do and measure a step; raise what failed in it, unless all that can be is to go live."""
        began = time.perf_counter()
        try:
            with span(name):
                await work
        finally:
            self._app.numbers.step_took(name, time.perf_counter() - began)
        self._batch.refuse()

    async def _load(self) -> None:
        await self._batch.load(self._note_building)
        for generation in self._batch.generations.values():
            self._app.building(generation)

    def _note_building(self, generation: Generation) -> None:
        record = self._app.records[generation.module_id]
        record.building = generation
        self._app.building(generation)
        record.expected = record.expected or generation.source.origin != "cells"

    async def _test(self, trial: Trial) -> None:
        """Run the modules' own tests, before anything is handed over."""
        for key, generation in self._batch.going.items():
            generation.begin("its own tests")
            try:
                self._passed[key] = await trial(generation, self._batch)
            except Exception as error:  # noqa: BLE001  # a fault of the module's, reported with it
                self._batch.failed[key] = as_load_error(generation.source, "test", error)

    # -- unwind ---------------------------------------------------------------------------

    async def _unwind(self, *, again: bool, error: BaseException) -> None:
        """Discard everything that was built.

        Args:
            again: Whether the change begins again, so that nothing has failed.
            error: What ended the build.
        """
        batch = self._batch
        if not again:
            for key in batch.going:  # all or none: these are sound, and don't go live either
                if batch.failed:
                    batch.blocked[key] = BlockedError(key, batch.failed, failed=batch.failed)
                else:
                    batch.failed[key] = InterruptedLoadError(
                        f"the load of {key} was interrupted", cure="load it again"
                    )
            self._note_failures()
        self._note_unwinding(await batch.discard(batch.generations))
        failures = [*batch.failed.values(), *batch.blocked.values()]
        copy_findings(failures, error)
        self._hide_secrets([*failures, error])  # of what was added while it was undone
        await self._handover.stopped_completely()
        if self._handover.stopped and not self._handover.is_rebuild:
            await self._bring_back(error)

    async def _bring_back(self, error: BaseException) -> None:
        """Build the generations that were stopped first again, under new numbers."""
        live = self._app.live
        olds = {key: live.generations[key] for key in self._handover.stopped}
        if not self._ending.stopping:
            await self._rebuild(olds)
        for key, old in olds.items():
            now = live.generations.get(key)
            if now is old:
                live.publish({key: None})
                self._app.published([key])
                text = f"{key} was stopped first, and its old text can't be built again: it is down"
            else:
                number = now.number if now else 0
                text = f"{key} was stopped first; its old text runs again, as generation {number}"
            record = self._app.records[key]
            record.error = record.error or error
            error.add_note(text)

    async def _rebuild(self, olds: Mapping[str, Generation]) -> None:
        live = self._app.live
        keys = (*olds, *live.importers(olds))
        batch = self._batch.again([live.generations[key].source for key in keys])
        states = {key: self._handover.states.get(key) for key in olds}
        transaction = Transaction(
            self._app,
            batch,
            ending=self._ending,
            accounts=self._accounts,
            notify=self._notify,
            brought=states,
        )
        try:
            await transaction.run(time.perf_counter())
        except Exception as fault:  # noqa: BLE001  # the caller reports that the module is down
            key = next(iter(olds))
            record_failure(key, f"could not be built again: {reason_of(fault)}", fault)
        finally:
            batch.close()

    def _note_unwinding(self, faults: Mapping[str, list[Exception]]) -> None:
        for key, errors in faults.items():
            for error in errors:
                said = self._app.secrets.mask(f"{type(error).__name__}: {error}")
                self._app.records[key].leave(Unsettled(0, said))
                record_failure(
                    key,
                    f"a generation that did not go live did not unwind: {reason_of(error)}",
                    error,
                )

    def _note_failures(self) -> None:
        batch = self._batch
        for key, error in {**batch.failed, **batch.blocked}.items():
            record = self._app.records[key]
            self._hide_secrets([error])
            known = same_fault(record.error, error)  # a watched file is tried at every save
            record.error = error
            if batch.generations[key].loaded:
                record.requires = batch.generations[key].spec.required_ids
            record.state = "BLOCKED" if key in batch.blocked else "FAILED"
            if isinstance(error, DisabledError):
                record.state = "DISABLED"
            self._app.numbers.changed(key, record.state.lower())
            if not known:
                self._log_refusal(key, error)

    def _hide_secrets(self, errors: Iterable[BaseException]) -> None:
        """Take the secrets out of errors of modframe's own; a module's exceptions stay theirs."""
        for error in errors:
            if isinstance(error, ModframeError):
                error.hide(self._app.secrets.mask)

    def _log_refusal(self, key: str, error: BaseException) -> None:
        line = refusal(self._app.live.generations.get(key), error)
        if key in self._batch.blocked or isinstance(error, DisabledError):
            log_event(key, line, level=logging.WARNING)
            return
        finding = error.findings[0] if isinstance(error, LoadError) else None
        record_failure(
            key,
            line,
            error.__cause__ or error,
            code=finding.rule if finding is not None else "",
            place=finding.place if finding is not None else "",
        )

    # -- publish --------------------------------------------------------------------------

    def _publish(self, built: Mapping[str, Generation]) -> Mapping[str, Generation]:
        for key, generation in built.items():
            record = self._app.records[key]
            record.number = generation.number
            record.error, record.state = None, "LIVE"
            if record.overrides:
                generation.expose_services(record.replacements)
        replaced = self._app.live.publish(built)
        self._batch.open = False
        self._app.published(built)
        return replaced

    def _outcomes(
        self, built: Mapping[str, Generation], replaced: Mapping[str, Generation], seconds: float
    ) -> dict[str, Outcome]:
        handed = {key: state.names for key, state in self._handover.states.items()}
        accounts = self._accounts.of(built, replaced, handed=handed)
        return {
            key: self._outcome(generation, replaced.get(key), seconds, accounts[key])
            for key, generation in built.items()
        }

    def _outcome(
        self,
        generation: Generation,
        old: Generation | None,
        seconds: float,
        account: PendingAccount,
    ) -> Outcome:
        key = generation.module_id
        listing = [part for part in self._app.parts.defining("outline") if part.noun == "route"]
        notes: list[str] = []
        if old is not None:
            notes += handover_notes(old, generation, self._handover.states.get(key))
            notes += self._app.parts.remarks(old, generation)
        if broken := self._batch.broken.get(key):
            notes.append(f"forced: breaks {some(broken)}")
        return Outcome(
            key,
            "live",
            old.number if old else 0,
            generation.number,
            seconds,
            sum(len(part.outline(generation) or ()) for part in listing),
            tuple(generation.findings),
            tuple(notes),
            self._passed.get(key),
            self._label,
            account,
            deaths=generation.deaths,
        )

    # -- after publish --------------------------------------------------------------------

    async def _succeed(
        self,
        graph: Graph,
        built: Mapping[str, Generation],
        replaced: Mapping[str, Generation],
    ) -> None:
        """Retire what was replaced, activate what was built, and drain the old in the background.

        Raises:
            LoadError: If something could not be activated; it is live all the same.
        """
        generations = (*built.values(), *replaced.values())
        parts = self._app.parts.defining("activate")
        if any(part.activates(generation) for part in parts for generation in generations):
            # After publish this runs to its end, even if the caller is cancelled.
            work = self._activate(graph, built.values(), replaced.values())
            await asyncio.shield(self._ending.in_background(work, context=copy_context()))
        else:
            await self._retire(replaced.values())

    async def _retire(self, replaced: Iterable[Generation]) -> None:
        for old in replaced:
            await self._ending.retire(old)
            if old.stage != "closed":
                self._ending.drain_in_background(old)

    async def _activate(
        self, graph: Graph, built: Iterable[Generation], replaced: Iterable[Generation]
    ) -> None:
        await self._retire(replaced)
        failed: dict[str, ModframeError] = {}

        async def activate(generation: Generation) -> None:
            key = generation.module_id
            for part in self._app.parts.defining("activate"):
                if not part.activates(generation):
                    continue
                generation.begin("activate()", self._app.limits.phase)
                try:
                    await run_with_timeout(
                        lambda part=part: part.activate(generation),  # type: ignore[misc]
                        self._app.limits.phase,
                        what="activate()",
                    )
                except Exception as error:  # noqa: BLE001  # a fault of the module's, reported with it
                    failure = as_load_error(
                        generation.source,
                        "activate",
                        error,
                        running=Step(generation.find_hook("activate")),
                    )
                    failure.hide(self._app.secrets.mask)
                    failure.add_note(
                        f"Generation {generation.number} is live all the same, without what "
                        "activate() was to start."
                    )
                    failed[key] = self._app.records[key].error = failure
                    generation.activation_failed = True
                    record_failure(
                        key,
                        reason_of(failure),
                        error,
                        generation=generation.number,
                        code=failure.findings[0].rule,
                        place=failure.findings[0].place,
                    )

        await self._batch.in_order(graph, built, activate)
        for generation in built:
            generation.begin("")
        if failed and not self._batch.keep_going:
            raise next(iter(failed.values()))
