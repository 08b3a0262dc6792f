"""Requests a second over a socket, over plain FastAPI behind the same uvicorn, as ratios.

Run `python benchmarks/serving.py`; nothing imports it. Each server is a process of its own and
serves modules of five routes each; the plain one writes uvicorn's access log, modframe its own,
into files. They are asked in turn, a few times, by clients of this process: a few connections that
stay open, each with one request under way. The plain one adds its routes one by one, which is what
the ratios are about, or each module by `include_router`. The figure is requests for each second
that the server computed, so that it holds on a busy machine too. Variants of modframe without the
access log, and without what counts, show what each of them costs. `--swaps` compares swaps instead:
of one module that is asked meanwhile, among one other and among 1,000.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

ROUTES = '''
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

class Item(BaseModel):
    """What a route answers."""

    id: int
    name: str

router = APIRouter()

@router.get("/status")
async def status() -> dict[str, str]:
    return {"status": "ok"}

@router.get("/items")
async def items(limit: int = 10) -> list[Item]:
    return [Item(id=limit, name="x")]

@router.get("/items/{item_id}")
async def item(item_id: int) -> Item:
    return Item(id=item_id, name="x")

@router.get("/items/{item_id}/name")
async def name(item_id: int) -> str:
    return str(item_id)

@router.get("/count")
async def count() -> int:
    return 1
'''
MODULE = f"{ROUTES}\nfrom modframe.decorators import module\n\n@module\nclass M:\n    pass\n"
PATHS = ("status", "items", "items/7", "items/7/name", "count")
PLAIN = f"""
{ROUTES}
import socket, uvicorn
app = FastAPI(openapi_url=None)
for number in range(MODULES):
    if not FLAT:
        app.include_router(router, prefix=f"/api/v1/m{{number}}")
        continue
    for route in router.routes:
        path = f"/api/v1/m{{number}}{{route.path}}"
        app.add_api_route(path, route.endpoint, methods=list(route.methods))
bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # for TCP_NODELAY
bound.bind(("127.0.0.1", 0))
open("port", "w").write(str(bound.getsockname()[1]))
config = uvicorn.Config(app, log_level="info", access_log=ACCESS, lifespan="off")
uvicorn.Server(config).run([bound])
"""
OURS = f"""
import itertools, os, sys, time, modframe
from modframe.server import measured, site
if not MEASURED:
    site.Measured = lambda app, numbers, log: app
app = modframe.start(modules=[], data=sys.argv[1])
TEXT = {MODULE!r}
app.load([(f"m{{number}}", {{"api.py": TEXT}}) for number in range(MODULES)])
open("port", "w").write(str(app.serve(port=0).port))
texts = (f"{{TEXT}}    number = {{number}}\\n" for number in itertools.count())
for line in sys.stdin:  # asks for so many swaps, and for the seconds that one takes
    began = time.perf_counter()
    for _ in range(int(line)):
        app.load({{"api.py": next(texts)}}, id="m0")
    open("new", "w").write(str((time.perf_counter() - began) / int(line)))
    os.replace("new", "took")
