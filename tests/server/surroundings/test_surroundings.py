"""What stands around the modules: CORS, middleware, error handlers, lifespans; changed live."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import JSONResponse

import modframe
from modframe.app import AppContext
from modframe.errors import ArgumentError, SurroundingsError

SHOP = dedent(
    """
    from fastapi import APIRouter, HTTPException
    from modframe.decorators import module

    router = APIRouter()

    class SoldOut(Exception):
        pass

    @router.get("/items/{number}")
    async def item(number: int) -> dict:
        if number == 404:
            raise HTTPException(404, "no such item")
        if number == 500:
            raise ValueError("the shelf fell")
        if number == 409:
            raise LookupError("sold out")
        return {"number": number}

    @router.post("/items")
    async def add(item: dict) -> dict:
        return item

    @module
    class Shop:
        pass
    """
)
FRONT = "http://localhost:5173"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[AppContext]:
    """An app with one module of routes."""
    with modframe.start(workspace=tmp_path, modules=[], data=":memory:") as app:
        app.load({"api.py": SHOP}, id="shop")
        yield app


@pytest.fixture
def http(app: AppContext) -> Iterator[httpx.Client]:
    """A client of the served app."""
    with httpx.Client(base_url=app.serve(port=0).url) as client:
        yield client


def preflight(http: httpx.Client, origin: str) -> httpx.Response:
    """Ask as a browser does before a page sends JSON with a token."""
    return http.options(
        "/api/v1/shop/items",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )


# -- CORS -----------------------------------------------------------------------------------------


def test_a_listed_page_may_read_and_send(app: AppContext) -> None:
    """Its preflight passes, its POST too, and refusals can be read as well."""
    server = app.serve(port=0, cors=[FRONT])
    with httpx.Client(base_url=server.url, headers={"Origin": FRONT}) as http:
        asked = preflight(http, FRONT)
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == FRONT
        assert "authorization" in asked.headers["access-control-allow-headers"].lower()
        sent = http.post("/api/v1/shop/items", json={"a": 1})
        assert (sent.status_code, sent.json()) == (200, {"a": 1})
        for path in ("/api/v1/shop/items/404", "/nothing", "/api/v1/nobody"):
            refused = http.get(path)
            assert refused.status_code == 404
            assert refused.headers["access-control-allow-origin"] == FRONT
    with httpx.Client(base_url=server.url) as http:
        other = "http://evil.example"
        assert "access-control-allow-origin" not in preflight(http, other).headers
        sent = http.post("/api/v1/shop/items", json={"a": 1}, headers={"Origin": other})
        assert sent.status_code == 403


def test_origins_are_changed_while_it_serves(app: AppContext) -> None:
    """The same server goes on, with the new list."""
    server = app.serve(port=0, cors=[FRONT])
    other = "https://shop.example"
    assert app.serve(port=0, cors=[f"{other}:443/"]) is server
    with httpx.Client(base_url=server.url) as http:
        assert preflight(http, other).headers["access-control-allow-origin"] == other
        assert "access-control-allow-origin" not in preflight(http, FRONT).headers
        app.serve(port=0)  # says nothing about origins
        assert preflight(http, other).headers["access-control-allow-origin"] == other
        app.serve(port=0, cors=[])
        assert "access-control-allow-origin" not in preflight(http, other).headers


@pytest.mark.parametrize("origin", ["localhost:5173", "http://a/path", "null", "", "http://u@a"])
def test_what_is_no_origin_is_refused(app: AppContext, origin: str) -> None:
    """With how to write it, before anything is served."""
    with pytest.raises(SurroundingsError, match=r"is not the origin of a web page.*localhost:5173"):
        app.serve(port=0, cors=[origin])
    assert not app.serving
    with pytest.raises(ArgumentError, match="cors is a list of origins"):
        app.serve(port=0, cors=FRONT)  # type: ignore[arg-type]  # a text is no list


# -- middleware -----------------------------------------------------------------------------------


class Signed:
    """Adds a header to each answer."""

    def __init__(self, app: Any, word: str = "modframe") -> None:
        self.app, self.word = app, word

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def signed(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-signed", self.word.encode())]
            await send(message)

        await self.app(scope, receive, signed)


class Broken:
    """Raises before it calls anything."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("secret reason")


def test_middleware_is_around_modules_and_pages(app: AppContext, http: httpx.Client) -> None:
    """From the next request on; the same cell again replaces it, and it can be taken out."""
    assert "x-signed" not in http.get("/health/live").headers
    app.add_middleware(Signed)
    for path in ("/health/live", "/api/v1/shop/items/1", "/nothing"):
        assert http.get(path).headers.get_list("x-signed") == ["modframe"]
    app.add_middleware(Signed, word="again")
    assert http.get("/health/live").headers.get_list("x-signed") == ["again"]
    app.load({"api.py": SHOP.replace('"number": number', '"number": -number')}, id="shop")
    answer = http.get("/api/v1/shop/items/1")
    assert (answer.json(), answer.headers["x-signed"]) == ({"number": -1}, "again")
    app.remove_middleware(Signed)
    assert "x-signed" not in http.get("/health/live").headers
    with pytest.raises(SurroundingsError, match="no middleware Signed is there"):
        app.remove_middleware(Signed)


