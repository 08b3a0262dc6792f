"""The page `/metrics`: requests by module, route and status, swaps, and modules' own metrics."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import modframe
from modframe.app import AppContext
from modframe.errors import LoadError
from tests.fakes import simple
from tests.waiting import wait_for

ROOT = Path(__file__).parent.parent.parent
HEAD = """
from fastapi import APIRouter, FastAPI, HTTPException, WebSocket
from fastapi.responses import StreamingResponse
from prometheus_client import Counter

SEEN = Counter("shop_seen", "What was seen.")
router, inner, deep, mounted = APIRouter(), APIRouter(prefix="/inner"), APIRouter(), FastAPI()

@router.get("/items/{number}")
async def item(number: int):
    SEEN.inc()
    return 1 / number

@router.get("/gone/{number}")
async def gone(number: int):
    raise HTTPException(410)

@deep.get("/leaf/{name}")
async def leaf(name: str):
    return name

@mounted.get("/part/{name}")
async def part(name: str):
    return name

async def two():
    yield "data: 1\\n\\n"
    yield "data: 2\\n\\n"

@router.get("/stream")
async def stream():
    return StreamingResponse(two(), media_type="text/event-stream")

@router.get("/broken")
async def broken():
    async def half():
        yield b"one"
        raise ValueError("half way")
    return StreamingResponse(half())

@router.websocket("/talk/{name}")
async def talk(socket: WebSocket, name: str):
    if name == "nobody":
        await socket.close()
        return
    await socket.accept()
    await socket.send_text(name)
    await socket.close()

inner.include_router(deep, prefix="/deep")
router.include_router(inner)
router.mount("/in/{tenant}", mounted)
"""
P = "/api/v1/shop"


def text(body: str = "pass", head: str = HEAD) -> dict[str, str]:
    return {"api.py": simple(body, head=head, name="Shop")}


@pytest.fixture
def url(app: AppContext) -> str:
    """Serve a module with every kind of route; return where it is."""
    app.load(text(), id="shop")
    return app.serve(port=0).url


Samples = Mapping[tuple[str, tuple[str, ...]], float]


def scrape(url: str, *labels: str) -> Samples:
    """Return name and values of these labels → value, of the samples that have them."""
    answer = httpx.get(f"{url}/metrics")
    assert answer.status_code == 200
    found: dict[tuple[str, tuple[str, ...]], float] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            key = tuple(sample.labels.get(label, "") for label in labels)
            if set(labels) <= set(sample.labels):
                found[sample.name, key] = found.get((sample.name, key), 0.0) + sample.value
    return found


def answered(url: str, module: str = "standard.shop") -> set[tuple[str, str, str, float]]:
    """Return method, route, status and number of the answers of a module."""
    samples = scrape(url, "module", "method", "route", "status")
    return {
        (*labels[1:], value)
        for (name, labels), value in samples.items()
        if name == "modframe_requests_total" and labels[0] == module
    }


def test_requests_are_counted_by_route_and_status(url: str) -> None:
    """The label is the route's path, never what the client sent; also in and below a module."""
    with httpx.Client(base_url=url + P) as http:
        for path in ("items/1", "items/2", "items/0", "items/x", "gone/1", "none/1", "none/2"):
            http.get(path)
        http.post("items/1")
        http.request("PROPFIND", "items/1")
        http.get("inner/deep/leaf/a")
        http.get("in/mine/part/b")
        http.get("in/yours/none")
        http.get(f"{url}/api/v1/nobody/{'x' * 50}")
        http.get(f"{url}/no/page")
    wait_for(lambda: sum(one[3] for one in answered(url)) == 12)  # counted after the answer
    assert answered(url) == {
        ("GET", f"{P}/items/{{number}}", "200", 2),
        ("GET", f"{P}/items/{{number}}", "500", 1),
        ("GET", f"{P}/items/{{number}}", "422", 1),
        ("POST", f"{P}/items/{{number}}", "405", 1),
        ("other", f"{P}/items/{{number}}", "405", 1),
        ("GET", f"{P}/gone/{{number}}", "410", 1),
        ("GET", "", "404", 2),
        ("GET", f"{P}/inner/deep/leaf/{{name}}", "200", 1),
        ("GET", f"{P}/{{mounted}}", "200", 1),
        ("GET", f"{P}/{{mounted}}", "404", 1),
    }
    assert ("GET", "", "404", 2) in answered(url, "modframe.server")
    assert ("GET", "/metrics", "200") in {one[:3] for one in answered(url, "modframe.server")}


