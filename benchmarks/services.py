"""What modules live on: events, injection when a module is loaded, and periodic tasks.

Run `python benchmarks/services.py`. The figures are the best of the rounds; a load with injection
is compared with the same load without it, in turns.
"""

from __future__ import annotations

import statistics
import time

import modframe
from modframe.app import AppContext

ROUNDS = 7
EVENTS = 5000
SHOP = """
import time

from pydantic import BaseModel
from modframe.decorators import module
from modframe.events import subscribe


class Placed(BaseModel):
    number: int


@module
class Shop:
    async def publish_many(self, count):
        publish, event = self.app_context.events.publish, Placed(number=1)
        began = time.perf_counter()
        for _ in range(count):
            await publish(event)
        return (time.perf_counter() - began) / count

    @subscribe(Placed, capacity=1_000_000)
    async def note(self, event):
        pass
"""
PLAIN = """
import logging
from typing import Annotated, Any

from modframe import service
from modframe.decorators import module


@module(requires=["shop"])
class Report:
    def __init__(self):
        pass

    def get(self):
        return {number}
"""
INJECTED = """
import logging
from typing import Annotated, Any

from modframe import service
from modframe.decorators import module


@module
class Report:
    def __init__(self, shop: Annotated[Any, service("shop")], log: logging.Logger, database, tasks):
        pass

    def get(self):
        return {number}
"""
TASKS = """
from modframe.decorators import module
from modframe.tasks import task


@module
class Poll:
    def __init__(self):
        self.count = 0

    def initialize(self):
        for number in range(1000):
            self.app_context.tasks.start(self.poll, name=str(number), every=3600)

    @task(every=3600, overlap="queue")
    async def poll(self):
        self.count += 1
"""


def events(app: AppContext) -> tuple[float, float]:
    """Seconds for a publish on the app loop, and for a publish with its delivery."""
    app.load({"api.py": SHOP}, id="shop")
    shop = app.get_service("shop")
    publishes, wholes = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        publishes.append(shop.publish_many(EVENTS).result())
        app.events.settled()
        wholes.append((time.perf_counter() - began) / EVENTS)
    return min(publishes), min(wholes)


def injection(app: AppContext) -> float:
    """Seconds that four injected parameters add to a load."""
    differences = []
    for number in range(60):
        seconds = {}
        for name, text in (("plain", PLAIN), ("injected", INJECTED)):
            began = time.perf_counter()
            app.load({"api.py": text.format(number=number)}, id=name)
            seconds[name] = time.perf_counter() - began
        differences.append(seconds["injected"] - seconds["plain"])
    return statistics.median(differences[10:])


def idle_tasks(app: AppContext) -> tuple[float, float]:
    """Share of a core that a thousand tasks take between their runs, and seconds for a run."""

    async def run_often() -> None:
        task = app.tasks["standard.poll.poll"]
        for run in [task.run_now() for _ in range(1000)]:
            await run

    app.load({"api.py": TASKS}, id="poll")
    shares, runs = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        app.run(run_often())
        runs.append((time.perf_counter() - began) / 1000)
        used = time.process_time()
        time.sleep(1)
        shares.append(time.process_time() - used)
    app.modules["poll"].unload()
    used = time.process_time()
    time.sleep(1)
    return max(0.0, min(shares) - (time.process_time() - used)), min(runs)


def main() -> None:
    """Print the figures beside their targets."""
    with modframe.start(data=":memory:", modules=[]) as app:
        publish, whole = events(app)
        print(f"publish to one subscriber       {publish * 1e6:7.1f} us   (≤ 30)")
        print(f"the same until it was handled   {whole * 1e6:7.1f} us")
        print(f"injection of four parameters    {injection(app) * 1e3:7.2f} ms   (≤ 0.3)")
        share, run = idle_tasks(app)
        print(f"1000 tasks between their runs   {share * 1e3:7.2f} ms a second   (0)")
        print(f"a run of a periodic task        {run * 1e6:7.1f} us")


if __name__ == "__main__":
    main()
