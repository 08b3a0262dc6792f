"""What health checks cost: a cached read, an app without checks, and one whose checks hang.

Run `python benchmarks/health.py`. An app has 20 modules whose checks hang for good, half of them on
threads; then their health is read as a cell does and over HTTP, calls through a handle are compared
with those of an app whose 20 modules have no check, and the app is stopped.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

import modframe
from modframe.app import AppContext

MODULES = 20
READS = 200
CALLS = 5000
ROUNDS = 7
PLAIN = """
from modframe.decorators import module

@module
class Thing:
    async def get(self, number):
        return number
"""
HANGS = """
import asyncio, time
from modframe.decorators import module, module_health_check

@module_health_check(interval=1, timeout=0.1)
@module
class Thing:
    async def get(self, number):
        return number

    HOW
"""
ON_THREAD = "def check_health(self): time.sleep(3600)"
ON_LOOP = "async def check_health(self): await asyncio.sleep(3600)"


def texts(*, hang: bool) -> list[tuple[str, dict[str, str]]]:
    """Return the modules."""
    kinds = (ON_THREAD, ON_LOOP)
    return [
        (f"m{number}", {"api.py": HANGS.replace("HOW", kinds[number % 2]) if hang else PLAIN})
        for number in range(MODULES)
    ]


def in_ms(seconds: list[float]) -> str:
    """Return the median and the worst but one percent of some durations."""
    seconds.sort()
    late = seconds[-len(seconds) // 100]
    return f"{statistics.median(seconds) * 1e3:.3f} ms, p99 {late * 1e3:.3f} ms"


async def calls(handle: Any) -> float:
    """Return how many calls the loop does in a second."""
    began = time.perf_counter()
    for number in range(CALLS):
        await handle.get(number)
        if not number % 100:
            await asyncio.sleep(0)
    return CALLS / (time.perf_counter() - began)


async def read_over_http(app: AppContext) -> list[float]:
    """Return how long reads of ``/health`` take."""
    took = []
    async with app.test_client() as client:
        await client.get("/health")
        for _ in range(READS):
            began = time.perf_counter()
            await client.get("/health")
            took.append(time.perf_counter() - began)
    return took


def read(app: AppContext) -> list[float]:
    """Return how long reads as a cell does them take."""
    took = []
    for _ in range(READS):
        began = time.perf_counter()
        app.health()
        took.append(time.perf_counter() - began)
    return took


def measure(*, hang: bool) -> tuple[float, float]:
    """Print the reads of one app; return its calls a second and how long its stop took."""
    app = modframe.start(data=":memory:", modules=[])
    app.load(texts(hang=hang))
    app.health(wait=True)
    print(f"20 checks that hang: {hang}")
    print(f"  app.health()       {in_ms(read(app))}")
    print(f"  GET /health        {in_ms(app.run(read_over_http(app)))}")
    handle = app.get_service("m0")
    rates = [app.run(calls(handle)) for _ in range(ROUNDS)]
    began = time.perf_counter()
    app.stop()
    return statistics.median(rates), time.perf_counter() - began


def main() -> None:
    """Measure both apps, and print the ratios."""
    (without, stop), (hanging, stop_hanging) = measure(hang=False), measure(hang=True)
    print(f"calls a second, hanging to none: {hanging / without:.2f}")
    print(f"stop: {stop * 1e3:.0f} ms without checks, {stop_hanging * 1e3:.0f} ms with")


if __name__ == "__main__":
    main()
