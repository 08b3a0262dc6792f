"""In a real kernel: cell run → new answer over HTTP, and the API while a cell computes.

Run `python benchmarks/kernel.py`. The client is this process, the kernel another.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.kernels import Kernel, kernel

EDITS = 40
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
COMPUTE = """import time
print("computing", flush=True)
end = time.monotonic() + 5
while time.monotonic() < end:
    sum(number * number for number in range(1000))
"""


def edits(shell: Kernel, client: httpx.Client, path: str) -> list[float]:
    """Seconds from sending a cell, by way of its reply, to the answer, which must be new."""
    spent = []
    for number in range(1, EDITS + 1):
        began = time.perf_counter()
        shell.run(CELL.format(number=-number))
        answer = client.get(path).json()
        spent.append(time.perf_counter() - began)
        if answer != -number:
            raise SystemExit(f"an old answer: {answer}")
    return spent


def empty_cells(shell: Kernel) -> list[float]:
    """Seconds for a cell that does next to nothing: the kernel's own share."""
    spent = []
    for number in range(EDITS):
        began = time.perf_counter()
        shell.run(f"x = {number}")
        spent.append(time.perf_counter() - began)
    return spent


def edits_under_load(shell: Kernel, client: httpx.Client, path: str) -> list[float]:
    """Seconds from sending a cell to the first new answer, while a client asks without a pause."""
    spent = []
    for number in range(1, EDITS + 1):
        began = time.perf_counter()
        sent = shell.send(CELL.format(number=number))
        while client.get(path).json() != number:
            pass
        spent.append(time.perf_counter() - began)
        shell.wait(sent)
    return spent


def while_computing(shell: Kernel, client: httpx.Client, path: str) -> list[float]:
    """Seconds for each request while a cell computes."""
    sent = shell.send(COMPUTE)
    while True:
        message = shell.client.get_iopub_msg(timeout=30)
        if message["msg_type"] == "stream":
            break
    spent = []
    end = time.perf_counter() + 4
    while time.perf_counter() < end:
        began = time.perf_counter()
        client.get(path)
        spent.append(time.perf_counter() - began)
    shell.wait(sent)
    return spent


def shown(name: str, spent: list[float], target: str) -> str:
    """One row: p50 and p95 in milliseconds."""
    p50, p95 = statistics.median(spent), statistics.quantiles(spent, n=20)[-1]
    return f"{name:<36} {p50 * 1000:>8.1f} {p95 * 1000:>8.1f}   {target}"


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder, kernel(Path(folder)) as shell:
        shell.run("%load_ext modframe\nimport modframe\napp = modframe.start(data=':memory:')")
        shell.run(CELL.format(number=0))
        url = shell.run("print(app.serve(port=0).url)").stdout.strip()
        path = "/api/v1/answers/number"
        with httpx.Client(base_url=url, timeout=30) as client:
            print(f"{'measure, ms':<36} {'p50':>8} {'p95':>8}   target")
            print(shown("an empty cell", empty_cells(shell), ""))
            print(shown("cell run → new answer", edits(shell, client, path), "p50 ≤ 10"))
            loaded = edits_under_load(shell, client, path)
            print(shown("the same, a client asking all the time", loaded, ""))
            idle = [timed(client, path) for _ in range(300)]
            print(shown("API, kernel idle", idle, ""))
            print(shown("API, a cell computes", while_computing(shell, client, path), "p50 ≤ 2"))
        shell.run("app.stop()")


def timed(client: httpx.Client, path: str) -> float:
    """Seconds for one request."""
    began = time.perf_counter()
    client.get(path)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
