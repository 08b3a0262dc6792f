"""What a call by an assistant costs: modframe's part beside the SDK's own, and how soon it is told.

Run `python benchmarks/assistants.py`. The same SDK client calls a tool of a live service and the
same function as a bare tool of the SDK's server, in turns and in one process. The aim: a call
takes longer than the bare tool by at most two calls of a handle from another thread, which are made
in the same turns. One method awaits, the other never does. The figures are seconds of the
processor, of all threads, and the lower quartile of the turns, so that what else the machine does
counts for little. Over HTTP modframe's part is lost in the SDK's milliseconds, so a ratio of
medians is printed. Then it swaps a module and measures how soon after publish a client hears of it.
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

ROUNDS, BLOCK = 40, 25
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

    async def get_at_once(self, number: int) -> int:
        """Return the number."""
        return number
'''


def bare() -> Server[Any]:
    """The same tools, written for the SDK."""
    schema = {"type": "object", "properties": {"number": {"type": "integer"}}}

    async def list_tools(_ctx: Any, _params: Any) -> types.ListToolsResult:
        names = ("get", "get_at_once")
        return types.ListToolsResult(tools=[types.Tool(name=n, input_schema=schema) for n in names])

    async def call_tool(_ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        number = (params.arguments or {})["number"]
        if params.name == "get":
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


async def tool_calls(client: Client, name: str) -> float:
    """Seconds of the processor for a call of a tool."""
    began = time.process_time()
    for number in range(BLOCK):
        await client.call_tool(name, {"number": number})
    return (time.process_time() - began) / BLOCK


def handle_calls(method: Any) -> float:
    """Seconds of the processor for a call of a handle from another thread than the app loop's."""
    began = time.process_time()
    for number in range(BLOCK):
        method(number).result()
    return (time.process_time() - began) / BLOCK


async def in_process(app: AppContext, method: str) -> tuple[float, float, float]:
    """The two without a transport, on the app loop, and a handle's call, in turns."""
    handle = getattr(app.get_service("thing"), method)
    took: list[tuple[float, float, float]] = []
    async with Client(app._engine.assistants.server) as own, Client(bare()) as other:
        await own.list_tools()
        await other.list_tools()
        for _ in range(ROUNDS):
            mine = await tool_calls(own, f"thing__{method}")
            bares = await tool_calls(other, method)
            took.append((mine, bares, await asyncio.to_thread(handle_calls, handle)))
    mine, bares, calls = (statistics.quantiles(each)[0] for each in zip(*took, strict=True))
    return mine, bares, calls


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
        for what, method in (("awaits", "get"), ("never does", "get_at_once")):
            own, other, handle = app.run(in_process(app, method))
            print(
                f"in process, a method that {what}: {own * 1e6:.0f} us, the SDK alone"
                f" {other * 1e6:.0f} us, a handle {handle * 1e6:.0f} us; modframe's part is"
                f" {(own - other) / handle:.2f} calls of a handle (aim: at most 2)"
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
