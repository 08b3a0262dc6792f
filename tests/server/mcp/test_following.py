"""Swaps as a client sees them: it is told, its calls never fail, and nothing old stays in memory."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPDeprecationWarning

from modframe.app import AppContext
from modframe.observe import record_failure
from tests.fakes import simple
from tests.inside import settle
from tests.server.mcp.clients import GENERATIONS, Heard, connected, following, read, text_of
from tests.server.mcp.test_access import ACCEPT, HELLO


def counted(number: int, *, more: str = "") -> dict[str, str]:
    """A module whose one tool says which text it is of."""
    body = f'async def number(self, plus: int = 0) -> int:\n    """The number."""\n    return {number} + plus\n'
    return {"api.py": simple(body + more)}


def load(app: AppContext, number: int, **options: Any) -> None:
    app.load(counted(number, **options), id="one")


async def in_thread(function: Any, *args: Any, **options: Any) -> None:
    """Swap from another thread, while the client's loop goes on."""
    await asyncio.to_thread(function, *args, **options)


@pytest.mark.parametrize("mode", GENERATIONS)
async def test_the_client_is_told_and_finds_the_new_tools(app: AppContext, mode: str) -> None:
    """After a swap, a new module, and an unload; and only the resources it asked for."""
    load(app, 1)
    heard, uri = Heard(), "modframe://modules/standard.one/api.py"
    async with connected(app.serve(port=0, mcp=True), mode, heard=heard) as client:
        assert client.server_capabilities.tools.list_changed  # type: ignore[union-attr]  # there are tools
        if mode == "legacy":
            with pytest.warns(MCPDeprecationWarning):
                await client.subscribe_resource(uri)
        async with following(client, mode, heard, resource_subscriptions=[uri]):
            more = 'def other(self) -> int:\n    """Another."""\n    return 1\n'
            await in_thread(load, app, 2, more=more)
            await heard.wait_for("resources/updated")
            tools = (await client.list_tools()).tools
            assert [tool.name for tool in tools] == ["one__number", "one__other"]
            assert text_of(await client.call_tool("one__number", {})) == "2"
            (content,) = (await client.read_resource(uri)).contents
            assert "return 2 + plus" in content.text  # type: ignore[union-attr]  # a text
            await in_thread(app.load, counted(7), id="two")
            await heard.wait_for("tools/list_changed")
            assert text_of(await client.call_tool("two__number", {"plus": 1})) == "8"
            await in_thread(app.modules["two"].unload)
            await heard.wait_for("resources/list_changed")
            names = [tool.name for tool in (await client.list_tools()).tools]
            assert names == ["one__number", "one__other"]


@pytest.mark.parametrize("mode", GENERATIONS)
async def test_who_follows_the_errors_is_told_of_a_new_one(app: AppContext, mode: str) -> None:
    """Also if it is logged on another thread."""
    load(app, 1)
    heard, uri = Heard(), "modframe://errors/standard.one"
    async with connected(app.serve(port=0, mcp=True), mode, heard=heard) as client:
        await client.list_tools()
        if mode == "legacy":
            with pytest.warns(MCPDeprecationWarning):
                await client.subscribe_resource(uri)
        async with following(client, mode, heard, resource_subscriptions=[uri]):
            await in_thread(record_failure, "standard.one", "the disk is full", OSError("full"))
            await heard.wait_for("resources/updated")
            assert (await read(client, uri))["errors"][0]["message"] == "the disk is full"


def test_an_older_client_is_told_what_it_did_not_read(app: AppContext) -> None:
    """A swap while its stream is closed is told as soon as it opens the stream, once.

    So it is if the client opens the stream before it says that it is initialized.
    """
    load(app, 1)
    server = app.serve(port=0, mcp=True)
    headers = {"Authorization": f"Bearer {server.token}", **ACCEPT}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as http:
        changed = [f"notifications/{kind}/list_changed" for kind in ("tools", "resources")]
        http.headers["Mcp-Session-Id"] = http.post("/mcp", json=HELLO).headers["mcp-session-id"]
        assert http.post("/mcp", json=INITIALIZED).status_code == 202
        assert http.post("/mcp", json=LIST).is_success  # it is answered after that was taken in
        for number in (2, 3):
            load(app, number)
        with http.stream("GET", "/mcp") as stream:
            assert methods(stream, 2) == changed

        del http.headers["Mcp-Session-Id"]
        http.headers["Mcp-Session-Id"] = http.post("/mcp", json=HELLO).headers["mcp-session-id"]
        with http.stream("GET", "/mcp") as stream:
            assert http.post("/mcp", json=INITIALIZED).status_code == 202
            assert http.post("/mcp", json=LIST).is_success
            assert http.get("/mcp").status_code == 409  # a second one changes nothing
            load(app, 4)
            assert methods(stream, 2) == changed


INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}


def methods(stream: httpx.Response, count: int) -> list[str]:
    """What the next notifications of a stream are about."""
    heard = (json.loads(line[5:]) for line in stream.iter_lines() if line[:5] == "data:")
    return [next(heard)["method"] for _ in range(count)]


