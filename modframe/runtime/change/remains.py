"""`Remains`: lets go of closed generations on a thread of its own, and names what outlives them.

`Ending` gives it each generation that was closed. A while after the last change it lets go of them
there and collects the garbage: so finalizers run on that thread, and one that blocks holds up
nothing else. A collection stops all threads while it lasts. So it waits until no change runs, and
takes a small share of the time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from ...observe import log_event
from ...wording import some
from ...worker import Worker
from ..app import App
from ..garbage.finalizers import Finalizer, finalizer_on
from ..generation import Generation
from ..loop.bounds import GRACE
from ..loop.breaking import BrokenOutError, raise_in, take_back
from ..record import Unsettled
from .remnant import Look, Remnant

_log = logging.getLogger("modframe.swap")
QUIET = 2.0
"""Seconds without a change before closed generations are collected."""
_SHARE = 50
"""How many times as long as a collection took the next one waits."""
_STUCK = 3.0
"""Seconds after which a finalizer is taken to block."""
_MOST = 8
"""Closed generations that are kept for the next collection; older ones are let go of before."""
_PAUSE = 0.02
_PAUSES = 100
_BLOCKS = (
    "blocks",
    (
        ": Python's garbage collector stands still until this process is restarted; close what it "
        "waits for when the module stops"
    ),
)
_BROKEN_OUT = (
    "took too long and was broken out of",
    "; release what takes long when the module stops",
)


class Remains:
    """What is left of the closed generations of one app.

    Args:
        app: The app.
        busy: Returns whether a change runs.

    Attributes:
        looked: Called on the app loop with the id and number of a generation once it is known what
            outlives it; the module's record has that then.
    """

    def __init__(self, app: App, *, busy: Callable[[], bool]) -> None:
        self.looked: list[Callable[[str, int], None]] = []
        self._app = app
        self._busy = busy
        self._worker = Worker("modframe-collect")
        self._held: list[Generation] = []
        self._dropped: deque[Remnant] = deque()
        self._suspects: list[Remnant] = []
        self._look: Look | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._quiet_from = self._not_before = 0.0
        self._gave_up = False
        self._looked = asyncio.Event()

    # -- when -----------------------------------------------------------------------------

    def add(self, generation: Generation) -> None:
        """Take over a generation that was closed; on the app loop."""
        self._quiet_from = time.perf_counter() + QUIET
        self._held.append(generation)
        if len(self._held) > _MOST or self._gave_up:
            self._worker.submit(partial(self._drop, [self._held.pop(0)]))
        if self._timer is None and not self._gave_up:
            self._schedule(QUIET)

    def _schedule(self, seconds: float) -> None:
        """Take the next turn then, and none before."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._app.app_loop.loop.call_later(seconds, self._turn)

    def _turn(self) -> None:
        """Look now, or wait for a better time."""
        self._timer = None
        if self._look is not None:
            self._check(self._look)
            return
        wait = max(self._quiet_from, self._not_before) - time.perf_counter()
        if self._busy():
            wait = QUIET
        if wait > 0:
            self._schedule(wait)
        else:
            self._begin()

    def _begin(self) -> None:
        self._looked.clear()
        look = self._look = Look([*self._suspects, *self._dropped])
        self._suspects = []
        self._dropped.clear()
        held, self._held = self._held, []
        self._worker.submit(partial(self._run, look, held))
        self._schedule(_STUCK)

    async def look(self) -> None:
        """Look now, and again, so that it is known what outlives all that was closed so far."""
        for _ in range(2):
            if self._gave_up:
                return
            if self._look is None:
                self._begin()
            await self._looked.wait()

    async def close(self) -> None:
        """Let go of what is held, and look no more; waits a moment for finalizers."""
        if self._timer is not None:
            self._timer.cancel()
        held, self._held = self._held, []
        self._worker.submit(partial(self._drop, held))
        self._worker.close()
        for _ in range(_PAUSES):
            if not self._worker.alive:
                break
            await asyncio.sleep(_PAUSE)

    # -- on the thread --------------------------------------------------------------------

    def _drop(self, generations: list[Generation]) -> None:
        self._dropped.extend(map(Remnant.of, generations))
        generations.clear()

    def _run(self, look: Look, generations: list[Generation]) -> None:
        try:
            look.run(generations, pause=self._pause)
        except BrokenOutError:
            pass  # it came just after the finalizer that was to be broken out of
        finally:
            with suppress(RuntimeError):  # the loop has ended
                self._app.app_loop.loop.call_soon_threadsafe(self._finish, look)

    def _pause(self) -> None:
        """Let others run; while a change does, for longer."""
        for _ in range(_PAUSES):
            time.sleep(_PAUSE)
            if not self._busy():
                break

    # -- what was found -------------------------------------------------------------------

    def _finish(self, look: Look) -> None:
        if self._look is not look:  # it was given up; its finalizer took long, and has ended
            _log.info("a finalizer has ended; Python's garbage collector goes on")
            self._gave_up = False
            return
        self._look = None
        self._looked.set()
        self._not_before = time.perf_counter() + _SHARE * look.took
        self._suspects += look.again
        if look.interrupted is not None:
            self._blame(look, look.interrupted, _BROKEN_OUT)
        for remnant, unsettled in look.found:
            self._note(remnant, unsettled)
        for remnant in look.remnants:
            if remnant not in look.again:
                self._tell(remnant)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._held or self._suspects:
            self._schedule(QUIET)

    def _note(self, remnant: Remnant, unsettled: Unsettled) -> None:
        self._app.records[remnant.module_id].leave(unsettled)
        level = logging.INFO if unsettled.persons else logging.ERROR
        log_event(remnant.module_id, str(unsettled), level=level)

    def _tell(self, remnant: Remnant) -> None:
        for notify in self.looked:
            notify(remnant.module_id, remnant.number)

    def _check(self, look: Look) -> None:
        """Break a look out of a finalizer, or give it up; a large heap only takes long."""
        thread_id = self._worker.thread_id
        finalizer = finalizer_on(thread_id, dropping=_DROPPING)
        if finalizer is None:
            self._schedule(_STUCK)
        elif finalizer.running is not None and look.interrupted is None:
            look.interrupted = finalizer
            raise_in(thread_id, finalizer.running)
            if finalizer_on(thread_id, dropping=_DROPPING) is None:
                take_back(thread_id)  # it has ended meanwhile
            self._schedule(GRACE)
        else:
            self._give_up(look, finalizer)

    def _give_up(self, look: Look, finalizer: Finalizer) -> None:
        self._gave_up, self._look = True, None
        self._looked.set()
        self._worker.close()  # its thread ends if the finalizer does
        self._worker = Worker("modframe-collect")
        self._blame(look, finalizer, _BLOCKS)
        for remnant in look.remnants:
            self._tell(remnant)

    def _blame(self, look: Look, finalizer: Finalizer, what: tuple[str, str]) -> None:
        """Note what a finalizer did, at the generation whose it is or may be."""
        verb, rest = what
        whose = [one for one in look.remnants if one.package == finalizer.package]
        for remnant in whose or look.remnants:
            others = {one.module_id for one in whose or look.remnants if one is not remnant}
            perhaps = f", if it is not one of {some(sorted(others))}" if others else ""
            text = f"a finalizer of it{perhaps} {verb}, {finalizer}{rest}"
            self._note(remnant, Unsettled(remnant.number, text))
        if not look.remnants:
            _log.error("a finalizer %s, %s%s", verb, finalizer, rest)


_DROPPING = frozenset({Look.run.__code__, Remains._drop.__code__})
"""Where the thread lets go of things: other code that these run is a finalizer."""