"""


class Contender:
    """A server in a process of its own."""

    def __init__(self, name: str, code: str, **environment: str) -> None:
        self.name = name
        self._folder = tempfile.TemporaryDirectory()
        self._log = (Path(self._folder.name) / "stdout").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, self._folder.name],
            cwd=self._folder.name,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
        )
        place = Path(self._folder.name) / "port"
        while not place.exists() or not place.read_text():
            time.sleep(0.05)
        self.port = int(place.read_text())
        self._orders: Any = self._process.stdin
        self._measured = psutil.Process(self._process.pid)
        self.figures: list[float] = []

    def computed(self) -> float:
        """Seconds that all its threads have computed."""
        times = self._measured.cpu_times()
        return times.user + times.system

    def ask(self, requests: list[bytes], *, seconds: float, connections: int) -> float:
        """Requests for each second that it computes."""
        before = self.computed()
        count = asyncio.run(ask(self.port, requests, seconds=seconds, connections=connections))
        return count / (self.computed() - before)

    def order(self, line: str, answer: str) -> str:
        """Send it a line, and return what it then writes into the file ``answer``."""
        place = Path(self._folder.name) / answer
        place.unlink(missing_ok=True)
        self._orders.write(f"{line}\n".encode())
        self._orders.flush()
        while not place.exists():
            time.sleep(0.02)
        return place.read_text()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
        self._log.close()
        self._folder.cleanup()


def requests_of(modules: int) -> list[bytes]:
    """One for each route, in an order that visits far-apart modules."""
    order = [(97 * number) % modules for number in range(modules)]
    return [
        f"GET /api/v1/m{number}/{path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()
        for path in PATHS
        for number in order
    ]


async def ask(port: int, requests: list[bytes], *, seconds: float, connections: int) -> int:
    """How many requests were answered, over connections that stay open."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds

    async def client(first: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        number = first
        while loop.time() < end:
            writer.write(requests[number % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(head.decode())
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            number += 1
        writer.close()
        return number - first

    return sum(await asyncio.gather(*map(client, range(connections))))


async def swap(contender: Contender, swaps: int) -> float:
    """The seconds of one of so many swaps, while two clients ask the module."""
    asked = asyncio.create_task(
        ask(contender.port, requests_of(1), seconds=math.inf, connections=2)
    )
    took = await asyncio.to_thread(contender.order, str(swaps), "took")
    asked.cancel()
    return float(took)


def compare_swaps(rounds: int) -> None:
    """Print what a swap takes among few and among many other modules."""
    ours = OURS.replace("MEASURED", "True")
    few, many = (Contender(str(n), ours.replace("MODULES", str(n + 1))) for n in (1, 1000))
    try:
        for number in range(rounds + 1):
            for contender in (few, many) if number % 2 else (many, few):
                contender.figures.append(asyncio.run(swap(contender, 20)))
    finally:
        few.close()
        many.close()
    for one in (few, many):
        pairs = zip(one.figures[1:], few.figures[1:], strict=True)
        ratio = statistics.median(a / b for a, b in pairs)
        took = statistics.median(one.figures[1:]) * 1000
        print(f"a swap among {one.name:>4} others: {took:.2f} ms, {ratio:.2f}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--modules", type=int, default=1)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--swaps", action="store_true")
    arguments = parser.parse_args()
    if arguments.swaps:
        compare_swaps(arguments.rounds)
        return
    plain = PLAIN.replace("MODULES", str(arguments.modules))
    ours = OURS.replace("MODULES", str(arguments.modules))
    flat, nested = plain.replace("FLAT", "True"), plain.replace("FLAT", "False")
    contenders = [
        Contender("FastAPI, access log", flat.replace("ACCESS", "True")),
        Contender("FastAPI, include_router", nested.replace("ACCESS", "True")),
        Contender("FastAPI, no access log", flat.replace("ACCESS", "False")),
        Contender("modframe, all on", ours.replace("MEASURED", "True"), MODFRAME_ACCESS_LOG="1"),
        Contender("modframe, metrics", ours.replace("MEASURED", "True")),
        Contender("modframe, neither", ours.replace("MEASURED", "False")),
    ]
    requests = requests_of(arguments.modules)
    options = {"seconds": arguments.seconds, "connections": arguments.connections}
    try:
        for contender in contenders:
            contender.ask(requests, **options)
        for number in range(arguments.rounds):
            for contender in contenders if number % 2 else reversed(contenders):
                contender.figures.append(contender.ask(requests, **options))
    finally:
        for contender in contenders:
            contender.close()
    base = contenders[0].figures
    print(f"{'server':<28} {'requests/s':>11} {'ratio':>7}")
    for contender in contenders:
        ratio = statistics.median(a / b for a, b in zip(contender.figures, base, strict=True))
        print(f"{contender.name:<28} {statistics.median(contender.figures):>11.0f} {ratio:>7.2f}")


if __name__ == "__main__":
    main()