class Copying:
    """A middleware that hands a copy of the scope on, and answers some requests itself."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].endswith("/stop"):
            await send({"type": "http.response.start", "status": 418, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await self.app({**scope}, receive, send)


def test_what_stands_around_the_modules_is_counted(
    app: AppContext, url: str, workspace: Path
) -> None:
    """Middleware may copy the scope or answer itself; files are counted by where they are mounted."""
    (workspace / "files").mkdir()
    (workspace / "files" / "a.txt").write_text("a", "utf-8")
    app.add_middleware(Copying)
    app.mount_static("/assets", workspace / "files")
    head = HEAD.replace("shop_", "many_")
    paths = {"api.py": simple(head=head, name="Many", arguments="path=('/api/one', '/two')")}
    app.load(paths, id="many")
    for path in (f"{P}/items/1", f"{P}/stop", "/assets/a.txt", "/assets/b.txt"):
        httpx.get(f"{url}{path}")
    for path in ("/api/one/items/1", "/two/items/1"):
        httpx.get(f"{url}{path}")
    assert answered(url) == {("GET", f"{P}/items/{{number}}", "200", 1)}
    assert answered(url, "standard.many") == {
        ("GET", "/api/one/items/{number}", "200", 1),
        ("GET", "/two/items/{number}", "200", 1),
    }
    others = answered(url, "modframe.server")
    assert {("GET", "", "418", 1), ("GET", "/assets", "200", 1)} < others
    assert ("GET", "/assets", "404", 1) in others


def test_elsewhere_the_page_needs_the_token(app: AppContext) -> None:
    """It is open on loopback only, as what it tells is for whoever runs the app."""
    server = app.serve("0.0.0.0", port=0, token="t" * 20)
    place = f"http://127.0.0.1:{server.port}/metrics"
    assert httpx.get(place).status_code == 401
    headers = {"authorization": f"Bearer {server.token}"}
    assert httpx.get(place, headers=headers).status_code == 200


def test_streams_and_websockets_are_counted_when_they_end(url: str) -> None:
    """They have no duration, which would be how long their clients stayed; a broken answer failed."""
    assert httpx.get(f"{url}{P}/stream").text.count("data") == 2
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{url}{P}/broken")
    socket = url.replace("http:", "ws:") + P
    with connect(f"{socket}/talk/anna") as talk:
        assert talk.recv() == "anna"
    with pytest.raises(InvalidStatus):
        connect(f"{socket}/talk/nobody")
    wanted = {
        ("GET", f"{P}/stream", "200", 1),
        ("GET", f"{P}/broken", "500", 1),
        ("WS", f"{P}/talk/{{name}}", "101", 1),
        ("WS", f"{P}/talk/{{name}}", "403", 1),
    }
    wait_for(lambda: answered(url) == wanted)
    timed = scrape(url, "module", "route")
    assert {
        labels[1]
        for name, labels in timed
        if name == "modframe_request_duration_seconds_count" and labels[0] == "standard.shop"
    } == {f"{P}/broken"}


def test_a_modules_own_metrics_and_swaps(app: AppContext, url: str) -> None:
    """A module's counter begins anew with each generation; what modframe counts goes on."""
    for number in range(1, 4):
        httpx.get(f"{url}{P}/items/1")
        assert scrape(url)["shop_seen_total", ()] == 1
        app.load(text(f"number = {number}"), id="shop")
    with pytest.raises(LoadError):
        app.load(text(head="1 / 0"), id="shop")
    swaps = scrape(url, "module", "outcome")
    assert swaps["modframe_swaps_total", ("standard.shop", "live")] == 4
    assert swaps["modframe_swaps_total", ("standard.shop", "failed")] == 1
    assert answered(url) == {("GET", f"{P}/items/{{number}}", "200", 3)}
    assert scrape(url, "module")["modframe_module_generation", ("standard.shop",)] == 4
    steps = scrape(url, "step")
    assert steps["modframe_swap_step_duration_seconds_count", ("phase 1",)] >= 4
    assert ("modframe_swap_step_duration_seconds_count", ("migrate",)) not in steps
    assert scrape(url)["modframe_swap_duration_seconds_count", ()] >= 4