def test_the_last_one_added_is_outermost(app: AppContext, http: httpx.Client) -> None:
    """As in FastAPI and Starlette; their own middleware classes work too."""
    seen: list[str] = []

    async def first(request: Any, call_next: Any) -> Any:
        seen.append("first")
        return await call_next(request)

    class Second(BaseHTTPMiddleware):
        async def dispatch(self, request: Any, call_next: Any) -> Any:
            seen.append("second")
            return await call_next(request)

    app.add_middleware(BaseHTTPMiddleware, dispatch=first)
    app.add_middleware(Second)
    assert http.get("/api/v1/shop/items/1").json() == {"number": 1}
    assert seen == ["second", "first"]


def test_middleware_that_cant_be_made_changes_nothing(app: AppContext, http: httpx.Client) -> None:
    """Neither before the first request nor later."""
    app.add_middleware(Signed)
    with pytest.raises(SurroundingsError, match=r"Signed can't be made: TypeError.*options"):
        app.add_middleware(Signed, wrod="x")
    with pytest.raises(SurroundingsError, match="is no class"):
        app.add_middleware("Signed")  # type: ignore[arg-type]  # what a beginner writes
    assert http.get("/health/live").headers["x-signed"] == "modframe"


def test_middleware_that_raises_is_answered_and_recorded(
    app: AppContext, http: httpx.Client
) -> None:
    """Its text is in the log alone; taking it out mends the server."""
    app.add_middleware(Broken)
    answer = http.get("/api/v1/shop/items/1")
    assert answer.status_code == 500
    assert "secret reason" not in answer.text
    assert answer.json()["correlation_id"]
    assert any("secret reason" in str(event) for event in app.snapshot().log)
    app.remove_middleware(Broken)
    assert http.get("/api/v1/shop/items/1").status_code == 200


# -- error handlers -------------------------------------------------------------------------------


def test_one_shape_for_all_errors(app: AppContext, http: httpx.Client) -> None:
    """A module's HTTPException, a path where nothing is, a wrong method, and nothing live."""

    @app.exception_handler(HTTPException)
    def shaped(request: Any, error: Any) -> JSONResponse:
        return JSONResponse({"errors": {"body": [error.detail]}}, error.status_code)

    assert http.get("/api/v1/shop/items/404").json() == {"errors": {"body": ["no such item"]}}
    for path, status in (("/nothing", 404), ("/api/v1/nobody/x", 404), ("/api/v1/shop/no", 404)):
        answer = http.get(path)
        assert (answer.status_code, list(answer.json())) == (status, ["errors"])
    for path in ("/health", "/api/v1/shop/items/1"):
        answer = http.delete(path)
        assert (answer.status_code, list(answer.json())) == (405, ["errors"])
        assert answer.headers["allow"]


def test_a_status_has_its_own_shape(app: AppContext, http: httpx.Client) -> None:
    """422 with the faults of the request, without what was sent."""

    @app.exception_handler(422)
    async def shaped(request: Any, error: Any) -> JSONResponse:
        return JSONResponse({"faults": [one["loc"] for one in error.extra["errors"]]}, 422)

    assert http.get("/api/v1/shop/items/x").json() == {"faults": [["path", "number"]]}
    assert http.get("/api/v1/shop/items/404").json()["title"] == "Not Found"


def test_errors_by_class(app: AppContext, http: httpx.Client) -> None:
    """An expected one is not recorded; an unexpected one is, and its handler gets it."""

    @app.exception_handler(LookupError)
    def sold(request: Any, error: Any) -> JSONResponse:
        return JSONResponse({"sold": str(error)}, 409)

    @app.exception_handler(Exception)
    def unexpected(request: Any, error: Any) -> JSONResponse:
        return JSONResponse({"kind": type(error).__name__}, 500)

    answer = http.get("/api/v1/shop/items/409")
    assert (answer.status_code, answer.json()) == (409, {"sold": "sold out"})
    answer = http.get("/api/v1/shop/items/500")
    assert (answer.status_code, answer.json()) == (500, {"kind": "ValueError"})
    recorded = [str(event) for event in app.snapshot().log]
    assert any("the shelf fell" in line for line in recorded)
    assert not any("sold out" in line for line in recorded)


def test_a_handler_that_fails_leaves_modframes_answer(app: AppContext, http: httpx.Client) -> None:
    """And is recorded by its name."""

    @app.exception_handler(404)
    def shaped(request: Any, error: Any) -> Any:
        return {"no": "response"}

    answer = http.get("/nothing")
    assert (answer.status_code, answer.json()["title"]) == (404, "Not Found")
    assert any("shaped() failed" in str(event) for event in app.snapshot().log)
    with pytest.raises(SurroundingsError, match="neither an exception class nor a status"):
        app.exception_handler(200)(shaped)