KEEPS = """
import asyncio
from modframe.decorators import module


@module(keep_state=("count",))
class Counter:
    def __init__(self):
        self.count = 0

    async def add(self) -> list[int]:
        \"\"\"Add one.\"\"\"
        count = self.count = self.count + 1
        await asyncio.sleep(0)
        return [count, {number}]
"""


@pytest.mark.parametrize("mode", GENERATIONS)
@pytest.mark.parametrize("swaps", [10, pytest.param(200, marks=pytest.mark.soak)])
async def test_no_call_fails_while_the_module_is_swapped(
    app: AppContext, mode: str, swaps: int
) -> None:
    """Callers with an old list get an answer, and state that is handed over loses none of it."""
    server, over = app.serve(port=0, mcp=True), asyncio.Event()
    app.load({"api.py": KEEPS.format(number=0)}, id="counter")
    answers: list[list[int]] = []

    async def call(client: Client) -> None:
        while not over.is_set():
            answer = await client.call_tool("counter__add", {})
            assert not answer.is_error, text_of(answer)
            answers.append(answer.structured_content["result"])

    async with (
        connected(server, mode) as first,
        connected(server, mode) as second,
        asyncio.TaskGroup() as callers,
    ):
        callers.create_task(call(first))
        callers.create_task(call(second))
        for number in range(1, swaps + 1):
            seen = len(answers)
            await in_thread(app.load, {"api.py": KEEPS.format(number=number)}, id="counter")
            while len(answers) == seen:
                await asyncio.sleep(0)
        over.set()
    assert app.modules["counter"].generation == swaps + 1
    assert sorted(count for count, _ in answers) == list(range(1, len(answers) + 1))
    assert len({number for _, number in answers}) > swaps // 2


async def test_a_changed_return_type_needs_no_new_list(app: AppContext) -> None:
    """The client takes the answer, because no schema of results was published."""
    load(app, 1)
    async with connected(app.serve(port=0, mcp=True), "legacy") as client:
        assert (await client.call_tool("one__number", {})).structured_content == {"result": 1}
        text = simple('def number(self) -> list[str]:\n    """The number."""\n    return ["one"]\n')
        await in_thread(app.load, {"api.py": text}, id="one")
        answer = await client.call_tool("one__number", {})
        assert answer.structured_content == {"result": ["one"]}


@pytest.mark.parametrize("mode", GENERATIONS)
async def test_no_replaced_generation_stays(app: AppContext, mode: str) -> None:
    """Neither a connected client nor its list of tools keeps what was swapped out."""
    load(app, 1)
    async with connected(app.serve(port=0, mcp=True), mode) as client:
        await client.list_tools()
        await client.call_tool("one__number", {"plus": 1})
        old = weakref.ref(type(app.modules["one"]._engine.live.generations["standard.one"].module))
        await in_thread(load, app, 2)
        await in_thread(settle, app)
        gc.collect()
        assert old() is None


async def test_an_override_is_what_assistants_call(app: AppContext) -> None:
    """A call goes through the handle, which knows what stands in the place of a service."""

    class Fake:
        async def number(self, plus: int = 0) -> int:
            return 99 + plus

    load(app, 1)
    async with connected(app.serve(port=0, mcp=True), "legacy") as client:
        with app.override("one", Fake()):
            assert text_of(await client.call_tool("one__number", {"plus": 1})) == "100"
        assert text_of(await client.call_tool("one__number", {})) == "1"


async def test_resources_tell_of_modules_that_are_not_live(app: AppContext) -> None:
    """The snapshot, a module's own facts and the log say what failed; an odd address is refused."""
    load(app, 1)
    with pytest.raises(Exception, match="nowhere"):
        app.load({"api.py": simple(head="import nowhere")}, id="broken")
    async with connected(app.serve(port=0, mcp=True), "auto") as client:
        states = {
            one["id"]: one["state"]
            for one in (await read(client, "modframe://snapshot"))["modules"]
        }
        assert (states["standard.one"], states["standard.broken"]) == ("LIVE", "FAILED")
        assert "nowhere" in (await read(client, "modframe://modules/standard.broken"))["error"]
        assert (await read(client, "modframe://modules/one"))["generation"] == 1
        events = (await read(client, "modframe://logs/broken"))["events"]
        assert "nowhere" in events[-1]["message"]
        assert (await read(client, "modframe://logs"))["events"]
        templates = (await client.list_resource_templates()).resource_templates
        assert {one.uri_template for one in templates} == {
            "modframe://modules/{module}",
            "modframe://modules/{module}/{+file}",
            "modframe://errors/{module}",
            "modframe://logs/{module}",
        }
        for uri in (
            "modframe://modules/nobody",
            "modframe://modules/one/../one/api.py",
            "modframe://modules/one/services.py",
            "modframe://snapshot/one",
            "modframe://other",
            "file:///etc/passwd",
            "modframe://logs/../../etc/passwd",
        ):
            with pytest.raises(Exception, match=r"no resource|not a module|id"):
                await client.read_resource(uri)
