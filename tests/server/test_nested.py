"""A served app keeps working when a cell applies `nest_asyncio`, before or after, in both variants."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import asyncio, sys, threading
import httpx
package, when = sys.argv[1:]
nest = __import__(package)
if when == "before":
    asyncio.set_event_loop(asyncio.new_event_loop())
    nest.apply()
from _asyncio import Task
from fastapi import APIRouter
from tests.server.fakes import FakeLoop, bind, live_of, site_of, start_server

def pinned(loop, coro, **options):
    return Task(coro, loop=loop, **options)

router = APIRouter()

@router.get("/sync")
def sync():
    return asyncio.run(word())

@router.get("/task")
async def task():
    return type(asyncio.current_task()).__module__

async def word():
    await asyncio.sleep(0)
    return "ok"

loop = FakeLoop()
loop.loop.set_task_factory(pinned)
bound = bind("127.0.0.1", 0)
url = f"http://127.0.0.1:{bound.getsockname()[1]}/api/v1/m"
site = site_of(live_of(m=router))
running = loop.wait(lambda: start_server(site, bound, host="127.0.0.1", block=loop.wait))
if when == "after":
    assert httpx.get(url + "/task").json() == "_asyncio"
    asyncio.set_event_loop(asyncio.new_event_loop())
    nest.apply()

async def cell():
    return asyncio.run(word())

main = asyncio.get_event_loop_policy().get_event_loop()
assert main.run_until_complete(cell()) == "ok"
for _ in range(3):
    assert httpx.get(url + "/task").json() == "_asyncio"
    assert httpx.get(url + "/sync").json() == "ok"
running.stop()
assert loop.escaped == [], loop.escaped
loop.close()
print("served")
"""


@pytest.mark.parametrize(
    ("package", "when"),
    [
        ("nest_asyncio", "after"),
        ("nest_asyncio2", "before"),
        pytest.param("nest_asyncio", "before", marks=pytest.mark.soak),
        pytest.param("nest_asyncio2", "after", marks=pytest.mark.soak),
    ],
)
def test_serving_with_nested_loops(package: str, when: str) -> None:
    """The app loop, whose tasks are always of the C class, serves in all four cases."""
    pytest.importorskip(package)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, package, when],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "served\n", done.stderr
