"""Clients of another process ask without a break, while everything that may go wrong does."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from modframe import AppContext
from tests.waiting import wait_for

STEADY = """
from fastapi import APIRouter, UploadFile

from modframe import app_context
from modframe.decorators import module

router = APIRouter()


@router.get("/count")
async def count() -> int:
    return await app_context.get_service("steady").count()


@router.get("/items/{{number}}")
def item(number: int) -> dict[str, int]:
    return {{"number": number, "edition": {edition}}}


@router.post("/upload")
async def upload(file: UploadFile) -> int:
    return len(await file.read())


@module(keep_state=("counted",))
class Steady:
    async def initialize(self):
        self.counted = 0

    async def count(self) -> int:
        self.counted += 1
        return self.counted
"""
FAILING = """
from fastapi import APIRouter

from modframe.decorators import module

router = APIRouter()


@router.get("/now")
async def now() -> int:
    raise ValueError("it fails each time")


@module
class Failing:
    pass
"""
HANGING = """
import time

from fastapi import APIRouter

from modframe.decorators import module, module_health_check

router = APIRouter()


@router.get("/now")
async def now() -> int:
    return 1


@module_health_check(interval=1, timeout=0.1)
@module
class Hanging:
    def check_health(self):
        time.sleep(1000)
"""
CLIENTS = """
import asyncio, collections, itertools, json, sys
import httpx

ASKED = [
    ("GET", "/api/v1/steady/count", {}),
    ("GET", "/api/v1/steady/items/7", {}),
    ("POST", "/api/v1/steady/upload", {"files": {"file": b"#" * 100_000}}),
    ("GET", "/api/v1/failing/now", {}),
    ("GET", "/api/v1/hanging/now", {}),
    ("GET", "/health/live", {}),
    ("GET", "/metrics", {}),
]


async def main(url):
    answers, counts = collections.Counter(), []
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))

    async def ask(client, method, path, options):
        try:
            answer = await client.request(method, path, **options)
        except httpx.HTTPError as error:
            answers[f"{path} {error!r}"] += 1
            return
        answers[f"{path} {answer.status_code}"] += 1
        if sum(answers.values()) == 100:
            print("begun", flush=True)
        if path.endswith("/count"):
            counts.append(answer.json())

    async def use(first):
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            for number in itertools.count(first):
                if ended.done():
                    return
                await ask(client, *ASKED[number % len(ASKED)])

    await asyncio.gather(*map(use, range(6)))
    print(json.dumps({"answers": answers, "counts": counts}))

asyncio.run(main(sys.argv[1]))
"""


def compute_until(end: float) -> None:
    """Compute on this thread, as a cell does that holds the kernel."""
    while time.monotonic() < end:
        sum(number * number for number in range(20_000))


@pytest.mark.parametrize("seconds", [2, pytest.param(60, marks=pytest.mark.soak)])
def test_no_request_fails_but_those_of_the_failing_module(app: AppContext, seconds: int) -> None:
    """Swaps, a failing module, a health check that hangs and a computing cell fail no other one.

    Each count is given once, through all hand-overs.
    """
    for name, text in (("failing", FAILING), ("hanging", HANGING)):
        app.load({"api.py": text}, id=name)
    app.load({"api.py": STEADY.format(edition=0)}, id="steady")
    url = app.serve(port=0).url
    enough = threading.Event()

    def swap() -> None:
        for edition in itertools.count(1):
            app.load({"api.py": STEADY.format(edition=edition)}, id="steady")
            if enough.wait(0.02) and edition >= 5:
                return

    swapping = threading.Thread(target=swap)
    clients = subprocess.Popen(
        [sys.executable, "-c", CLIENTS, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path.cwd(),
    )
    swapping.start()
    try:
        assert clients.stdout is not None
        assert clients.stdout.readline() == "begun\n"
        compute_until(time.monotonic() + seconds)
    finally:
        enough.set()
        swapping.join()
        said, _ = clients.communicate(timeout=120)
    found = json.loads(said)
    assert set(found["answers"]) == {
        "/api/v1/steady/count 200",
        "/api/v1/steady/items/7 200",
        "/api/v1/steady/upload 200",
        "/api/v1/failing/now 500",
        "/api/v1/hanging/now 200",
        "/health/live 200",
        "/metrics 200",
    }
    assert sorted(found["counts"]) == list(range(1, len(found["counts"]) + 1))
    assert app.modules["steady"].generation > 5
    wait_for(lambda: app.health()["standard.hanging"].status == "unhealthy")
