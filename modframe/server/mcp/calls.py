"""`Calls`: calls a tool through the handle of its service, and tells how far the call is.

In come the name of a tool and its arguments as JSON; out goes the answer. Each call runs in a task
of its own: a client that cancels, or leaves, cancels the method once, which may then clean up.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from contextvars import copy_context
from functools import partial
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp import MCPError
from mcp_types import INVALID_PARAMS, CallToolResult

from ...observe import correlation_id
from ...parts.web.problem import RequestId
from ...runtime.gate import Work, current_work
from ...runtime.generation import wait_for_gate
from ...runtime.loop.bounds import EAGERLY
from ...tasks import current_run
from ...wording import near
from .answers import MOST_ITEMS, Answers, to_plain
from .facts import Facts
from .tools import Tool, Tools

_NO_REQUEST = {"headers": ()}
_WAITING = 100
"""How many reports may wait for a client that reads slowly; more are left out."""

Report = tuple[float, float | None, str]
Tell = Callable[[float, float | None, str], Awaitable[None]]


class Calls:
    """The calls of assistants; must be on the app loop."""

    def __init__(self, facts: Facts, tools: Tools) -> None:
        self._facts = facts
        self._tools = tools
        self._answers = Answers(facts.secrets)
        self._running: set[asyncio.Task[None]] = set()

    async def call(
        self, name: str, values: Mapping[str, Any], tell: Tell | None = None
    ) -> CallToolResult:
        """Call a tool and return its answer; cancelling this cancels the method.

        Args:
            name: The tool's.
            values: Its arguments.
            tell: Tells the client how far the call is; ``None`` if it doesn't ask.

        Raises:
            MCPError: If there is no such tool.
        """
        known = self._tools.by_name()
        tool = known.get(name)
        if tool is None:
            hint = near(name, known) or "list the tools again"
            raise MCPError(INVALID_PARAMS, f"there is no tool {name!r}; {hint}".rstrip())
        reports = _Reports(self._answers) if tell is not None else None
        answer: asyncio.Future[CallToolResult] = asyncio.get_running_loop().create_future()
        work = Work()
        task = self._facts.spawn(
            self._run(tool, values, reports, work=work, answer=answer),
            name=f"modframe-tool-{name}",
            context=copy_context(),
            **EAGERLY,
        )
        ended = partial(self._ended, tool, reports, answer)
        if task.done():
            ended(task)
        else:
            self._running.add(task)
            task.add_done_callback(ended)
        try:
            if reports is not None and tell is not None:
                await reports.pass_on(tell)
            return await answer
        except BaseException:
            task.cancel()
            raise

    def _ended(
        self,
        tool: Tool,
        reports: _Reports | None,
        answer: asyncio.Future[CallToolResult],
        task: asyncio.Task[None],
    ) -> None:
        self._running.discard(task)
        if reports is not None:
            reports.close()
        if not answer.done():  # the method has cancelled itself
            error = asyncio.CancelledError()
            answer.set_result(self._answers.of_error(tool, error, secrets.token_hex(8)))

    async def _run(
        self,
        tool: Tool,
        values: Mapping[str, Any],
        reports: _Reports | None,
        *,
        work: Work,  # stragglers.py reads this name
        answer: asyncio.Future[CallToolResult],
    ) -> None:
        """Run the method in this task, and answer; only cancellation leaves it.

        The answer is there with the task's last step: who waits for the end of a task waits for
        one more turn of the loop.
        """
        current_work.set(work)
        given = await self._answer(tool, values, reports)
        if not answer.done():
            answer.set_result(given)

    async def _answer(
        self, tool: Tool, values: Mapping[str, Any], reports: _Reports | None
    ) -> CallToolResult:
        current_run.set(reports)
        if (correlation := correlation_id.get()) is None:
            correlation_id.set(correlation := RequestId(_NO_REQUEST))
        try:
            generation = self._facts.live.generations.get(tool.module_id)
            if generation is not None and generation.gate is not None:
                await wait_for_gate(lambda: self._facts.live.generations.get(tool.module_id))
            outcome = self._begin(self._tools.by_name().get(tool.name, tool), values)
            if hasattr(outcome, "__aiter__"):
                return await self._collect(outcome, reports)
            return self._answers.of_value(await outcome)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001  # between module code and the client
            return self._answers.of_error(tool, error, str(correlation))

    def _begin(self, tool: Tool, values: Mapping[str, Any]) -> Any:
        """Begin the call; between this and its first step nothing else runs, no swap either."""
        tool.arguments.check_names(values.keys())
        args, named = tool.arguments.fit(values)
        return getattr(self._facts.get_service(tool.service), tool.method)(*args, **named)

    async def _collect(self, items: AsyncIterator[Any], reports: _Reports | None) -> CallToolResult:
        found: list[Any] = []
        async with aclosing(items):  # type: ignore[type-var]  # a handle's stream can be closed
            async for item in items:
                if len(found) == MOST_ITEMS:
                    return self._answers.of_items(found, cut=True)
                found.append(to_plain(item))
                if reports is not None:
                    await reports.tell(len(found), self._answers.item_text(found[-1]))
        return self._answers.of_items(found, cut=False)


class _Reports:
    """How far a call is: what its method says (``tasks.progress``), or the items it yields.

    The client gets numbers that grow, as the protocol wants it.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._last: float | None = None
        self._send: MemoryObjectSendStream[Report]
        self._receive: MemoryObjectReceiveStream[Report]
        self._send, self._receive = anyio.create_memory_object_stream(_WAITING)

    def report(self, done: float, total: float | None, text: str) -> None:
        """Tell it if the client keeps up; called by the method, on whichever thread."""
        if threading.get_ident() != self._thread:
            self._loop.call_soon_threadsafe(self.report, done, total, text)
            return
        if self._last is not None and done <= self._last:
            return
        self._last = done
        # A newer one follows, or the client has left.
        with suppress(anyio.WouldBlock, anyio.BrokenResourceError, anyio.ClosedResourceError):
            self._send.send_nowait((done, total, self._answers.clean(text)))

    async def tell(self, number: int, text: str) -> None:
        """Tell an item of a stream, which waits for a client that reads slowly."""
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):  # the client has left
            await self._send.send((float(number), None, text))

    async def pass_on(self, tell: Tell) -> None:
        """Tell the client each report until the call has ended."""
        with self._receive:
            async for done, total, text in self._receive:
                await tell(done, total, text)

    def close(self) -> None:
        """End `pass_on`."""
        self._send.close()
