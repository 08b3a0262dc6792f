"""From a saved file to the new answer over HTTP, and what clients see of it meanwhile.

Run `python benchmarks/save.py`. Each contender serves the same three files in a process of its own;
they are saved in turns, so that a busy machine slows all. Bodies, imports and routes are edited in
turn. First nobody else asks; then, contender by contender, four clients ask without a pause while
an event stream stays open. A peer that isn't installed is left out, with a line.

An answer reads what was edited twice, with a pause between, and once more by an import inside the
function: it is torn if the three differ. A save is stuck if nothing new is answered in its time;
the stream is then closed, so that the contender can go on.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

API = """
import asyncio
import time

from fastapi import {base}
from fastapi.responses import StreamingResponse
{imports}

{made}
ROUTES = {routes}


@router.get("/sync")
def by_thread():
    before = [{version}, ROUTES]
    time.sleep(0.002)
    {late}
    return [*before, {version}, ROUTES, VERSION]


@router.get("/async")
async def by_coroutine():
    before = [{version}, ROUTES]
    await asyncio.sleep(0.002)
    {late}
    return [*before, {version}, ROUTES, VERSION]


@router.get("/stream")
async def stream():
    async def lines():
        while True:
            yield f"data: {{{version}}}\\n\\n"
            await asyncio.sleep(0.02)

    return StreamingResponse(lines(), media_type="text/event-stream")


