"""Routes of different modules that come to the same place: refused, planned, exchanged."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError
from tests.server.test_paths import Latch, ask, entered, release, text

LIST = [("get", "", "list"), ("get", "/{item}", "one")]


def load(app: AppContext, name: str, path: Any, routes: Any, **options: Any) -> Any:
    return app.load({"api.py": text(path, routes, **options)}, id=name)


async def test_the_same_route_at_two_modules(app: AppContext) -> None:
    """The load and the plan name both routes with their lines, and the first one goes on."""
    load(app, "first", "/api/users", [("get", "/{name}", "named")])
    said = (
        "api.py, line 4: GET /api/users/{id} (other) is answered by standard.first already:"
        " GET /api/users/{name} (named) in api.py, line 4."
    )
    for path, below in (("/api/users", "/{id}"), ("/api", "/users/{id}"), ("/", "/api/users/{id}")):
        source = text(path, [("get", below, "other")])
        entry = app.plan({"api.py": source}, id="second").entry("second")
        assert entry is not None
        assert (entry.action, entry.why) == ("refuse", "its web fails")
        assert said in entry.error
        with pytest.raises(LoadError) as caught:
            app.load({"api.py": source}, id="second")
        assert said in str(caught.value)
        assert [finding.rule for finding in caught.value.findings] == ["route-clash"]
    assert await ask(app, "/api/users/x") == (200, "named")
    # Another method, another shape, a longer path and its own former routes are no clash.
    load(app, "second", "/api", [("put", "/users/{id}", "a"), ("get", "/users/{id:int}", "b")])
    load(app, "third", "/api/users", [("get", "/{id}/x", "c")])
    load(app, "first", "/api/users", [("get", "/{other}", "named"), ("get", "", "d")])


async def test_a_route_that_comes_while_a_module_starts(app: AppContext) -> None:
    """It is refused as one that the text shows, with nothing tried again."""
    load(app, "first", "/shared", [("get", "/a", "one")])
    late = """
from fastapi import APIRouter
from modframe.decorators import module

router = APIRouter()

@router.get("/b")
def b(): return "b"

@module(path="/shared")
class Second:
    def __init__(self, app_context):
        router.add_api_route("/a", b)
"""
    with pytest.raises(LoadError, match=r"GET /shared/a .* is answered by standard\.first already"):
        app.load({"api.py": late}, id="second")
    assert await ask(app, "/shared/a") == (200, "one")


async def test_mounts_and_websockets_count(app: AppContext) -> None:
    """A mount that would hide a route is refused, from either side; websockets are by themselves."""
    socket = '@router.websocket("/live")\nasync def live(socket: WebSocket): ...'
    mount = 'router.mount("/files", lambda *_: None)'
    load(app, "first", "/x", [("get", "/live", "page")], extra=socket + "\n" + mount)
    for routes, extra, said in (
        ([], socket, "WS /x/live"),
        ([("get", "/files/a", "a")], "", "GET /x/files/a"),
        ([], mount, r"\* /x/files"),
    ):
        with pytest.raises(LoadError, match=f"{said} .* is answered by standard.first already"):
            load(app, "second", "/x", routes, extra=extra)
    load(app, "deeper", "/x/files/deep", [("get", "/a", "a")])  # the longer path wins
    assert await ask(app, "/x/files/deep/a") == (200, "a")
    with pytest.raises(LoadError, match=r"\* /x/files/deep .* answered by standard.deeper"):
        load(app, "above", "/x/files/deep", [], extra='router.mount("", lambda *_: None)')


async def test_two_modules_exchange_their_paths_in_one_change(app: AppContext) -> None:
    """Live minus what is replaced counts; alone, either half of the exchange is refused."""
    load(app, "first", "/a", LIST)
    load(app, "second", "/b", LIST, word="second's ")
    moved = [
        ("first", {"api.py": text("/b", LIST)}),
        ("second", {"api.py": text("/a", LIST, word="second's ")}),
    ]
    for name, files in moved:
        with pytest.raises(LoadError, match="is answered by standard"):
            app.load(files, id=name)
    assert not app.plan(moved).refused
    app.load(moved)
    assert await ask(app, "/a/x") == (200, "second's one")
    assert await ask(app, "/b/x") == (200, "one")


async def test_a_change_is_checked_against_itself(app: AppContext) -> None:
    """Of two new modules with one route the later one is refused, and so is the change."""
    both = [("x", {"api.py": text("/a", LIST)}), ("y", {"api.py": text("/", [("get", "/a", "z")])})]
    assert [(one.id, one.action) for one in app.plan(both)] == [
        ("standard.x", "refuse"), ("standard.y", "refuse"),
    ]  # fmt: skip
    with pytest.raises(LoadError, match=r"GET /a \(z\) is answered by standard.x already"):
        app.load(both)
    assert (await ask(app, "/a"))[0] == 503


async def test_a_clash_with_what_went_live_meanwhile(app: AppContext) -> None:
    """A change that was slow is checked again before it goes live."""
    Latch.inside, Latch.go_on = asyncio.Event(), asyncio.Event()
    slow = (
        "\n    async def initialize(self):\n        from tests.server.test_paths import Latch\n"
        "        Latch.inside.set(); await Latch.go_on.wait()"
    )
    source = text("/a", LIST).replace("pass", slow)
    loading = asyncio.create_task(asyncio.to_thread(app.load, {"api.py": source}, id="slow"))
    await asyncio.to_thread(app.run, entered())
    assert (await ask(app, "/a"))[1]["detail"] == "standard.slow is STARTING"
    await asyncio.to_thread(load, app, "quick", "/a", LIST, word="quick ")
    app.run(release())
    with pytest.raises(LoadError, match=r"is answered by standard\.quick already"):
        await loading
    assert await ask(app, "/a") == (200, "quick list")


async def test_a_move_is_said(app: AppContext) -> None:
    """The line of the load and the plan say where the routes go, and what is lost."""
    load(app, "orders", "/old", LIST)
    plan = app.plan({"api.py": text("/new", LIST[:1])}, id="orders")
    entry = plan.entry("orders")
    assert entry is not None
    assert entry.why == "its text differs; its routes go from /old to /new"
    assert str(entry.parts["web"]) == "+ GET /new, - GET /old, - GET /old/{item}"
    load(app, "orders", "/new", LIST[:1])
    line = str(app.snapshot().module("standard.orders").outcome)  # type: ignore[union-attr]
    assert "its routes go from /old to /new · dropped GET /old, GET /old/{item}" in line
