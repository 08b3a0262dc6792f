"""What modules live on: an event published and handled, and injection when a module is loaded.

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
from modframe.decorators import module


@module
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


def main() -> None:
    """Print the figures beside their targets."""
    with modframe.start(data=":memory:", modules=[]) as app:
        publish, whole = events(app)
        print(f"publish to one subscriber       {publish * 1e6:7.1f} us   (≤ 30)")
        print(f"the same until it was handled   {whole * 1e6:7.1f} us")
        print(f"injection of four parameters    {injection(app) * 1e3:7.2f} ms   (≤ 0.3)")


if __name__ == "__main__":
    main()
