"""`Handover`: lets new generations take over from the old ones while calls wait at the gates.

A transaction makes one for each change. It closes the gates of the generations that hand something
over, waits until no call is inside, and passes their state on. A generation that can't run beside
its successor is stopped first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import copy_context
from typing import TypeVar

from ...errors import ModframeError
from ..app import App
from ..failure import as_load_error
from ..gate import Gate, admitted
from ..generation import Generation
from ..stragglers import tasks_inside, work_inside, work_of
from .batch import Batch
from .ending import Ending
from .state import HandedState, apply_state, collect_state, hands_over

T = TypeVar("T")
Pair = tuple[Generation, Generation]
"""The live generation of a module and the one that is to replace it."""


class Handover:
    """The hand-over of one change. Failures are noted in the batch, module by module.

    Args:
        app: The app.
        batch: The new generations.
        ending: Stops generations before their successors start.
        brought: Module id → the state of a generation that was stopped first and is now built
            again, because its successor failed. Nothing else is handed over then.

    Attributes:
        states: Module id → what was handed over.
        stopped: The modules that were stopped before their successors started, with their state.
    """

    def __init__(
        self,
        app: App,
        batch: Batch,
        ending: Ending,
        *,
        brought: Mapping[str, HandedState | None] | None = None,
    ) -> None:
        self._app = app
        self._batch = batch
        self._ending = ending
        self._timeout = app.limits.handover
        self._gated: list[Generation] = []
        self._stop_task: asyncio.Task[None] | None = None
        self.is_rebuild = brought is not None
        self.states: dict[str, HandedState] = {}
        self.stopped: dict[str, HandedState | None] = dict(brought or {})

    def to_stop_first(self) -> list[Pair]:
        """Return the pairs of which one owns something that two generations can't have at once."""
        if self.is_rebuild:
            return []
        return [pair for pair in self._pairs() if _stops_first(*pair)]

    async def stop_first(self, pairs: Sequence[Pair]) -> None:
        """Stop the generations that can't run beside their successors; calls wait meanwhile."""
        self._batch.refuse_moved_ground()
        await self._close_gates(pairs)
        _hold_consumers(pairs)
        with self._admitted():
            states = {old.module_id: await self._collect(old, new) for old, new in pairs}
            self._batch.refuse()
            self.stopped = states
            for old, _ in pairs:
                _admit_jobs(old)
            stop = self._ending.stop_for_successors({old.module_id: old for old, _ in pairs})
            self._stop_task = self._ending.in_background(stop, context=copy_context())
            await asyncio.shield(self._stop_task)

    def to_hand_over(self) -> list[Pair]:
        """Return the pairs that run side by side, of which the old one has state to pass on."""
        return [
            (old, new)
            for old, new in self._pairs()
            if old.module_id not in self.stopped and hands_over(old, new)
        ]

    async def run(self, pairs: Sequence[Pair]) -> None:
        """Pass the state of the old generations to the new ones; calls wait meanwhile.

        Generations that were stopped first have left theirs behind, and are in no pair.
        """
        if pairs:
            await self._close_gates(pairs)
            _hold_consumers(pairs)
        with self._admitted():
            for key, state in self.stopped.items():
                if state is not None and key in self._batch.going:
                    await self._apply(state, self._batch.generations[key])
            for old, new in pairs:
                state = await self._collect(old, new)
                if state is not None:
                    await self._apply(state, new)

    async def stopped_completely(self) -> None:
        """Wait for the end of a stop that was begun, even if the change was interrupted."""
        if self._stop_task is not None:
            await asyncio.wait({self._stop_task})

    def open_gates(self) -> None:
        """Let calls pass again, and the consumers of generations that stay go on."""
        for old in self._gated:
            if old.hold is not None:
                old.hold.open()
            gate, old.gate = old.gate, None
            if gate is not None:
                gate.open()

    # -- steps ----------------------------------------------------------------------------

    def _pairs(self) -> list[Pair]:
        """Return the pairs of all modules that have not failed so far."""
        live = self._app.live.generations
        return [(live[key], new) for key, new in self._batch.going.items() if key in live]

    async def _close_gates(self, pairs: Sequence[Pair]) -> None:
        """Let new calls wait, and wait until those inside have left."""
        olds = [old for old, _ in pairs]
        self._gated += olds
        for old in olds:
            new = self._batch.generations[old.module_id]
            new.begin(f"the end of calls inside generation {old.number}", self._timeout)
        busy = await _close_gates(olds, self._app.live.closed_gates, timeout=self._timeout)
        if busy is not None:
            new = self._batch.generations[busy.module_id]
            error = _still_inside(busy, timeout=self._timeout)
            self._batch.failed[new.module_id] = as_load_error(new.source, "handover", error)
        self._batch.refuse()

    def _admitted(self) -> AbstractContextManager[None]:
        """Let the hooks of the hand-over call services past the closed gates."""
        return admitted([old.gate for old in self._gated if old.gate is not None])

    async def _collect(self, old: Generation, new: Generation) -> HandedState | None:
        if not hands_over(old, new):
            return None
        state = await self._attempt(new, collect_state(old, new.spec, timeout=self._timeout))
        if state is not None:
            self.states[new.module_id] = state
        return state

    async def _apply(self, state: HandedState, new: Generation) -> None:
        await self._attempt(new, apply_state(state, new, timeout=self._timeout))

    async def _attempt(self, new: Generation, step: Awaitable[T]) -> T | None:
        try:
            return await step
        except Exception as error:  # noqa: BLE001  # a fault of the module's, reported with it
            self._batch.failed[new.module_id] = as_load_error(new.source, "handover", error)
            return None


def _hold_consumers(pairs: Iterable[Pair]) -> None:
    """Keep the tasks that ``activate`` started where they are, from the copy of the state on."""
    for old, new in pairs:
        if old.hold is not None and hands_over(old, new):
            old.hold.close()


def _stops_first(old: Generation, new: Generation) -> bool:
    """Return whether either one owns something that two generations can't have at once."""
    return "stop_first" in (old.spec.swap, new.spec.swap)


async def _close_gates(
    olds: Collection[Generation], closed: set[Gate], *, timeout: float
) -> Generation | None:
    """Close the gates of generations, and wait until no call is inside any of them.

    All gates close before any wait begins, since work inside one generation may call another.
    ``closed`` holds the app's closed gates; the new ones are added.

    Returns:
        A generation with calls still inside after ``timeout`` seconds; ``None`` if there is none.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    for old in olds:
        old.gate = Gate(work_inside(old), closed)
        for work in old.gate.admits:
            work.give_way()
    while busy := [old for old in olds if old.in_flight]:
        seconds_left = deadline - loop.time()
        if not await busy[0].drain(seconds_left, hurry=asyncio.Event(), calls_only=True):
            return busy[0]
    for old in olds:
        if old.gate is not None:
            old.gate.admits.clear()  # that work has left; whatever comes now is from outside
    return None


def _still_inside(old: Generation, *, timeout: float) -> ModframeError:
    names = ", ".join(sorted(tasks_inside(old).values())) or f"{old.in_flight} calls"
    return ModframeError(
        f"hand-over: calls are still inside generation {old.number} after {timeout:g} s: {names}",
        cure="let them end and load it again, or raise MODFRAME_HANDOVER_TIMEOUT",
    )


def _admit_jobs(old: Generation) -> None:
    """Let the tasks that calls left behind pass the gate, since the stop waits for them."""
    if old.gate is not None:
        old.gate.admits |= work_of(old.jobs)
