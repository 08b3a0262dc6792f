"""`Verbs`: what the buttons of a view can do, as plain functions that are handed to it.

The app makes them; each starts something on the app loop and gives a `Call` at once. They begin
in an empty context: what module code prints then goes to the log, not into a cell.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import httpx

from ..errors import NotRunningError
from ..runtime.calls.call import Call
from ..runtime.loop import AppLoop
from .arguments import fit
from .results import Answer, Items
from .snapshot import Snapshot

FIRST_ITEMS = 20
"""How much of a generator's output is shown."""


class Running(Protocol):
    """What a view needs of something that was started."""

    def result(self) -> Any:
        """Wait for its value."""

    def cancel(self) -> None:
        """Ask for its end."""


@dataclass(frozen=True, slots=True)
class Verbs:
    """What buttons are given.

    Attributes:
        call: Service name, method name, arguments by name → the started call.
        request: HTTP method, path, query, JSON body → the started request; gives an `Answer`.
    """

    call: Callable[[str, str, Mapping[str, Any]], Running]
    request: Callable[[str, str, Mapping[str, str], Any], Running]


def make_verbs(
    app_loop: AppLoop, *, get_service: Callable[[str], Any], asgi: Callable[[], Any]
) -> Verbs:
    """The verbs of a running app.

    Args:
        app_loop: Where they run.
        get_service: Name → handle.
        asgi: Gives the ASGI application; requests need no port.
    """

    def call(service: str, method: str, values: Mapping[str, Any]) -> Call[Any]:
        bound = getattr(get_service(service), method)
        args, named = fit(bound, values)
        return _started(app_loop, lambda: _value(bound(*args, **named)), f"{service}.{method}")

    def request(method: str, path: str, query: Mapping[str, str], body: Any) -> Call[Answer]:
        return _started(
            app_loop, lambda: _answer(asgi(), method, path, query=query, body=body),
            f"{method} {path}",
        )  # fmt: skip

    return Verbs(call, request)


def while_running(app_loop: AppLoop, snapshot: Callable[[], Snapshot]) -> Callable[[], Snapshot]:
    """The snapshot, for as long as the app runs.

    Raises:
        NotRunningError: From the function it gives, once the app was stopped.
    """

    def take() -> Snapshot:
        if app_loop.loop.is_closed():
            raise NotRunningError("modframe was stopped", cure="call modframe.start() again")
        return snapshot()

    return take


def _started(
    app_loop: AppLoop, begin: Callable[[], Coroutine[Any, Any, Any]], label: str
) -> Call[Any]:
    async def run() -> Any:
        return await begin()

    return Call(app_loop, lambda: app_loop.spawn(run(), name=label), label)


async def _value(outcome: Any) -> Any:
    """The value of a method's call; of a generator the first items."""
    if hasattr(outcome, "__await__"):
        outcome = await outcome
    if isinstance(outcome, AsyncIterator):
        return await _first_of(outcome)
    if hasattr(outcome, "__next__"):
        found = list(islice(outcome, FIRST_ITEMS + 1))
        return Items(tuple(found[:FIRST_ITEMS]), more=len(found) > FIRST_ITEMS)
    return outcome


async def _first_of(source: AsyncIterator[Any]) -> Items:
    found: list[Any] = []
    try:
        async for item in source:
            if len(found) == FIRST_ITEMS:
                return Items(tuple(found), more=True)
            found.append(item)
    finally:
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()
    return Items(tuple(found), more=False)


async def _answer(
    application: Any, method: str, path: str, *, query: Mapping[str, str], body: Any
) -> Answer:
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        response = await client.request(method, path, params=dict(query), json=body)
    return Answer(response.status_code, response.reason_phrase, tuple(response.headers.items()),
                  response.text)  # fmt: skip
