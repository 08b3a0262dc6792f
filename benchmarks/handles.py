"""What a handle costs: lookup, a call on the app loop, a call from another thread; as ratios.

Run `python benchmarks/handles.py`. What is compared runs interleaved in one process; the figure is
the median of the rounds.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from typing import Any

import modframe
from modframe.app import AppContext
from modframe.observe import span

ROUNDS = 9
TEXT = """
from modframe.decorators import module

@module
class Thing:
    async def get(self, number):
        return number
"""


def timed(function: Callable[[int], Any], times: int) -> float:
    """Seconds for one of ``times`` repetitions."""
    began = time.perf_counter()
    function(times)
    return (time.perf_counter() - began) / times


async def timed_async(method: Any, times: int) -> float:
    """Seconds for one awaited call of ``times``."""
    began = time.perf_counter()
    for number in range(times):
        await method(number)
    return (time.perf_counter() - began) / times


def lookup(app: AppContext) -> float:
    """Seconds for a warm ``app.get_service``."""

    def look(times: int) -> None:
        get = app.get_service
        for _ in range(times):
            get("thing")

    return min(timed(look, 20_000) for _ in range(ROUNDS))


async def on_the_loop(handle: Any, instance: Any) -> tuple[float, float]:
    """Seconds for a direct await, and for the same through a handle."""
    rounds = [
        (await timed_async(instance.get, 20_000), await timed_async(handle.get, 20_000))
        for _ in range(ROUNDS)
    ]
    return min(one for one, _ in rounds), min(one for _, one in rounds)


def across(app: AppContext, handle: Any, instance: Any) -> tuple[float, float]:
    """Seconds for bare `run_coroutine_threadsafe`, and for a `Call`."""
    loop = app._app_loop.loop

    def bare(times: int) -> None:
        for number in range(times):
            asyncio.run_coroutine_threadsafe(instance.get(number), loop).result()

    def call(times: int) -> None:
        for number in range(times):
            handle.get(number).result()

    rounds = [(timed(bare, 1000), timed(call, 1000)) for _ in range(ROUNDS)]
    ratio = statistics.median(one / other for other, one in rounds)
    base = statistics.median(one for one, _ in rounds)
    return base, base * ratio


def unasked_span() -> float:
    """Seconds for a span where no provider of OpenTelemetry is set up."""

    def make(times: int) -> None:
        for _ in range(times):
            with span("call", module="standard.thing", method="get"):
                pass

    return min(timed(make, 20_000) for _ in range(ROUNDS))


def main() -> None:
    """Print the table."""
    with modframe.start(modules=[], data=":memory:") as app:
        app.load({"api.py": TEXT}, id="thing")
        handle, instance = (
            app.get_service("thing"),
            app._engine.directory.find("standard.thing").module,
        )
        direct, through = app.run(on_the_loop(handle, instance))
        bare, call = across(app, handle, instance)
        rows = [
            ("warm lookup", f"{lookup(app) * 1e9:.0f} ns", "150 ns"),
            ("handle over a direct await", f"{(through - direct) * 1e6:.2f} us", "1 us"),
            ("span without a provider", f"{unasked_span() * 1e9:.0f} ns", "300 ns"),
            ("call over run_coroutine_threadsafe", f"{call / bare:.2f}", "1.3"),
        ]
        print(f"{'measure':<36} {'figure':>10} {'at most':>10}")
        for name, figure, target in rows:
            print(f"{name:<36} {figure:>10} {target:>10}")


if __name__ == "__main__":
    main()