@router.get("/added-{routes}")
def added():
    return ROUTES
{more}
"""
MODULE = "\n\nfrom modframe.decorators import module\n\n\n@module\nclass Bench:\n    pass\n"
KINDS = ("body", "import", "route")
CLIENTS = 4
PATIENCE = 30.0
STUCK = 5.0
"""Seconds after which a save under load counts as stuck."""


@dataclass(frozen=True)
class Contender:
    """One server under test.

    Attributes:
        command: What to run in its folder, ``{port}`` put in.
        folder: Where its files lie, below that.
        path: What its routes are below.
        package: Whether its files are a package's, with relative imports and a module class.
    """

    name: str
    command: tuple[str, ...]
    folder: str = "."
    path: str = ""
    package: bool = False

    def texts(self, version: int, routes: int, *, from_store: bool) -> dict[str, str]:
        """Its three files. The version is in one of two, and ``services.py`` passes it on."""
        dot = "." if self.package else ""
        made = "router = APIRouter()" if self.package else "app = router = FastAPI()"
        api = API.format(
            base="APIRouter" if self.package else "FastAPI",
            imports="from . import services" if self.package else "import services",
            made=made,
            routes=routes,
            version="services.version()",
            late=f"from {dot}services import VERSION",
            more=MODULE if self.package else "",
        )
        given = f"from {dot}store import VERSION" if from_store else f"VERSION = {version}"
        return {
            "store.py": f"VERSION = {version}\n",
            "services.py": f"{given}\n\n\ndef version():\n    return VERSION\n",
            "api.py" if self.package else "app.py": api,
        }


CONTENDERS = (
    Contender(
        "modframe serve --watch",
        (sys.executable, "-m", "modframe", "serve", "--watch", "--port", "{port}"),
        folder="modules/standard/bench",
        path="/api/v1/bench",
        package=True,
    ),
    Contender("uvicorn-hmr", ("uvicorn-hmr", "app:app", "--port", "{port}")),
    Contender(
        "uvicorn --reload",
        (sys.executable, "-m", "uvicorn", "app:app", "--reload", "--port", "{port}"),
    ),
)


class Running:
    """A contender at work: its process, its files, what was saved last."""

    def __init__(self, contender: Contender, folder: Path) -> None:
        self.contender = contender
        self.files = folder / contender.folder
        self.files.mkdir(parents=True, exist_ok=True)
        self.saves, self.routes, self.from_store = 0, 0, False
        for name, text in contender.texts(0, 0, from_store=False).items():
            (self.files / name).write_text(text)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        bin_folder = str(Path(sys.executable).parent)
        self.log = folder / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [word.format(port=self.port) for word in contender.command],
                cwd=folder,
                env={
                    **os.environ,
                    "MODFRAME_DATA": ":memory:",
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "PATH": os.pathsep.join([bin_folder, os.environ.get("PATH", "")]),
                },
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # what it starts itself ends with it
            )
        self.wait(0, PATIENCE)

    def ask(self, path: str) -> list[int]:
        """One answer over a connection of its own.

        Raises:
            OSError, http.client.HTTPException, ValueError: If there is none.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=STUCK)
        try:
            connection.request("GET", f"{self.contender.path}{path}")
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise ValueError(f"{answer.status}: {body[:200]!r}")
            found: list[int] = json.loads(body)
            return found
        finally:
            connection.close()

    def wait(self, version: int, patience: float) -> float | None:
        """Seconds until it answers a version or later edits, or nothing if it does not in time."""
        began = time.perf_counter()
        while (spent := time.perf_counter() - began) < patience:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                answer = self.ask("/async")
                if max(answer[0], answer[1]) >= version:
                    return time.perf_counter() - began
            time.sleep(0.001)
        if spent < PATIENCE and patience < PATIENCE:
            return None
        raise SystemExit(f"{self.contender.name} is not there:\n{self.log.read_text()[-3000:]}")

    def save(self, patience: float = PATIENCE) -> float | None:
        """Make the next edit and wait until it answers; seconds."""
        self.saves += 1
        kind = KINDS[self.saves % len(KINDS)]
        if kind == "route":
            self.routes = self.saves
        self.from_store = kind == "import"
        texts = self.contender.texts(self.saves, self.routes, from_store=self.from_store)
        api = next(name for name in texts if name not in ("store.py", "services.py"))
        names = {"body": ["services.py"], "import": ["store.py", "services.py"], "route": [api]}
        for name in names[kind]:
            beside = self.files / f".{name}.tmp"
            beside.write_text(texts[name])
            beside.replace(self.files / name)  # as editors save
        return self.wait(self.saves, patience)

    def close(self) -> None:
        """End it and what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Load:
    """Clients that ask without a pause, and one event stream; counts what they see."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._over = threading.Event()
        self._stream: http.client.HTTPConnection | None = None
        self.answers = self.torn = self.cut = 0
        self.failed: dict[str, int] = {}
        self._lock = threading.Lock()
        paths = ("/sync", "/async") * (CLIENTS // 2)
        self._threads = [threading.Thread(target=self._ask, args=(path,)) for path in paths]
        self._threads.append(threading.Thread(target=self._follow))

    def __enter__(self) -> Load:
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.close_stream()
        for one in self._threads:
            one.join()

    def close_stream(self) -> None:
        """Let the stream go, for a server that waits for it; it is opened again."""
        stream = self._stream
        if stream is not None and stream.sock is not None:
            with contextlib.suppress(OSError):
                stream.sock.shutdown(socket.SHUT_RDWR)

    def _ask(self, path: str) -> None:
        while not self._over.is_set():
            try:
                one, routes, two, again, late = self._running.ask(path)
            except (OSError, http.client.HTTPException, ValueError) as error:
                with self._lock:
                    said = type(error).__name__ if isinstance(error, OSError) else str(error)[:60]
                    self.failed[said] = self.failed.get(said, 0) + 1
                time.sleep(0.005)
                continue
            with self._lock:
                self.answers += 1
                self.torn += not (one == two == late and routes == again)

    def _follow(self) -> None:
        while not self._over.is_set():
            self._stream = http.client.HTTPConnection(
                "127.0.0.1", self._running.port, timeout=STUCK
            )
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                self._stream.request("GET", f"{self._running.contender.path}/stream")
                answer = self._stream.getresponse()
                while not self._over.is_set() and answer.readline():
                    pass
            self.cut += not self._over.is_set()
            time.sleep(0.005)


def under_load(running: Running, saves: int) -> None:
    """Save under load, and print what the clients saw."""
    took, stuck = [], 0
    with Load(running) as load:
        for _ in range(saves):
            time.sleep(0.1)
            spent = running.save(STUCK)
            if spent is None:
                stuck += 1
                load.close_stream()
                running.wait(running.saves, PATIENCE)
            else:
                took.append(spent)
    p50 = f"{statistics.median(took) * 1000:.0f}" if took else "-"
    failed = sum(load.failed.values())
    print(
        f"{running.contender.name:<24} {p50:>8} {stuck:>6} {load.answers:>8} {failed:>7}"
        f" {load.torn:>6} {load.cut:>8}"
    )
    for said, count in sorted(load.failed.items(), key=lambda one: -one[1])[:3]:
        print(f"{'':<24} {count} x {said}")


def _there(contender: Contender) -> str:
    """Why a contender can't be had; empty if it can."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    if shutil.which(contender.command[0], path=path) is None:
        return "is not installed, or not to be had on this Python"
    if contender.package:
        shown = subprocess.run(
            [*contender.command[:4], "--help"], capture_output=True, text=True, check=True
        )
        if "--watch" not in shown.stdout:
            return "does not know --watch yet"
    return ""


@contextlib.contextmanager
def served() -> Iterator[list[Running]]:
    """All contenders that can be had."""
    with contextlib.ExitStack() as stack:
        found = []
        for one in CONTENDERS:
            if why := _there(one):
                print(f"{one.name} {why}: left out")
                continue
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            found.append(Running(one, folder))
            stack.callback(found[-1].close)
        yield found


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--saves", type=int, default=30, help="saves while nobody else asks")
    parser.add_argument("--loaded", type=int, default=30, help="saves under load")
    given = parser.parse_args()
    took: dict[str, list[Any]] = {}
    with served() as contenders:
        for _ in range(given.saves):
            for one in contenders:
                took.setdefault(one.contender.name, []).append(one.save())
                time.sleep(0.1)
        first = statistics.median(next(iter(took.values())))
        print("\nfile save → new answer, nobody else asks, ms")
        print(f"{'':<24} {'p50':>8} {'p95':>8} {'ratio':>8}   target")
        for name, spent in took.items():
            p50, p95 = statistics.median(spent), statistics.quantiles(spent, n=20)[-1]
            target = "p50 ≤ 80" if name == CONTENDERS[0].name else ""
            print(
                f"{name:<24} {p50 * 1000:>8.0f} {p95 * 1000:>8.0f} {p50 / first:>8.1f}   {target}"
            )
        print(f"\n{given.loaded} saves, {CLIENTS} clients, a stream open; target 0 failed, 0 torn")
        print(
            f"{'':<24} {'p50, ms':>8} {'stuck':>6} {'answers':>8} {'failed':>7} {'torn':>6}"
            f" {'streams cut':>8}"
        )
        for one in contenders:
            under_load(one, given.loaded)


if __name__ == "__main__":
    main()
