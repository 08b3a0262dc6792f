"""Calls that take long: streams, progress, cancellation, and the end of the server around them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import modframe
from modframe.app import AppContext
from modframe.server.mcp.answers import MOST_ITEMS
from tests.server.mcp.clients import GENERATIONS, Heard, connected, following, text_of
from tests.waiting import wait_for

WORK = dedent(
    '''
    import asyncio
    from modframe.decorators import module
    from core.app_context import app_context
    from core.error_utils import Result


    @module
    class Work:
        async def initialize(self):
            self.seen = []

        def told(self):
            return list(self.seen)

        def forget(self):
            self.seen.clear()

        async def count(self, end: int):
            """Count."""
            for number in range(end):
                yield {"number": number}

        def numbers(self):
            """Count without an end."""
            number = 0
            while True:
                number += 1
                yield number

        async def mixed(self):
            """Yield results."""
            yield Result.success(data=1)
            yield Result.error("NO", "none")
            raise ValueError("text-of-the-exception")

        async def say(self) -> str:
            """Say how far it is."""
            app_context.tasks.progress(1, 3, "files")
            await asyncio.to_thread(app_context.tasks.progress, 2, 3, "more files")
            app_context.tasks.progress(2, 3, "said twice")
            app_context.tasks.progress(3, 3, "all files")
            return "done"

        async def hang(self) -> None:
            """Never end by itself."""
            self.seen.append("begun")
            try:
                await asyncio.Event().wait()
            finally:
                for _ in range(5):
                    await asyncio.sleep(0)
                self.seen.append("cleaned up")

        async def give_up(self, late: bool) -> None:
            """Cancel itself, at once or later."""
            if late:
                await asyncio.sleep(0)
            asyncio.current_task().cancel()
            await asyncio.sleep(0)

        async def endless(self):
            """Never end."""
            try:
                while True:
                    self.seen.append("item")
                    yield 1
                    await asyncio.sleep(0.01)
            finally:
                await asyncio.sleep(0)
                self.seen.append("closed")
    '''
)


@pytest.mark.parametrize("mode", GENERATIONS)
async def test_streams_and_progress_reach_the_client_as_they_come(
    app: AppContext, mode: str
) -> None:
    """Items are progress and then the answer; a method says how far it is with `tasks.progress`."""
    app.load({"api.py": WORK}, id="work")
    told: list[tuple[float, float | None, str | None]] = []

    async def note(done: float, total: float | None, text: str | None) -> None:
        told.append((done, total, text))

    async with connected(app.serve(port=0, mcp=True), mode) as client:
        items = [{"number": 0}, {"number": 1}]
        answer = await client.call_tool("work__count", {"end": 2}, progress_callback=note)
        assert answer.structured_content == {"result": items}
        assert told == [(1, None, '{"number":0}'), (2, None, '{"number":1}')]
        silent = await client.call_tool("work__count", {"end": 2})
        assert silent.structured_content == answer.structured_content

        told.clear()
        answer = await client.call_tool("work__say", {}, progress_callback=note)
        assert text_of(answer) == "done"
        assert told == [(1, 3, "files"), (2, 3, "more files"), (3, 3, "all files")]

        for tool, values in (("work__count", {"end": MOST_ITEMS + 1}), ("work__numbers", {})):
            cut = await client.call_tool(tool, values)
            assert len(cut.structured_content["result"]) == MOST_ITEMS
            assert cut.structured_content["cut"] is True
            assert text_of(cut).endswith(f"(cut after {MOST_ITEMS} items)")

        broken = await client.call_tool("work__mixed", {})
        assert broken.is_error
        assert "text-of-the-exception" not in broken.model_dump_json()


@pytest.mark.parametrize("mode", GENERATIONS)
@pytest.mark.parametrize("method", ["hang", "endless"])
async def test_cancelling_lets_the_method_clean_up(app: AppContext, mode: str, method: str) -> None:
    """It is cancelled once, so that what it awaits in `finally` is not cut short."""
    app.load({"api.py": WORK}, id="work")
    last = {"hang": "cleaned up", "endless": "closed"}[method]
    async with connected(app.serve(port=0, mcp=True), mode) as client:
        for callback in (None, _take):
            call = asyncio.create_task(
                client.call_tool(f"work__{method}", {}, progress_callback=callback)
            )
            await until(app, lambda seen: len(seen) > 0)
            call.cancel()
            await asyncio.wait({call})
            await until(app, lambda seen: seen[-1:] == [last])
            await asyncio.to_thread(app.get_service("work").forget().result)


@pytest.mark.parametrize("mode", GENERATIONS)
async def test_a_method_that_cancels_itself_is_answered(app: AppContext, mode: str) -> None:
    """As a failure, before and after its first wait; no call after it is cancelled with it."""
    app.load({"api.py": WORK}, id="work")
    async with connected(app.serve(port=0, mcp=True), mode) as client:
        for late in (False, True):
            for callback in (None, _take):
                answer = await client.call_tool(
                    "work__give_up", {"late": late}, progress_callback=callback
                )
                assert answer.is_error
                assert "the log has the reason" in text_of(answer)
        assert text_of(await client.call_tool("work__say", {})) == "done"


async def test_a_call_that_outlasts_its_generation_is_ended_with_the_reason(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the deadline of the replaced generation, as any call; the next one runs on the new one."""
    monkeypatch.setenv("MODFRAME_DRAIN_TIMEOUT", "0")
    with modframe.start(workspace=workspace, data=":memory:") as app:
        app.load({"api.py": WORK}, id="work")
        async with connected(app.serve(port=0, mcp=True), "auto") as client:
            call = asyncio.create_task(client.call_tool("work__hang", {}))
            await until(app, lambda seen: seen == ["begun"])
            await asyncio.to_thread(app.load, {"api.py": f"{WORK}\n"}, id="work")
            answer = await call
            assert answer.is_error
            assert "began on generation 1, which was replaced" in text_of(answer)
            assert text_of(await client.call_tool("work__say", {})) == "done"


async def test_a_client_that_leaves_ends_its_call(app: AppContext) -> None:
    """Whatever it has not waited for."""
    app.load({"api.py": WORK}, id="work")
    async with connected(app.serve(port=0, mcp=True), "auto") as client:
        call = asyncio.create_task(client.call_tool("work__hang", {}))
        await until(app, lambda seen: seen == ["begun"])
    call.cancel()
    await asyncio.wait({call})
    await until(app, lambda seen: seen[-1:] == ["cleaned up"])


@pytest.mark.parametrize("mode", GENERATIONS)
async def test_open_streams_end_with_the_server(app: AppContext, mode: str) -> None:
    """The end of the app waits for no client that listens, and leaves nothing behind."""
    app.load({"api.py": WORK}, id="work")
    heard = Heard()
    async with connected(app.serve(port=0, mcp=True), mode, heard=heard) as client:
        assert (client.protocol_version == "2026-07-28") is (mode == "auto")
        await client.list_tools()
        async with following(client, mode, heard):
            await asyncio.to_thread(app.load, {"api.py": f"{WORK}\n"}, id="work")
            await heard.wait_for("tools/list_changed")
            report = await asyncio.to_thread(app.stop)
    assert not app.snapshot().log or app.snapshot().log[-1].level == "INFO"
    assert not report.unsettled


async def _take(*_: Any) -> None:
    """Take what a call tells."""


async def until(app: AppContext, fits: Callable[[list[str]], bool]) -> None:
    """Wait until what the service has seen fits."""
    service = app.get_service("work")
    await asyncio.to_thread(wait_for, lambda: fits(service.told().result()))
