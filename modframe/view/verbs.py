"""`Verbs`: what the buttons of a view start, as plain functions.

The engine makes them and passes them to the view. Each starts something on the app loop and returns
a `Call` at once. They run in an empty context, so that what module code prints goes to the log.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..errors import NotRunningError
from ..masking import mask_urls
from ..parts.web.client import async_client
from ..runtime.calls.call import Call
from ..runtime.loop.app_loop import AppLoop
from .arguments import fit_arguments
from .results import Answer, Items
from .snapshot import Snapshot

if TYPE_CHECKING:
    from httpx import AsyncClient

FIRST_ITEMS = 20
"""How many items of a generator are shown."""


@dataclass(frozen=True, slots=True)
class Verbs:
    """The functions that buttons call.

    Attributes:
        call: Takes service name, method name and arguments by name; returns the started call.
        request: Takes HTTP method, path, query and JSON body; returns the started request, whose
            value is an `Answer`.
        mask: Takes the secrets of the app out of what is shown of a result.
    """

    call: Callable[[str, str, Mapping[str, Any]], Call[Any]]
    request: Callable[[str, str, Mapping[str, str], Any], Call[Answer]]
    mask: Callable[[str], str] = mask_urls


def make_verbs(
    app_loop: AppLoop,
    *,
    get_service: Callable[[str], Any],
    asgi: Callable[[], Any],
    mask: Callable[[str], str],
) -> Verbs:
    """Make the verbs of a running app.

    Args:
        app_loop: Runs what they start.
        get_service: Returns the handle of a service by its name.
        asgi: Returns the ASGI application; requests need no port.
        mask: Takes the secrets of the app out of a text.
    """

    def call(service: str, method: str, values: Mapping[str, Any]) -> Call[Any]:
        bound = getattr(get_service(service), method)
        args, named = fit_arguments(bound, values)
        return _started(app_loop, lambda: _value(bound(*args, **named)), f"{service}.{method}")

    def request(method: str, path: str, query: Mapping[str, str], body: Any) -> Call[Answer]:
        def answer() -> Coroutine[Any, Any, Answer]:
            client = async_client(asgi(), app_loop)
            return _answer(client, method, path, query=query, body=body)

        return _started(app_loop, answer, f"{method} {path}")

    return Verbs(call, request, mask)


def while_running(app_loop: AppLoop, snapshot: Callable[[], Snapshot]) -> Callable[[], Snapshot]:
    """Return a function that returns the snapshot.

    It raises `NotRunningError` once the app has stopped.
    """

    def snapshot_or_raise() -> Snapshot:
        if app_loop.loop.is_closed():
            raise NotRunningError("modframe was stopped", cure="call modframe.start() again")
        return snapshot()

    return snapshot_or_raise


def _started(
    app_loop: AppLoop, begin: Callable[[], Coroutine[Any, Any, Any]], label: str
) -> Call[Any]:
    async def run() -> Any:
        return await begin()

    return Call(app_loop, lambda: app_loop.spawn(run(), name=label), label)


async def _value(outcome: Any) -> Any:
    """Return the value of a method's call; the first items of a generator."""
    if hasattr(outcome, "__await__"):
        outcome = await outcome
    if isinstance(outcome, AsyncIterator):
        return await _first_of(outcome)
    if hasattr(outcome, "__next__"):
        items = list(islice(outcome, FIRST_ITEMS + 1))
        return Items(tuple(items[:FIRST_ITEMS]), more=len(items) > FIRST_ITEMS)
    return outcome


async def _first_of(source: AsyncIterator[Any]) -> Items:
    items: list[Any] = []
    try:
        async for item in source:
            if len(items) == FIRST_ITEMS:
                return Items(tuple(items), more=True)
            items.append(item)
    finally:
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()
    return Items(tuple(items), more=False)


async def _answer(
    client: AsyncClient, method: str, path: str, *, query: Mapping[str, str], body: Any
) -> Answer:
    async with client:
        response = await client.request(method, path, params=dict(query), json=body)
    return Answer(response.status_code, response.reason_phrase, tuple(response.headers.items()),
                  response.text)  # fmt: skip