def test_an_app_that_starts_again_begins_anew(workspace: Path) -> None:
    """A second app of a process has its own numbers, and each name stands there once."""
    for _ in range(2):
        with modframe.start(workspace=workspace, data=":memory:", modules=[]) as app:
            app.load(text(), id="shop")
            url = app.serve(port=0).url
            httpx.get(f"{url}{P}/items/1")
            assert answered(url) == {("GET", f"{P}/items/{{number}}", "200", 1)}
            page = httpx.get(f"{url}/metrics").text
            names = re.findall(r"^# TYPE (\S+)", page, re.MULTILINE)
            assert len(names) == len(set(names))


WORK = """
from fastapi import APIRouter
from pydantic import BaseModel
from modframe.decorators import module, module_health_check
from modframe.events import subscribe
from modframe.tasks import task

class Order(BaseModel):
    number: int

@module_health_check(interval=1000)
@module
class Work:
    async def check_health(self):
        return True

    @task(every=1000)
    async def poll(self):
        raise ValueError("no")

    @subscribe(Order)
    async def on_order(self, order: Order):
        self.seen = order

    async def order(self):
        await self.app_context.events.publish(Order(number=1))
"""


def test_work_is_seen(app: AppContext, url: str) -> None:
    """Named tasks, subscriptions, checks and sessions are there, by module."""
    app.load({"api.py": WORK}, id="work")
    app.get_service("work").order().result()
    app.run(app.events.settled())
    app.health(wait=True)
    with pytest.raises(ValueError, match="no"):
        app.run(app.tasks["standard.work.poll"].run_now())
    tasks = scrape(url, "module", "task")
    assert tasks["modframe_task_runs_total", ("standard.work", "poll")] == 1
    assert tasks["modframe_task_failing", ("standard.work", "poll")] == 1
    queues = scrape(url, "module", "method")
    assert queues["modframe_events_delivered_total", ("standard.work", "on_order")] == 1
    checks = scrape(url, "module", "status")
    assert checks["modframe_check_status", ("standard.work", "healthy")] == 1
    assert scrape(url, "module")["modframe_sessions_open", ("standard.work",)] == 0
    assert scrape(url)["modframe_ready", ()] == 1


def test_a_failing_collector_of_a_module_takes_nothing_else_away(app: AppContext, url: str) -> None:
    """It is recorded by the module's name, and the page has everything else."""
    head = HEAD.replace("shop", "bad").replace(
        "router,",
        """
class Bad:
    def collect(self):
        raise ValueError("no numbers")
    def describe(self):
        return []

from prometheus_client import REGISTRY
REGISTRY.register(Bad())
router,""",
        1,
    )
    app.load(text(head=head), id="bad")
    assert scrape(url)["shop_seen_total", ()] == 0
    [event] = [one for one in app.snapshot().log if "metrics" in one.message]
    assert event.module_id == "standard.bad"


async def test_the_page_is_there_in_both_formats(app: AppContext) -> None:
    """Prometheus asks for OpenMetrics, and gets it."""
    wanted = "application/openmetrics-text; version=1.0.0"
    async with app.test_client() as http:
        answer = await http.get("/metrics", headers={"accept": wanted})
        plain = await http.get("/metrics")
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    assert plain.headers["content-type"].startswith("text/plain")


def test_every_name_is_documented(app: AppContext, url: str) -> None:
    """`docs/metrics.md` has each metric with its type and its labels, and no other."""
    app.load({"api.py": WORK}, id="work")
    app.get_service("work").order().result()
    httpx.get(f"{url}{P}/items/1")
    rows = re.findall(
        r"^\| `(modframe_\w+)` \| (\w+) \| (.*?) \|",
        (ROOT / "docs" / "metrics.md").read_text("utf-8"),
        re.MULTILINE,
    )
    documented = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    page = httpx.get(f"{url}/metrics").text
    kinds = dict(re.findall(r"^# TYPE (modframe_\w+) (\w+)", page, re.MULTILINE))
    assert {name: kind for name, (kind, _) in documented.items()} == kinds
    for family in text_string_to_metric_families(page):
        total = "_total" if family.type == "counter" else ""
        if f"{family.name}{total}" in documented:
            labels = documented[f"{family.name}{total}"][1]
            assert all(set(one.labels) - {"le"} == labels for one in family.samples)
            assert family.samples, f"nothing shows the labels of {family.name}"