# -- lifespans ------------------------------------------------------------------------------------


def test_a_lifespan_is_held_while_it_is_served(tmp_path: Path) -> None:
    """Entered before the first request, with the app; left when the app stops."""
    steps: list[str] = []
    with modframe.start(workspace=tmp_path, modules=[], data=":memory:") as app:

        @app.lifespan
        @asynccontextmanager
        async def pool(running: AppContext) -> AsyncIterator[dict[str, str]]:
            assert running is app
            steps.append("in")
            yield {"pool": "open"}
            steps.append("out")

        class Reader:
            def __init__(self, inner: Any) -> None:
                self.inner = inner

            async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
                steps.append(scope["state"]["pool"])
                await self.inner(scope, receive, send)

        app.add_middleware(Reader)
        server = app.serve(port=0)
        httpx.get(f"{server.url}/health/live")
        server.stop()
        app.serve(port=0)
    assert steps == ["in", "open", "out"]


def test_a_lifespan_that_fails_refuses_to_serve(app: AppContext) -> None:
    """It is named with its reason, and those before it are left."""
    steps: list[str] = []

    @app.lifespan
    @asynccontextmanager
    async def first(_: object) -> AsyncIterator[None]:
        yield
        steps.append("out")

    @app.lifespan
    @asynccontextmanager
    async def second(_: object) -> AsyncIterator[None]:
        raise OSError("no such host")
        yield

    with pytest.raises(SurroundingsError, match=r"second\(\) failed with OSError: no such host"):
        app.serve(port=0)
    assert steps == ["out"]
    assert not app.serving


# -- what a workspace declares --------------------------------------------------------------------


def declare(workspace: Path, text: str) -> None:
    (workspace / "pyproject.toml").write_text(f"[tool.modframe]\n{text}")


def test_a_workspace_declares_its_surroundings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names are imported from the workspace; the environment stands in place of the file."""
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    (tmp_path / "around_the_shop.py").write_text(
        "from tests.server.surroundings.test_surroundings import Signed\n"
        "from starlette.responses import JSONResponse\n"
        "def missing(request, error):\n    return JSONResponse({'gone': True}, 404)\n"
    )
    declare(
        tmp_path,
        f'cors = ["{FRONT}"]\n'
        'middleware = [{use = "around_the_shop:Signed", word = "toml"}]\n'
        'exception_handlers = {404 = "around_the_shop:missing"}\n',
    )
    with modframe.start(workspace=tmp_path, modules=[], data=":memory:") as app:
        with httpx.Client(base_url=app.serve(port=0).url) as http:
            answer = http.get("/nothing", headers={"Origin": FRONT})
        assert (answer.json(), answer.headers["x-signed"]) == ({"gone": True}, "toml")
        assert answer.headers["access-control-allow-origin"] == FRONT
    monkeypatch.setenv("MODFRAME_CORS", "https://a.example, https://b.example")
    monkeypatch.setenv("MODFRAME_MIDDLEWARE", "tests.server.surroundings.test_surroundings:Signed")
    with modframe.start(workspace=tmp_path, modules=[], data=":memory:") as app:
        assert list(app.surroundings.origins) == ["https://a.example", "https://b.example"]
        with httpx.Client(base_url=app.serve(port=0).url) as http:
            assert http.get("/health/live").headers["x-signed"] == "modframe"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('cors = ["shop"]', r"cors in \[tool.modframe\].*'shop' is not the origin"),
        ('middleware = ["nowhere:Thing"]', r"middleware in .*'nowhere:Thing' can't be imported"),
        ("middleware = 3", r"\[tool.modframe\] of pyproject.toml can't be read: middleware"),
        ('static = {"/" = "dist"}', r"static in .*dist of the static files at '/' is not there"),
        ('exception_handlers = {Nothing = "a:b"}', r"'Nothing' can't be imported"),
    ],
)
def test_faults_of_declarations_say_where_they_stand(tmp_path: Path, text: str, fault: str) -> None:
    """Nothing is served then."""
    declare(tmp_path, text)
    running = modframe.start(workspace=tmp_path, modules=[], data=":memory:")
    with running as app, pytest.raises(SurroundingsError, match=fault):
        app.serve(port=0)


async def test_create_app_has_the_same_verbs(tmp_path: Path) -> None:
    """Said before it starts, and changed while it runs."""
    hosted = modframe.create_app(workspace=tmp_path, modules=[], data=":memory:")
    hosted.add_middleware(Signed)

    @hosted.exception_handler(404)
    def missing(request: Any, error: Any) -> JSONResponse:
        return JSONResponse({"gone": True}, 404)

    transport = httpx.ASGITransport(hosted)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.get("/nothing")
        assert (answer.json(), answer.headers["x-signed"]) == ({"gone": True}, "modframe")
        hosted.add_middleware(Signed, word="later")
        assert (await http.get("/nothing")).headers["x-signed"] == "later"
    await hosted.aclose()
