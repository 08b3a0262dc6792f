"""What the watchdog costs an app loop that is busy, and one that rests; as ratios in one run.

Run `python benchmarks/watchdog.py`. The same work runs with and without it, in turns, in one
process: calls through a handle, as fast as the loop takes them. The figure is the median of the
rounds. For a loop that rests, it is the processor time of the whole process.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

import modframe
from modframe.app import AppContext
from modframe.observe import Watchdog

ROUNDS = 21
SECONDS = 0.5
"""How long one turn takes; several looks of the watchdog fall into it."""
TEXT = """
from modframe.decorators import module

@module
class Thing:
    async def get(self, number):
        return number
"""


async def calls(handle: Any) -> float:
    """Return how many calls the loop does in a second."""
    number, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < SECONDS:
        for _ in range(100):
            await handle.get(number)
            number += 1
        await asyncio.sleep(0)
    return number / took


def at_rest(seconds: float) -> float:
    """Return the share of the time that the process works, while nothing happens."""
    began, worked = time.perf_counter(), time.process_time()
    time.sleep(seconds)
    return (time.process_time() - worked) / (time.perf_counter() - began)


def watchdog_of(app: AppContext) -> Watchdog:
    """Return a new watchdog as the app has one."""
    loop = app._app_loop
    directory = app._engine.directory
    return Watchdog(
        loop.loop,
        loop.thread_id,
        name=directory.name_code,
        break_out=lambda seconds: None,
        tick=app._engine.numbers.tick,
    )


def main() -> None:
    """Measure both, and print the ratios."""
    with modframe.start(data=":memory:", modules=[]) as app:
        app._engine.watchdog.stop()
        app.load({"api.py": TEXT}, id="thing")
        handle = app.get_service("thing")
        app.run(calls(handle))
        ratios = []
        for _ in range(ROUNDS):
            without = app.run(calls(handle))
            watchdog = watchdog_of(app)
            watchdog.start()
            ratios.append(without / app.run(calls(handle)))
            watchdog.stop()
        print(f"a busy loop takes {100 * (statistics.median(ratios) - 1):+.2f} % longer")
        idle = at_rest(3)
        watchdog = watchdog_of(app)
        watchdog.start()
        print(f"a resting process works {100 * (at_rest(3) - idle):.2f} % of the time for it")
        watchdog.stop()


if __name__ == "__main__":
    main()
