"""`Swap`: carries out changes. Build a batch beside Live, publish it by one assignment, let the
replaced generations drain, close them. Whatever fails before publish leaves Live untouched.
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
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import closing, contextmanager
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from ...errors import ModframeError, NotRunningError
from ...source import Source, linecache_texts
from ..generation import Generation
from ..live import Live
from ..loader_threads import LoaderThreads
from ..loop import AppLoop
from ..part import Part
from ..record import Records
from .account import Accounts
from .batch import Batch
from .claims import Claim, Claims, GroundMovedError
from .ending import Ending
from .make_plan import discard_plan, make_plan
from .outcome import Limits, Outcome
from .plan import Plan
from .transaction import Transaction, Trial

T = TypeVar("T")


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

    Attributes:
        ending: How generations end.
        accounts: What each swap did.
        listeners: Those told of each source that went live, and what came of it.
    """

    def __init__(
        self,
        app_loop: AppLoop,
        parts: tuple[Part, ...],
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
        self.limits = limits
        self.live = Live()
        self.records = Records(self.live)
        self.supply = supply
        self.published = published
        self.ending = Ending(
            app_loop,
            parts,
            live=self.live,
            records=self.records,
            hurry=hurry,
            limits=limits,
            published=published,
        )
        self.loader = LoaderThreads()
        self.accounts = Accounts(self.live, self.records, parts)
        self.ending.closed.append(self.accounts.closed)
        self.listeners: list[Callable[[Source, Outcome], None]] = []
        self._claims = Claims()
        self._changes: set[asyncio.Task[Any]] = set()
        self._stopping: asyncio.Task[list[Outcome]] | None = None

    @property
    def stopping(self) -> bool:
        """Whether everything is about to end, or has."""
        return self._stopping is not None

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        """What runs inside is a change, which `stop` ends."""
        task = asyncio.current_task()
        if self.stopping or task is None:
            raise _too_late()
        self._changes.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if self.stopping:
                raise _too_late() from None
            raise
        finally:
            self._changes.discard(task)

    def notify(self, source: Source, outcome: Outcome) -> None:
        """Tell the listeners of a source that went live."""
        for listener in self.listeners:
            listener(source, outcome)

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
    ) -> list[Outcome]:
        """Make sources live, all or none; with ``keep_going`` all that can be.

        Where newer texts of all of them were asked for before their turn came, they are
        superseded: nothing is done, and the outcomes say so.

        Args:
            sources: The texts.
            anew: Whether equal text is loaded anew.
            force: Whether what live modules use of a service may be taken away.
            keep_going: Whether those that can go live do, whatever the others do.
            outer_names: Names of the notebook, which module code does not see.
            trial: What each generation has to pass before it goes live.

        Raises:
            ModframeError: The first failure, causes before consequences; nothing has changed.
        """
        began = time.perf_counter()
        for one in sources:
            self.records[one.module_id].newest = one

        async def attempt(claim: Claim) -> list[Outcome]:
            if self._superseded(sources):
                return [Outcome(one.module_id, "superseded") for one in sources]
            outcomes = {} if anew else self._unchanged(sources)
            fresh = [one for one in sources if one.module_id not in outcomes]
            batch = Batch(
                self,
                self._with_importers(fresh, claim),
                self._next_number,
                claim=partial(self._claims.extend, claim),
                outer_names=outer_names,
                force=force,
            )
            with closing(batch):
                change = Transaction(self, batch, keep_going=keep_going, trial=trial)
                outcomes |= await change.run(began)
            given = [one.module_id for one in sources]
            return [outcomes[key] for key in dict.fromkeys([*given, *outcomes]) if key in outcomes]

        return await self._claimed(sources, attempt)

    async def plan(self, sources: Sequence[Source], *, outer_names: Container[str] = ()) -> Plan:
        """What `change` would do; the sources are loaded for it, and everything is discarded.

        Raises:
            NotRunningError: If the app is being stopped.
        """

        async def attempt(claim: Claim) -> Plan:
            fresh = [one for one in sources if not self._is_live(one)]
            batch = Batch(
                self,
                self._with_importers(fresh, claim),
                lambda key: self.records[key].number + 1 if key in self.records else 1,
                claim=partial(self._claims.extend, claim),
                outer_names=outer_names,
            )
            with closing(batch):
                try:
                    given = [one.module_id for one in sources]
                    return await make_plan(batch, self.live, self.parts, given=given)
                finally:
                    await asyncio.shield(self.ending.in_background(discard_plan(batch)))

        with linecache_texts.kept([file for one in sources for file in one.files.values()]):
            return await self._claimed(sources, attempt)

    async def _claimed(
        self, sources: Sequence[Source], attempt: Callable[[Claim], Awaitable[T]]
    ) -> T:
        """Attempt it as soon as these modules and their importers are nobody else's.

        It is attempted again, with more of them, where others have moved the ground meanwhile.
        """
        claimed: frozenset[str] = frozenset()
        with self._under_way():
            while True:
                claimed |= {*(one.module_id for one in sources), *self._importers(sources)}
                async with self._claims.hold(claimed) as claim:
                    try:
                        return await attempt(claim)
                    except GroundMovedError as moved:
                        claimed |= moved.module_ids

    def _with_importers(self, sources: Sequence[Source], claim: Claim) -> list[Source]:
        """These, and the texts of the live modules that are rebuilt with them.

        Raises:
            GroundMovedError: If others came to import from these while the claim was waited for.
        """
        importers = self._importers(sources)
        wanted = {*(one.module_id for one in sources), *importers}
        if unclaimed := wanted - claim.module_ids:
            raise GroundMovedError(unclaimed)
        return [*sources, *(self.live.generations[key].source for key in importers)]

    def _importers(self, sources: Iterable[Source]) -> list[str]:
        """Live modules that import from these, or from one that does: they are rebuilt as well.

        Both sides then see the same classes, in an ``except`` or an ``isinstance``.
        """
        return self.live.importers(one.module_id for one in sources)

    def _superseded(self, sources: Sequence[Source]) -> bool:
        """Whether newer texts of all of them wait for their turn."""
        newest = [self.records[one.module_id].newest for one in sources]
        return bool(sources) and all(
            newer is not None and newer.digest != one.digest
            for newer, one in zip(newest, sources, strict=True)
        )

    def _next_number(self, module_id: str) -> int:
        return self.records[module_id].number + 1

    def _unchanged(self, sources: Iterable[Source]) -> dict[str, Outcome]:
        same = {}
        for source in filter(self._is_live, sources):
            key = source.module_id
            number = self.live.generations[key].number
            self.records[key].error = None
            same[key] = Outcome(key, "unchanged", number, number)
        return same

    def _is_live(self, source: Source) -> bool:
        """Whether a text is what is live, and whole."""
        live = self.live.generations.get(source.module_id)
        return live is not None and live.source.digest == source.digest and live.whole

    async def settled(self) -> None:
        """Wait until every replaced generation was closed."""
        await self.ending.settled()

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
            task = self.ending.in_background(self._unload(claim, wanted), context=copy_context())
            return await asyncio.shield(task)

    async def _unload(self, claim: Claim, wanted: Sequence[str]) -> list[Outcome]:
        try:
            live = self.live.generations
            going = {key: live[key] for key in wanted if key in live}
            self._refuse_while_required(going)
            return _stopped(going, await self.ending.stop_in_order(going))
        finally:
            self._claims.release(claim)

    def _refuse_while_required(self, wanted: Collection[str]) -> None:
        for key in wanted:
            for other in self.live.dependents(key):
                if other not in wanted:
                    raise ModframeError(
                        f"{key} can't be unloaded: {other} requires it",
                        cure=f"unload {other} first, or both together",
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
            took = await self.ending.stop_in_order(live)
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
