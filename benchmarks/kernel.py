"""In a real kernel: cell run → new answer over HTTP, and the API while a cell computes.

Run `python benchmarks/kernel.py`. The client is this process; modframe and FastHTML's JupyUvi each
have a kernel of their own, and their cells are run in turns, so that a busy machine slows both.
JupyUvi is left out, with a line, where FastHTML isn't installed.
"""

from __future__ import annotations

import importlib.util
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.kernels import Kernel, kernel

EDITS = 40
PATH = "/api/v1/answers/number"
CELL = """%%module answers
from fastapi import APIRouter
from modframe.decorators import module

router = APIRouter()


@router.get("/number")
async def number() -> int:
    return {number}


@module
class Answers:
    async def get(self) -> int:
        return {number}
"""
JUPYUVI = """from fasthtml.common import fast_app
from fasthtml.jupyter import JupyUvi
app, rt = fast_app()
server = JupyUvi(app, host="127.0.0.1", port={port}, daemon=True)
"""
JUPYUVI_CELL = """@rt("{path}")
def number():
    return "{number}"
"""
COMPUTE = """import time
print("computing", flush=True)
end = time.monotonic() + 5
while time.monotonic() < end:
    sum(number * number for number in range(1000))
"""


@dataclass
class Contender:
    """A kernel that serves an answer, and the cell that changes it."""

    shell: Kernel
    client: httpx.Client
    cell: str

    def edit(self, number: int) -> None:
        """Run the cell with a number."""
        self.shell.run(self.cell.format(number=number, path=PATH))

    def answer(self) -> int:
        """The number that is answered now."""
        return int(self.client.get(PATH).text)

    def timed_edit(self, number: int) -> float:
        """Seconds from sending a cell, by way of its reply, to the answer, which must be new."""
        began = time.perf_counter()
        self.edit(number)
        answer = self.answer()
        spent = time.perf_counter() - began
        if answer != number:
            raise SystemExit(f"an old answer: {answer}")
        return spent


@contextmanager
def modframe(folder: Path) -> Iterator[Contender]:
    """A module in a cell, served by `app.serve`."""
    with kernel(folder) as shell:
        shell.run("%load_ext modframe\nimport modframe\napp = modframe.start(data=':memory:')")
        shell.run(CELL.format(number=0))
        url = shell.run("print(app.serve(port=0).url)").stdout.strip()
        with httpx.Client(base_url=url, timeout=30) as client:
            yield Contender(shell, client, CELL)
        shell.run("app.stop()")


@contextmanager
def jupyuvi(folder: Path) -> Iterator[Contender]:
    """A route in a cell, served by FastHTML's JupyUvi."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with kernel(folder) as shell:
        shell.run(JUPYUVI.format(port=port))
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield Contender(shell, client, JUPYUVI_CELL)


def empty_cells(shell: Kernel) -> list[float]:
    """Seconds for a cell that does next to nothing: the kernel's own share."""
    spent = []
    for number in range(EDITS):
        began = time.perf_counter()
        shell.run(f"x = {number}")
        spent.append(time.perf_counter() - began)
    return spent


def edits_under_load(contender: Contender) -> list[float]:
    """Seconds from sending a cell to the first new answer, while a client asks without a pause."""
    spent = []
    for number in range(1, EDITS + 1):
        began = time.perf_counter()
        sent = contender.shell.send(contender.cell.format(number=number))
        while contender.answer() != number:
            pass
        spent.append(time.perf_counter() - began)
        contender.shell.wait(sent)
    return spent


def while_computing(contender: Contender) -> list[float]:
    """Seconds for each request while a cell computes."""
    shell = contender.shell
    sent = shell.send(COMPUTE)
    while True:
        message = shell.client.get_iopub_msg(timeout=30)
        if message["msg_type"] == "stream":
            break
    spent = []
    end = time.perf_counter() + 4
    while time.perf_counter() < end:
        spent.append(timed(contender))
    shell.wait(sent)
    return spent


def timed(contender: Contender) -> float:
    """Seconds for one request."""
    began = time.perf_counter()
    contender.answer()
    return time.perf_counter() - began


def shown(name: str, spent: list[float], target: str) -> str:
    """One row: p50 and p95 in milliseconds."""
    p50, p95 = statistics.median(spent), statistics.quantiles(spent, n=20)[-1]
    return f"{name:<38} {p50 * 1000:>8.1f} {p95 * 1000:>8.1f}   {target}"


def main() -> None:
    """Print the table."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours = stack.enter_context(modframe(folder))
        contenders = {"modframe": ours}
        if importlib.util.find_spec("fasthtml") is None:
            print("FastHTML isn't installed: left out")
        else:
            contenders["JupyUvi"] = stack.enter_context(jupyuvi(folder))
        edits: dict[str, list[float]] = {name: [] for name in contenders}
        for number in range(1, EDITS + 1):
            for name, contender in contenders.items():
                edits[name].append(contender.timed_edit(-number))
        print(f"{'measure, ms':<38} {'p50':>8} {'p95':>8}   target")
        print(shown("an empty cell", empty_cells(ours.shell), ""))
        for name, spent in edits.items():
            target = "p50 ≤ 10, ahead of JupyUvi" if name == "modframe" else ""
            print(shown(f"cell run → new answer, {name}", spent, target))
        loaded = edits_under_load(ours)
        print(shown("the same, a client asking all the time", loaded, ""))
        print(shown("API, kernel idle", [timed(ours) for _ in range(300)], ""))
        print(shown("API, a cell computes", while_computing(ours), "p50 ≤ 2"))


if __name__ == "__main__":
    main()
