"""What a call by an assistant costs: modframe's part beside the SDK's own, and how soon it is told.

Run `python benchmarks/assistants.py`. The same SDK client calls a tool of a live service and the
same function, which awaits once, as a bare tool of the SDK's server, in turns and in one process;
the figures are medians. The aim: a call takes longer than the bare tool by at most two calls of a
handle from another thread. Over HTTP that is lost in the SDK's milliseconds, so a ratio is printed.
Then it swaps a module and measures how long after publish a client hears of it.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from types import SimpleNamespace
from typing import Any

import httpx2
import mcp_types as types
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.lowlevel import Server

import modframe
from modframe.app import AppContext
from modframe.server.mcp.http import Endpoint
from modframe.server.mcp.listeners import Listeners

CALLS, SWAPS = 500, 20
TEXT = '''
import asyncio
from modframe.decorators import module

@module
class Thing:
    async def get(self, number: int) -> int:
        """Return the number."""
        await asyncio.sleep(0)
        return number + {more}
'''


def bare() -> Server[Any]:
    """The same tool, written for the SDK."""
    schema = {"type": "object", "properties": {"number": {"type": "integer"}}}

    async def list_tools(_ctx: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[types.Tool(name="get", input_schema=schema)])

    async def call_tool(_ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        number = (params.arguments or {})["number"]
        await asyncio.sleep(0)
        return types.CallToolResult(
            content=[types.TextContent(text=str(number))], structured_content={"result": number}
        )

    return Server(
        "bare",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        get_tool_input_schema=lambda _name: schema,
    )


async def compared(own: Client, other: Client) -> tuple[float, float]:
    """Seconds of a call to modframe's tool, and to the bare one: medians of calls in turns."""
    pairs: list[tuple[Client, str, list[float]]] = [(own, "thing__get", []), (other, "get", [])]
    for client, _, _ in pairs:
        await client.list_tools()
    for number in range(CALLS):
        for client, name, took in pairs:
            began = time.perf_counter()
            await client.call_tool(name, {"number": number})
            took.append(time.perf_counter() - began)
    mine, bares = (statistics.median(took) for _, _, took in pairs)
    return mine, bares


def handle_calls(app: AppContext) -> float:
    """Seconds of a handle's call from another thread than the app loop's."""
    thing = app.get_service("thing")
    took = []
    for number in range(CALLS):
        began = time.perf_counter()
        thing.get(number).result()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


async def in_process(app: AppContext) -> tuple[float, float]:
    """The two without a transport, on the app loop."""
    async with Client(app._engine.assistants.server) as own, Client(bare()) as other:
        return await compared(own, other)


async def over_http(app: AppContext, mode: Any) -> tuple[float, float]:
    """The two over sockets, both behind modframe's guard in the same server."""
    server = app.serve(port=0, mcp=True)
    alone: Any = SimpleNamespace(server=bare(), listeners=Listeners(), begin=int, end=int)
    endpoint = app._engine.site._apps["/bare"] = Endpoint(alone)
    headers = {"Authorization": f"Bearer {server.token}"}
    async with httpx2.AsyncClient(headers=headers) as http:
        first = streamable_http_client(f"{server.url}/mcp", http_client=http)
        second = streamable_http_client(f"{server.url}/bare", http_client=http)
        async with Client(first, mode=mode) as own, Client(second, mode=mode) as other:
            found = await compared(own, other)
    await asyncio.to_thread(app.run, endpoint.aclose())
    server.stop()
    return found


async def told_after(app: AppContext) -> float:
    """Seconds from publish until a client hears that the tools have changed."""
    server, took = app.serve(port=0, mcp=True), []
    headers = {"Authorization": f"Bearer {server.token}"}
    async with httpx2.AsyncClient(headers=headers) as http:
        transport = streamable_http_client(f"{server.url}/mcp", http_client=http)
        async with Client(transport) as client, client.listen(tools_list_changed=True) as changes:
            heard = aiter(changes)
            for number in range(SWAPS):
                swap = asyncio.to_thread(
                    app.load, {"api.py": TEXT.format(more=number + 1)}, id="thing"
                )
                task = asyncio.create_task(swap)
                await anext(heard)
                now = time.perf_counter()
                took.append(now - published[-1])
                await task
    return statistics.median(took)


published: list[float] = []


def main() -> None:
    """Measure, and print the ratios."""
    with modframe.start(workspace=tempfile.mkdtemp(), data=":memory:") as app:
        app.load({"api.py": TEXT.format(more=0)}, id="thing")
        handle = handle_calls(app)
        print(f"a handle's call from another thread: {handle * 1e6:.0f} us")
        own, other = app.run(in_process(app))
        print(
            f"in process: {own * 1e6:.0f} us, the SDK alone {other * 1e6:.0f} us;"
            f" modframe's part is {(own - other) / handle:.2f} calls of a handle (aim: at most 2)"
        )
        for where, mode in (("the older protocol", "legacy"), ("2026-07-28", "auto")):
            own, other = asyncio.run(over_http(app, mode))
            print(f"HTTP, {where}: {own / other:.2f} x the SDK alone ({other * 1e3:.1f} ms)")
        before = app._engine.published

        def publish(module_ids: Any) -> None:
            published.append(time.perf_counter())
            before(module_ids)

        app._engine.published = publish  # type: ignore[method-assign]  # to know when it was
        print(f"told {asyncio.run(told_after(app)) * 1000:.1f} ms after publish (aim: at most 50)")


if __name__ == "__main__":
    main()
