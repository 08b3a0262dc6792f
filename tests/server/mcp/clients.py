"""The SDK's client, of both generations of the protocol, against a server on a real port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from modframe.server import Server

GENERATIONS = ("legacy", "auto")
"""How the client asks for a session of the older protocol, and for the newest that there is."""


class Heard:
    """The notifications that a client got, by their method."""

    def __init__(self) -> None:
        self.methods: list[str] = []
        self._came = asyncio.Event()

    async def take(self, message: Any) -> None:
        """The client's handler of messages."""
        self.note(getattr(message, "method", ""))

    def note(self, method: str) -> None:
        self.methods.append(method)
        self._came.set()

    async def wait_for(self, method: str) -> None:
        """Wait for one, and forget those so far; the minute that it may take catches a hang."""
        async with asyncio.timeout(60):
            while not any(one.endswith(method) for one in self.methods):
                self._came.clear()
                await self._came.wait()
        self.methods.clear()


@asynccontextmanager
async def connected(
    server: Server, mode: str, *, heard: Heard | None = None, **options: Any
) -> AsyncIterator[Client]:
    """Connect a client with the server's token."""
    headers = {"Authorization": f"Bearer {server.token}"}
    timeout = httpx2.Timeout(60)
    async with httpx2.AsyncClient(headers=headers, timeout=timeout) as http:
        transport = streamable_http_client(f"{server.url}/mcp", http_client=http)
        handler = heard.take if heard is not None and mode == "legacy" else None
        async with Client(transport, mode=mode, message_handler=handler, **options) as client:  # type: ignore[arg-type]  # one of GENERATIONS
            yield client


@asynccontextmanager
async def following(client: Client, mode: str, heard: Heard, **wanted: Any) -> AsyncIterator[None]:
    """Hear of changes: a newer client has to ask for them, an older one has its session."""
    if mode == "legacy":
        yield
        return
    async with client.listen(tools_list_changed=True, resources_list_changed=True, **wanted) as sub:

        async def pass_on() -> None:
            async for event in sub:
                heard.note(_METHODS[type(event).__name__])

        task = asyncio.create_task(pass_on())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})


_METHODS = {
    "ToolsListChanged": "tools/list_changed",
    "ResourcesListChanged": "resources/list_changed",
    "ResourceUpdated": "resources/updated",
}


def text_of(result: Any) -> str:
    """The text of a tool's answer."""
    (content,) = result.content
    return str(content.text)


async def read(client: Client, uri: str) -> Any:
    """The JSON of a resource."""
    (content,) = (await client.read_resource(uri)).contents
    return json.loads(content.text)  # type: ignore[union-attr]  # all of modframe's are texts
