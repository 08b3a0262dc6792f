"""`Overview`: the health of all modules at one moment: what their checks said, and other faults.

The engine makes one; ``app.health()`` and the pages below ``/health`` ask it, from any thread. It
reads what is known already: it runs no check, and never waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from ...errors import LoadError, reason_line
from ...observe import Stall, Watchdog
from ...runtime.generation import Generation
from ...runtime.live import Live
from ...runtime.record import Records
from ...wording import duration
from .health import Health, HealthReport
from .part import HealthPart

_LONG = 1.0
"""Seconds after which a stall that is over is worth mentioning."""
_RECENT = 60.0
"""Seconds for which it is mentioned."""
_NO_CHECK = Health(said="it has no health check")
_FAILED = ("FAILED", "BLOCKED", "FAILED_UNLOAD")


class Overview:
    """What is known of the health of one app's modules.

    Args:
        live: What runs. ``records``: what is known of each module beside it.
        watchdog: Knows what keeps the app loop.
        mask: Takes secrets out of what checks and errors say.
    """

    def __init__(
        self, live: Live, records: Records, watchdog: Watchdog, *, mask: Callable[[str], str]
    ) -> None:
        self._live, self._records, self._watchdog = live, records, watchdog
        self._mask = mask

    def report(self) -> HealthReport:
        """Return the health of each module that runs or should run."""
        states = self._records.readiness()
        return HealthReport(
            (key, self._masked(self._of(key, state))) for key, state in states.items()
        )

    def _masked(self, health: Health) -> Health:
        if health is _NO_CHECK or not health.detail:
            return health
        faults = tuple(map(self._mask, health.faults))
        return replace(health, said=self._mask(health.said), faults=faults)

    async def wait(self) -> None:
        """Wait until the check of each live module has said something; on the app loop."""
        for generation in list(self._live.generations.values()):
            if (check := HealthPart.of(generation)) is not None:
                await check.said.wait()

    def _of(self, module_id: str, state: str) -> Health:
        generation = self._live.generations.get(module_id)
        if generation is not None:
            check = HealthPart.of(generation)
            own = check.health if check is not None else _NO_CHECK
            faults = tuple(self._faults(generation))
            return replace(own, faults=faults) if faults else own
        error = self._records.error(module_id)
        why = f"{state}: {reason_line(error)}" if error is not None else state
        return Health(faults=(why,), down=True) if state in _FAILED else Health(said=why)

    def _faults(self, generation: Generation) -> Iterator[str]:
        """Yield what is wrong with a live module, beside what its check says."""
        key = generation.module_id
        for died in self._records.deaths(key):
            yield died.fact
        stall = self._watchdog.stall
        if stall is not None and stall.module_id == key:
            yield str(stall)
        last = self._watchdog.last
        if last is not None and last.module_id == key and _is_recent(last):
            ago = duration(max(0.0, time.time() - last.began - last.seconds))
            yield f"{last.place} kept the app loop for {last.seconds:.1f} s, {ago} ago"
        if generation.activation_failed:
            yield "it is live without what activate() was to start"
        record = self._records.get(key)
        error = record.error if record is not None else None
        if isinstance(error, LoadError) and error.step == "database":
            yield f"its newest text is in conflict with the database: {reason_line(error)}"


def _is_recent(stall: Stall) -> bool:
    return stall.seconds >= _LONG and time.time() - (stall.began + stall.seconds) < _RECENT
