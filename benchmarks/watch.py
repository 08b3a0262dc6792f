"""From a saved file to the new answer over HTTP: `modframe serve --watch` and who else reloads.

Run `python benchmarks/watch.py`; nothing imports it. Each peer serves the same routes in a process
of its own; they are saved and asked in turns, so that a busy machine slows all. A peer that isn't
installed is left out. What counts are the ratios; the milliseconds are this machine's.
"""

from __future__ import annotations

import argparse
import http.client
import importlib.util
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROUTES = """
from fastapi import {base}
from pydantic import BaseModel

{made}
VERSION = {version}


class Item(BaseModel):
    id: int
    name: str


@router.get("/version")
async def version() -> int:
    return VERSION


@router.get("/items")
async def items(limit: int = 10) -> list[Item]:
    return [Item(id=limit, name="x")]


@router.get("/items/{{item_id}}")
async def item(item_id: int) -> Item:
    return Item(id=item_id, name="x")
"""
MODULE = """

from modframe.decorators import module


@module
class Bench:
    pass
"""
_PATIENCE = 30.0


@dataclass(frozen=True)
class Peer:
    """One server under test.

    Attributes:
        command: What to run, in its folder, with the port put in for ``{port}``.
        file: The file that is saved, below the folder. ``text``: its text for a version.
        path: Where the version is answered.
    """

    name: str
    command: tuple[str, ...]
    file: str
    text: Callable[[int], str]
    path: str = "/version"
    needs: str = "uvicorn"


def plain(version: int) -> str:
    """The routes as a FastAPI application."""
    return ROUTES.format(base="FastAPI", made="app = router = FastAPI()", version=version)


def as_module(version: int) -> str:
    """The same routes as a module."""
    return ROUTES.format(base="APIRouter", made="router = APIRouter()", version=version) + MODULE


PEERS = (
    Peer(
        "modframe serve --watch",
        (sys.executable, "-m", "modframe", "serve", "--watch", "--port", "{port}"),
        "modules/standard/bench/api.py",
        as_module,
        path="/api/v1/bench/version",
    ),
    Peer(
        "uvicorn --reload",
        (sys.executable, "-m", "uvicorn", "app:app", "--reload", "--port", "{port}"),
        "app.py",
        plain,
    ),
)


class Server:
    """A peer that runs."""

    def __init__(self, peer: Peer, folder: Path) -> None:
        self.peer = peer
        self.file = folder / peer.file
        self.log = folder / "log"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(peer.text(0))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [word.format(port=self.port) for word in peer.command],
            cwd=folder,
            env={**os.environ, "MODFRAME_DATA": ":memory:", "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,  # what it starts itself ends with it
        )

    def version(self) -> int:
        """What it answers; -1 while it doesn't."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            connection.request("GET", self.peer.path)
            answer = connection.getresponse()
            return int(answer.read()) if answer.status == 200 else -1
        except (OSError, http.client.HTTPException, ValueError):
            return -1
        finally:
            connection.close()

    def wait(self, version: int) -> float:
        """Milliseconds until it answers a version."""
        began = time.perf_counter()
        while self.version() != version:
            if time.perf_counter() - began > _PATIENCE:
                said = self.log.read_text()[-2000:]
                raise SystemExit(f"{self.peer.name} never answered version {version}:\n{said}")
            time.sleep(0.0005)
        return (time.perf_counter() - began) * 1000

    def save(self, version: int) -> float:
        """Save a version and wait for it, in milliseconds."""
        beside = self.file.with_suffix(".tmp")
        beside.write_text(self.peer.text(version))
        beside.replace(self.file)
        return self.wait(version)

    def stop(self) -> None:
        """End it and what it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def running(peer: Peer) -> Iterator[Server]:
    """A peer that answers its first version."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(peer, Path(folder))
        try:
            server.wait(0)
            yield server
        finally:
            server.stop()


def main() -> None:
    """Measure, and print a line for each peer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    peers = [one for one in PEERS if importlib.util.find_spec(one.needs)]
    took: dict[str, list[float]] = {peer.name: [] for peer in peers}
    with ExitStack() as stack:
        servers = [stack.enter_context(running(peer)) for peer in peers]
        for version in range(1, rounds + 1):
            for server in servers:
                took[server.peer.name].append(server.save(version))
                time.sleep(0.1)
    first = statistics.median(took[peers[0].name])
    print(f"file save -> new answer, {rounds} saves, milliseconds")
    for name, times in took.items():
        middle, slow = statistics.median(times), sorted(times)[int(len(times) * 0.95)]
        print(f"  {name:24} p50 {middle:6.1f}  p95 {slow:6.1f}  {middle / first:5.1f} x")


if __name__ == "__main__":
    main()
