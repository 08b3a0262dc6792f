"""The tab *Routes*: which routes there are, what one takes, and a request to it without a port."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Mapping

from httpx import AsyncClient, Response

from ...errors import FormError
from ...parts.web.client import async_client
from ...parts.web.examples import declared_bodies
from ...parts.web.problem import Message, Receive, Scope, Send
from ...view.snapshot import ModuleView, thaw
from ..as_code import Texts, request_texts
from ..asks import Ask, Operation
from ..form import Form, Json, first_of
from ..inputs import field_of, fields_of, sample_of
from ..requests import PARAMETER, PLACES, BodyKind, Request
from ..values import Shown, image_facts, json_facts, text_facts
from .services import numbers_of, source_of, views_of

PIECES, BYTES = 500, 2_000_000
"""How many pieces, and bytes, of an answer without a length are shown; then it is left."""
_FORMS = ("form", "multipart")
_SERVER = "http://localhost:8000"
"""Where requests go in code while nothing is served."""


def routes(ask: Ask, module: str | None = None) -> list[Json]:
    """Return a row for each route of a module, or of all: what it is, and its numbers."""
    return [row for view in views_of(ask.facts, module) for row in _rows_of(view)]


def _rows_of(view: ModuleView) -> Iterator[Json]:
    answered = view.parts.get("traffic", {}).get("routes", ())
    counted = {(one["method"], one["route"]): one for one in answered}
    for facts in view.routes:
        key = facts["method"], PARAMETER.sub(r"{\1}", facts["path"])
        about = {"module": view.id, "generation": view.generation}
        yield {**about, **thaw(facts), **numbers_of(counted.get(key))}


def route(ask: Ask, module: str, method: str, path: str) -> Json:
    """Return all that is known of one route: its row, and what the OpenAPI document says of it.

    ``fields`` are those of a form for a request, by the place of what they say; ``body_kind``
    is what its body is.
    """
    [view] = views_of(ask.facts, module)
    rows = [one for one in _rows_of(view) if (one["method"], one["path"]) == (method, path)]
    if not rows:
        raise FormError(
            f"{module} has no route {method} {path} any more", cure="choose another one", field=""
        )
    row = rows[0]
    document = ask.app.run(_document_of(ask.app.test_client()))
    source = _source(ask, view.id, row)
    return {**row, "source": source, **_described(document, row)}


def _source(ask: Ask, module: str, row: Json) -> Json | None:
    """Return file and line of the function that answers; ``None`` if no module code does."""
    # It imports FastAPI, which views can do without.
    from ...parts.web.routes import contexts, place_of

    generation = ask.facts.live.generations.get(module)
    router = generation.spec.router if generation is not None else None
    if router is None:
        return None
    ends = [one.endpoint for one in contexts(router) if one.endpoint is not None]
    own = (end for end in ends if place_of(end) == (row["file"], row["line"]))
    return source_of(next(own, None))


async def _document_of(client: AsyncClient) -> Json:
    async with client:
        document: Json = (await client.get("/openapi.json")).json()
    return document


def _described(document: Json, row: Json) -> Json:
    """Return the form of a route; what the document does not have is made of its row."""
    operation = _operation(document, row["method"].lower(), row["path"])
    if operation is None:
        names = [("path", name) for name in row["path_params"]]
        names += [("query", name) for name in row["query_params"]]
        sections = _sections([{"name": name, "in": place} for place, name in names], {})
        return {"description": "", "body_kind": "none", "fields": sections}
    body = operation.get("requestBody") or {}
    media, kind = _media_of(body.get("content", {}))
    return {
        "description": operation.get("description", ""),
        "deprecated": bool(operation.get("deprecated")),
        "body_kind": kind,
        "fields": [
            *_sections(operation.get("parameters", ()), document),
            *_body(kind, media, operation, document),
        ],
    }


def _media_of(content: Json) -> tuple[str, BodyKind]:
    """Return the type of a body that a form has inputs for, and what kind it is of."""
    kinds: dict[str, BodyKind] = {
        "application/json": "json",
        "application/x-www-form-urlencoded": "form",
        "multipart/form-data": "multipart",
    }
    media = next((one for one in kinds if one in content), next(iter(content), ""))
    return media, "json" if media.endswith("+json") else kinds.get(
        media, "text" if media else "none"
    )


def _operation(document: Json, method: str, path: str) -> Json | None:
    """Return the operation of a route; where two modules share a path, its names may differ."""
    from ...parts.web.routes import without_names

    wanted = PARAMETER.sub(r"{\1}", path)
    items = document.get("paths", {})
    like = [wanted, *(one for one in items if without_names(one) == without_names(wanted))]
    found = (items[one][method] for one in like if method in items.get(one, {}))
    return next(found, None)


def _sections(parameters: Iterable[Json], document: Json) -> list[Json]:
    """Return the fields of parameters by their place in a request."""
    given = [(one["in"], _parameter(one, document)) for one in parameters]
    fields = {place: [field for at, field in given if at == place] for place in PLACES}
    return [_section(place, inside) for place, inside in fields.items() if inside]


def _section(name: str, fields: list[Json]) -> Json:
    field = {"name": name, "kind": "section", "required": False, "type": "", "fields": fields}
    return {**field, "first": first_of(field, None)}


def _parameter(one: Json, document: Json) -> Json:
    """Return the field of a parameter, which shows its declared example at first."""
    examples = [value.get("value") for value in one.get("examples", {}).values()]
    example = one.get("example", next(iter(examples), None))
    given = {"required": bool(one.get("required")), "about": one.get("description", "")}
    field = field_of(one["name"], one.get("schema", {}), document, **given)
    return field if example is None else {**field, "first": first_of(field, example)}


def _body(kind: BodyKind, media: str, operation: Json, document: Json) -> Iterator[Json]:
    """Yield the field of a body: its fields, or its text, which begins as one of the ``texts``."""
    if kind in _FORMS:
        schema = operation["requestBody"]["content"][media].get("schema", {})
        if fields := fields_of(schema, document):
            yield _section("body", fields)
    elif kind != "none":
        texts = _texts_of(operation, document) if kind == "json" else []
        required = bool(operation["requestBody"].get("required"))
        field = {"name": "body", "kind": "body", "required": required, "type": media}
        yield {**field, "texts": texts, "first": texts[0]["text"] if texts else ""}


def _texts_of(operation: Json, document: Json) -> list[Json]:
    """Return the texts that a JSON body may begin with: the declared examples, and a template."""
    given = [one for one in declared_bodies(operation, document) if one is not None]
    content = operation["requestBody"]["content"]
    schema = next(one for media, one in content.items() if media.endswith("json")).get("schema", {})
    bodies = {f"Example {number}": one for number, one in enumerate(given, 1)}
    bodies["Template"] = sample_of(schema, document)
    return [
        {"title": title, "text": json.dumps(body, indent=2, ensure_ascii=False)}
        for title, body in bodies.items()
    ]


# -- the request -----------------------------------------------------------------------------------


def request(ask: Ask, request: Request, form: Form | None = None) -> Json:
    """Send a request to the app itself and return its answer: status, headers, body, time.

    A form has the fields that `route` returns, and fills the request in.

    Pieces of an answer that is a stream are parts, each as it comes. Cancelled, such an answer ends
    as it does when its client leaves.
    """
    client = _Client(ask)
    request = request.filled(form.values()) if form else request
    url, headers, content = request.url(), request.all_headers(), request.content()

    async def send() -> Response:
        async with async_client(client.app, ask.facts.app_loop) as sender:
            return await sender.request(
                request.method, url, headers=headers, timeout=None, **content
            )

    began = time.perf_counter()
    started = ask.start(send, f"{request.method} {request.path}")
    ask.on_cancel(lambda: None if client.leave() else started.cancel())
    response = started.result()
    took = (time.perf_counter() - began) * 1000
    return _answer(response, took, cut=client.left)


def request_code(ask: Ask, request: Request, form: Form | None = None) -> Texts:
    """Return a request as curl, for httpx and as code of a cell; nothing is sent."""
    request = request.filled(form.readable()) if form else request
    return request_texts(request, ask.facts.url() or _SERVER)


def _answer(response: Response, took: float, *, cut: bool) -> Json:
    return {
        "status": response.status_code,
        "reason": response.reason_phrase,
        "headers": response.headers.multi_items(),
        "ms": round(took, 2),
        "bytes": len(response.content),
        "body": _shown_body(response),
        "cut": cut,
    }


def _shown_body(response: Response) -> Shown:
    """Return the body as it is shown: an image, JSON with indents, or text."""
    media = response.headers.get("content-type", "").partition(";")[0].strip()
    if media.startswith("image/") and (image := image_facts(response.content, media)):
        return image
    if media.endswith("json"):
        try:
            return json_facts(response.json())
        except ValueError:
            return text_facts(response.text)
    if not media or media.startswith("text/") or "xml" in media or "x-ndjson" in media:
        return text_facts(response.text)
    return text_facts(f"{len(response.content):,} bytes of {media}")


class _Client:
    """The client of one request: what an answer without a length sends is told, up to a bound.

    Attributes:
        left: Whether it has left before the end of the answer.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._end = asyncio.Event()
        self._streams = False
        self._pieces = self._bytes = 0
        self.left = False

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does, until the client leaves."""
        whole = False

        async def listen() -> Message:
            nonlocal whole
            if not whole:
                message = await receive()
                whole = not message.get("more_body", False)
                return message
            await self._end.wait()
            return {"type": "http.disconnect"}

        async def tell(message: Message) -> None:
            self._note(message)
            if not self.left:
                await send(message)
            await asyncio.sleep(0)  # so that an answer that never waits hears that nobody reads it

        await self._ask.facts.asgi()(scope, listen, tell)
        if self.left:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _note(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            names = {bytes(name).lower() for name, _ in message.get("headers", ())}
            self._streams = b"content-length" not in names
            return
        body = message.get("body", b"")
        if not message.get("more_body", False):
            self._end.set()
        elif self._streams and not self.left and body:
            self._pieces += 1
            self._bytes += len(body)
            self._ask.part(text_facts(body.decode(errors="replace")))
            if self._pieces >= PIECES or self._bytes >= BYTES:
                self.leave()

    def leave(self) -> bool:
        """Leave an answer that is a stream, and return whether it is one; on any thread."""
        if self._pieces and not self._end.is_set():
            self.left = True
            self._ask.facts.app_loop.loop.call_soon_threadsafe(self._end.set)
        return bool(self._pieces)


OPERATIONS: Mapping[str, Operation] = {
    "routes": routes,
    "route": route,
    "request": request,
    "request_code": request_code,
}
