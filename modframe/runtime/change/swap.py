"""`Swap`: queues the changes of one app and runs them, those of one module one after the other.

A change is a `Transaction`, which builds a `Batch` of generations beside Live and publishes it by
one assignment. Called by the verbs of the app, by the drafts and by the watch, on the app loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Container,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import closing
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from ...errors import ModframeError, NotRunningError
from ...source import Source, linecache_texts
from ..app import App
from ..generation import Generation
from .account import Accounts
from .batch import Batch
from .claims import Claim, Claims, GroundMovedError
from .ending import Ending
from .log_outcome import log_outcome
from .make_plan import discard_plan, make_plan
from .outcome import Outcome
from .plan import Plan
from .remains import Remains
from .transaction import Transaction, Trial

T = TypeVar("T")


class Swap:
    """The changes of one app.

    Args:
        app: The app.
        ending: Ends the generations that changes replace.

    Attributes:
        live: What runs. ``records``: what is known of each module beside it.
        remains: What is left of closed generations.
        listeners: Called on the app loop with each source that went live, or whose text files
            alone changed, and what came of it.
    """

    def __init__(self, app: App, ending: Ending) -> None:
        self.live, self.records = app.live, app.records
        self.listeners: list[Callable[[Source, Outcome], None]] = []
        self._app = app
        self._ending = ending
        accounts = Accounts(app.live, app.records, app.parts)
        self.remains = Remains(app, busy=lambda: bool(self._changes))
        self.remains.looked.append(accounts.looked)
        self._ending.closed += (accounts.closed, self.remains.add)
        self._transaction = partial(
            Transaction, app, ending=ending, accounts=accounts, notify=self._notify
        )
        self._loader = app.app_loop.threads
        self._claims = Claims()
        self._changes: set[asyncio.Task[Any]] = set()
        self._stop_task: asyncio.Task[list[Outcome]] | None = None

    # -- change ---------------------------------------------------------------------------

    async def change(
        self,
        sources: Sequence[Source],
        *,
        anew: bool = False,
        force: bool = False,
        keep_going: bool = False,
        outer_names: Container[str] = (),
        trial: Trial | None = None,
        label: str = "",
    ) -> list[Outcome]:
        """Make sources live: all of them or none, or with ``keep_going`` all that can be.

        If newer sources of all these modules were asked for while this call waited for its turn,
        nothing is done, and the outcomes are ``superseded``.

        Args:
            sources: The sources.
            anew: Whether a source that is live already is loaded again.
            force: Whether the change may take away what live modules use of a service.
            keep_going: Whether a module goes live although another one of the change fails.
            outer_names: Names of the notebook, which module code does not see.
            trial: What each generation has to pass before it goes live.
            label: Why the change is made, such as ``rollback to 3``; its outcomes say so.

        Raises:
            ModframeError: The first failure, causes before consequences; nothing has changed.
        """
        began = time.perf_counter()
        for source in sources:
            self.records[source.module_id].newest = source

        async def attempt(claim: Claim) -> list[Outcome]:
            if self._superseded(sources):
                for source in sources:
                    self._app.numbers.changed(source.module_id, "superseded")
                return [Outcome(source.module_id, "superseded") for source in sources]
            outcomes = {} if anew else self._unchanged(sources, label)
            fresh = [source for source in sources if source.module_id not in outcomes]
            batch = self._batch(
                fresh, claim, self._next_number,
                outer_names=outer_names, force=force, keep_going=keep_going,
            )  # fmt: skip
            try:
                outcomes |= await self._transaction(batch, trial=trial, label=label).run(began)
            finally:
                batch.close()
            asked = [source.module_id for source in sources]
            return [outcomes[key] for key in dict.fromkeys([*asked, *outcomes]) if key in outcomes]

        return await self._counted(lambda: self._claimed(sources, attempt))

    async def rebuild(self, generation: Generation, *, label: str) -> None:
        """Build a live module anew from the text that is live when its turn comes.

        No text that waits for its turn is superseded by it.

        Raises:
            ModframeError: If it fails; nothing has changed.
        """
        began, key = time.perf_counter(), generation.module_id

        async def attempt(claim: Claim) -> None:
            if (live := self.live.generations.get(key)) is not None:
                with closing(self._batch([live.source], claim, self._next_number)) as batch:
                    await self._transaction(batch, label=label).run(began)

        await self._counted(lambda: self._claimed([generation.source], attempt))

    def _notify(self, source: Source, outcome: Outcome) -> None:
        log_outcome(self._app.app_loop, source, outcome)
        for listener in self.listeners:
            listener(source, outcome)

    async def plan(
        self,
        sources: Sequence[Source],
        *,
        anew: bool = False,
        force: bool = False,
        outer_names: Container[str] = (),
    ) -> Plan:
        """Return what `change` would do; the sources are loaded for it and discarded again.

        Raises:
            NotRunningError: If the app is being stopped.
        """

        async def attempt(claim: Claim) -> Plan:
            fresh = [source for source in sources if anew or not self._is_live(source)]
            batch = self._batch(
                fresh, claim, self._number_to_come, outer_names=outer_names, force=force
            )
            with closing(batch):
                try:
                    asked = [source.module_id for source in sources]
                    return await make_plan(batch, self.live, self._app.parts, asked=asked)
                finally:
                    await asyncio.shield(self._ending.in_background(discard_plan(batch)))

        files = [file for source in sources for file in source.files.values()]
        with linecache_texts.preserved(files):
            return await self._counted(lambda: self._claimed(sources, attempt))

    def _batch(
        self,
        sources: Sequence[Source],
        claim: Claim,
        numbers: Callable[[str], int],
        **options: Any,
    ) -> Batch:
        return Batch(
            self._app,
            self._with_importers(sources, claim),
            numbers,
            loader=self._loader,
            claim=partial(self._claims.extend, claim),
            **options,
        )

    async def _claimed(
        self, sources: Sequence[Source], attempt: Callable[[Claim], Awaitable[T]]
    ) -> T:
        """Run an attempt once no other change holds these modules or those that import from them.

        If another change moved the ground meanwhile, claim more modules and attempt it again.
        """
        asked = [source.module_id for source in sources]
        claimed: set[str] = set()
        while True:
            claimed |= {*asked, *self.live.importers(asked)}
            claim = await self._claims.take(claimed)
            try:
                return await attempt(claim)
            except GroundMovedError as moved:
                claimed |= moved.module_ids
            finally:
                self._claims.release(claim)

    async def _counted(self, change: Callable[[], Awaitable[T]]) -> T:
        """Run a change, with the current task among those that `stop` cancels.

        Raises:
            NotRunningError: If the app is being stopped.
        """
        task = asyncio.current_task()
        if self._ending.stopping or task is None:
            raise _too_late()
        self._changes.add(task)
        try:
            return await change()
        except asyncio.CancelledError:
            if self._ending.stopping:
                raise _too_late() from None
            raise
        finally:
            self._changes.discard(task)

    def _with_importers(self, sources: Sequence[Source], claim: Claim) -> list[Source]:
        """Return the sources plus those of the live modules that import from them.

        Modules that import from a changed one are rebuilt with it, so that both see the same
        classes in an ``except`` or an ``isinstance``.

        Raises:
            GroundMovedError: If a module came to import from these while the claim was waited for.
        """
        asked = [source.module_id for source in sources]
        importers = self.live.importers(asked)
        if unclaimed := {*asked, *importers} - claim.module_ids:
            raise GroundMovedError(unclaimed)
        return [*sources, *(self.live.generations[key].source for key in importers)]

    def _superseded(self, sources: Sequence[Source]) -> bool:
        """Return whether a newer source of every module was asked for."""
        for source in sources:
            newest = self.records[source.module_id].newest
            if newest is None or newest is source or newest.digest == source.digest:
                return False
        return bool(sources)

    def _next_number(self, module_id: str) -> int:
        return self.records[module_id].number + 1

    def _number_to_come(self, module_id: str) -> int:
        """Return the same as `_next_number` without making a record."""
        record = self.records.get(module_id)
        return record.number + 1 if record else 1

    def _unchanged(self, sources: Iterable[Source], label: str) -> dict[str, Outcome]:
        outcomes = {}
        for source in filter(self._is_live, sources):
            key = source.module_id
            generation = self.live.generations[key]
            number = generation.number
            self.records[key].error = None
            changed = generation.changed_texts(source)
            self._app.numbers.changed(key, "unchanged")
            outcomes[key] = Outcome(
                key,
                "unchanged",
                number,
                number,
                label=label,
                changed_texts=changed,
                deaths=generation.deaths,
            )
            if changed:
                generation.source = replace(
                    generation.source, origin=source.origin, text_files=source.text_files
                )
                self._notify(source, outcomes[key])
        return outcomes

    def _is_live(self, source: Source) -> bool:
        """Return whether a source is live, and was activated without an error."""
        live = self.live.generations.get(source.module_id)
        return (
            live is not None and live.source.digest == source.digest and not live.activation_failed
        )

    async def settled(self) -> None:
        """Wait until every replaced generation was closed."""
        await self._ending.settled()

    # -- stop -----------------------------------------------------------------------------

    async def unload(self, module_ids: Iterable[str]) -> list[Outcome]:
        """Stop modules, dependents first; each leaves Live when its turn comes.

        If the caller is cancelled, the unload continues in the background.

        Raises:
            ModframeError: If a module that stays live requires one of them.
        """
        return await self._counted(lambda: self._unload(list(module_ids)))

    async def _unload(self, asked: Sequence[str]) -> list[Outcome]:
        claim = await self._claims.take(asked)
        work = self._unload_claimed(claim, asked)
        return await asyncio.shield(self._ending.in_background(work, context=copy_context()))

    async def _unload_claimed(self, claim: Claim, asked: Sequence[str]) -> list[Outcome]:
        try:
            live = self.live.generations
            generations = {key: live[key] for key in asked if key in live}
            self._refuse_while_required(generations)
            seconds = await self._ending.stop_in_order(generations)
            return self._stopped(generations, seconds)
        finally:
            self._claims.release(claim)

    def _refuse_while_required(self, module_ids: Collection[str]) -> None:
        for key in module_ids:
            for dependent in self.live.dependents(key):
                if dependent not in module_ids:
                    raise ModframeError(
                        f"{key} can't be unloaded: {dependent} requires it",
                        cure=f"unload {dependent} first, or both together",
                    )

    async def stop(self) -> list[Outcome]:
        """Stop everything in reverse order of the start; called again, wait for the same stop.

        Changes under way are cancelled and unwound first, and no new ones begin.
        """
        if self._stop_task is None:
            self._ending.stopping = True
            self._stop_task = self._app.app_loop.spawn(self._stop_all(), context=copy_context())
        return await asyncio.shield(self._stop_task)

    async def _stop_all(self) -> list[Outcome]:
        for task in self._changes:
            task.cancel()
        if self._changes:
            await asyncio.wait(set(self._changes))
        # An unload that goes on in the background holds its claim until it has ended.
        async with self._claims.hold(self.live.generations):
            generations = self.live.generations
            seconds = await self._ending.stop_in_order(generations)
        await self.settled()
        outcomes = self._stopped(generations, seconds)
        del generations  # their finalizers run where the remains are let go of
        await self.remains.close()
        return outcomes

    def _stopped(
        self, generations: Mapping[str, Generation], seconds: Mapping[str, float]
    ) -> list[Outcome]:
        outcomes = {
            key: Outcome(key, "stopped", generation.number, 0, seconds[key])
            for key, generation in generations.items()
        }
        for key in seconds:  # in the order in which they stopped
            log_outcome(self._app.app_loop, generations[key].source, outcomes[key])
        return list(outcomes.values())


def _too_late() -> NotRunningError:
    return NotRunningError(
        "modframe is being stopped, and changes no modules any more",
        cure="call modframe.start() once it has stopped",
    )
