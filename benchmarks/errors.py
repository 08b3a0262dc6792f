"""What a storm of errors costs a request beside it, and the disk; as a ratio in one run.

Run `python benchmarks/errors.py`. A task of one module fails again and again, of one kind or of a
new kind each time, and gives way after each failure, as a loop that retries does. Requests to
another module are sent with and without it, in turns, in one process; the figure is the median of
the rounds. A task that does nothing but give way is measured too: it shows what the loop's turns
cost alone. Then 100,000 failures are recorded, and the files are looked at.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import modframe

ROUNDS = 11
REQUESTS = 60
STORM = 100_000
TEXT = """
import asyncio
from fastapi import APIRouter
from core.error_utils import error_message
from core.logging import get_framework_logger
from modframe.decorators import module

router = APIRouter()
logger = get_framework_logger("{id}")

@router.get("/number")
async def number():
    return 1

@module
class Thing:
    async def storm(self, kind, times):
        for number in range(times):
            if kind != "none":
                self.fail(kind, number)
            await asyncio.sleep(0)

    def fail(self, kind, number):
        try:
            raise ValueError("no such order")
        except ValueError:
            code = "AGAIN" if kind == "one" else f"CODE{{number}}"
            logger.exception(error_message("standard.{id}", code, str(number)))
"""


async def latency(client: Any) -> float:
    """Return the median seconds of a request."""
    times = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        await client.get("/api/v1/calm/number")
        times.append(time.perf_counter() - began)
    return statistics.median(times)


async def beside(client: Any, handle: Any, kind: str) -> tuple[float, float]:
    """Return the latency without a storm and beside one."""
    calm = await latency(client)
    storm = asyncio.ensure_future(handle.storm(kind, 10**9))
    try:
        return calm, await latency(client)
    finally:
        storm.cancel()
        await asyncio.gather(storm, return_exceptions=True)


def files(folder: Path) -> str:
    """Return lines and bytes of the logs."""
    texts = [path.read_bytes() for path in folder.glob("data/logs/*")]
    lines, size = sum(text.count(b"\n") for text in texts), sum(map(len, texts))
    return f"{lines} lines, {size / 1e6:.1f} MB"


def main() -> None:
    """Print the table."""
    print(f"{'measure':<52} {'figure':>24}")
    for kind in ("none", "one", "many"):
        with (
            tempfile.TemporaryDirectory() as folder,
            modframe.start(workspace=folder, modules=[]) as app,
        ):
            for name in ("calm", "stormy"):
                app.load({"api.py": TEXT.format(id=name)}, id=name)
            handle, client = app.get_service("stormy"), app.test_client()
            app.run(beside(client, handle, kind))
            rounds = [app.run(beside(client, handle, kind)) for _ in range(ROUNDS)]
            ratio = statistics.median(storm / calm for calm, storm in rounds)
            print(f"{f'request beside a loop, failures: {kind}':<52} {ratio:>23.2f}x")
            if kind == "none":
                continue
            began = time.perf_counter()
            handle.storm(kind, STORM).result()
            each = (time.perf_counter() - began) / STORM
            print(f"{'  one failure of 100,000':<52} {each * 1e6:>21.0f} us")
            app.stop()
            print(f"{'  log files after it':<52} {files(Path(folder)):>24}")


if __name__ == "__main__":
    main()
