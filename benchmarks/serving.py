"""Requests a second over a socket, over plain FastAPI behind the same uvicorn, as ratios.

Run `python benchmarks/serving.py`; nothing imports it. Each server is a process of its own, and
serves modules of five routes, one and then 300; the plain one writes uvicorn's access log, modframe
its own, into files. They are asked in turn, a few times, by clients of this process: a few
connections that stay open, each with one request under way. Variants of modframe without the
access log, and without what counts, show what each of them costs. Beside the requests a second
there is the processor's time that the server took for one, which other work on the machine hardly
changes. Last come swaps of one module while it is asked, among one other and among 1,000.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
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
port = app.serve(port=0).port
open("port", "w").write(str(port))
texts = (f"{{TEXT}}    number = {{number}}\\n" for number in itertools.count())
for line in sys.stdin:  # a line asks for so many swaps, and for how long they took
    began = time.perf_counter()
    for _ in range(int(line)):
        app.load({{"api.py": next(texts)}}, id="m0")
    open("took.new", "w").write(str((time.perf_counter() - began) / int(line)))
    os.replace("took.new", "took")
"""


class Contender:
    """A server in a process of its own, with a number of modules."""

    def __init__(self, name: str, code: str, modules: int, **environment: str) -> None:
        self.name, self.modules = name, modules
        self._folder = tempfile.TemporaryDirectory()
        self._log = (self._place / "stdout").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"MODULES = {modules}\n{code}", self._folder.name],
            cwd=self._folder.name,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            text=True,
        )
        self._orders: Any = self._process.stdin
        self.figures: list[float] = []
        self.costs: list[float] = []
        self.port = int(self._read("port"))

    @property
    def _place(self) -> Path:
        return Path(self._folder.name)

    def _read(self, name: str) -> str:
        """Return what a file of it says, once it is there."""
        place = self._place / name
        while not place.exists() or not (text := place.read_text()):
            if self._process.poll() is not None:
                raise SystemExit((self._place / "stdout").read_text())
            time.sleep(0.02)
        return text

    @property
    def _cpu(self) -> float:
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    async def ask(self, seconds: float, connections: int) -> None:
        """Ask it for a while, and keep the figures."""
        used, began = self._cpu, time.perf_counter()
        count = await ask(self.port, seconds, connections, modules=self.modules)
        self.figures.append(count / (time.perf_counter() - began))
        self.costs.append((self._cpu - used) / count * 1e6)

    async def swap(self, swaps: int) -> None:
        """Swap its first module a few times while two clients ask, and keep the seconds of one."""
        (self._place / "took").unlink(missing_ok=True)
        self._orders.write(f"{swaps}\n")
        self._orders.flush()
        asked = asyncio.create_task(ask(self.port, 3600, 2, modules=1))
        self.figures.append(float(await asyncio.to_thread(self._read, "took")))
        asked.cancel()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
        self._log.close()
        self._folder.cleanup()


async def ask(port: int, seconds: float, connections: int, *, modules: int) -> int:
    """Ask over connections that stay open, and return how many requests were answered."""
    loop = asyncio.get_running_loop()
    requests = [
        f"GET /api/v1/m{number * 97 % modules}/{PATHS[number % len(PATHS)]} HTTP/1.1\r\n"
        "host: 127.0.0.1\r\naccept: */*\r\n\r\n".encode()
        for number in range(len(PATHS) * modules)
    ]
    end = loop.time() + seconds

    async def client(first: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        number = first
        try:
            while loop.time() < end:
                writer.write(requests[number % len(requests)])
                head = await reader.readuntil(b"\r\n\r\n")
                if not head.startswith(b"HTTP/1.1 200"):
                    raise SystemExit(head.decode())
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                await reader.readexactly(length)
                number += 1
        finally:
            writer.close()
        return number - first

    return sum(await asyncio.gather(*map(client, range(connections))))


def compare(contenders: Sequence[Contender], rounds: int, seconds: float, clients: int) -> None:
    """Ask all in turn and print the table; the first one is what the ratios are about."""
    try:
        for number in range(-1, rounds):
            for contender in contenders if number % 2 else reversed(contenders):
                asyncio.run(contender.ask(seconds if number >= 0 else seconds / 4, clients))
    finally:
        for contender in contenders:
            contender.close()
    base = contenders[0]
    print(f"{'modules':>7}  {'server':<24} {'requests/s':>11} {'ratio':>7} {'us of CPU':>10}")
    for one in contenders:
        ratio = statistics.median(a / b for a, b in zip(one.figures, base.figures, strict=True))
        rate, cost = statistics.median(one.figures), statistics.median(one.costs)
        print(f"{one.modules:>7}  {one.name:<24} {rate:>11.0f} {ratio:>7.2f} {cost:>10.0f}")


def compare_swaps(rounds: int, others: Sequence[int]) -> None:
    """Print what a swap takes among few and among many other modules."""
    code = OURS.replace("MEASURED", "True")
    contenders = [Contender("swap", code, 1 + number) for number in others]
    try:
        for number in range(-1, rounds):
            for contender in contenders if number % 2 else reversed(contenders):
                asyncio.run(contender.swap(20))
    finally:
        for contender in contenders:
            contender.close()
    base = contenders[0].figures
    for one in contenders:
        ratio = statistics.median(a / b for a, b in zip(one.figures, base, strict=True))
        took = statistics.median(one.figures) * 1000
        print(
            f"a swap under requests, among {one.modules - 1:>4} others: {took:.2f} ms, {ratio:.2f}"
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--connections", type=int, default=8)
    arguments = parser.parse_args()
    plain = PLAIN.replace("ACCESS", "True")
    ours = OURS.replace("MEASURED", "True")
    one = [
        Contender("FastAPI, access log", plain, 1),
        Contender("FastAPI, no access log", PLAIN.replace("ACCESS", "False"), 1),
        Contender("modframe, all on", ours, 1, MODFRAME_ACCESS_LOG="1"),
        Contender("modframe, metrics", ours, 1),
        Contender("modframe, neither", OURS.replace("MEASURED", "False"), 1),
    ]
    compare(one, arguments.rounds, arguments.seconds, arguments.connections)
    many = [
        Contender("FastAPI, access log", plain, 300),
        Contender("modframe, all on", ours, 300, MODFRAME_ACCESS_LOG="1"),
    ]
    compare(many, arguments.rounds, arguments.seconds, arguments.connections)
    compare_swaps(arguments.rounds, (1, 1000))


if __name__ == "__main__":
    main()
