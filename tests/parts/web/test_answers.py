"""What a sub-application answers, in process: results, problems, faults, and FastAPI's features."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, Body, Depends, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import BaseModel, Field, SecretStr, field_validator

from modframe.parts.web.application import build_web
from modframe.parts.web.errors import BrokenResponseError


class Login(BaseModel):
    """A body with a secret."""

    name: str = Field(min_length=3)
    password: SecretStr = Field(min_length=20)
    mode: Literal["a", "b"] = "a"

    @field_validator("name")
    @classmethod
    def _refuse(cls, value: str) -> str:
        if value.startswith("bad"):
            raise ValueError(f"{value} is refused")
        return value


class Cat(BaseModel):
    """One of two."""

    kind: Literal["cat"]


class Dog(BaseModel):
    """The other."""

    kind: Literal["dog"]


seen: list[str] = []


async def resource() -> AsyncIterator[str]:
    """A dependency that is given back."""
    seen.append("open")
    yield "r"
    seen.append("close")


def client(router: APIRouter, *, raises: bool = False) -> httpx.AsyncClient:
    web = build_web("standard.orders", router)
    transport = httpx.ASGITransport(web.asgi, raise_app_exceptions=raises)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1/orders")


async def test_http_exception_is_a_problem_that_keeps_its_headers() -> None:
    """An author's refusal is shown as RFC 9457, with its headers."""
    router = APIRouter()

    @router.get("/closed")
    async def closed() -> None:
        raise HTTPException(418, "closed today", headers={"X-Why": "tea"})

    async with client(router) as http:
        answer = await http.get("/closed", headers={"X-Correlation-ID": "call-7"})
    assert answer.status_code == 418
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-why"] == "tea"
    assert answer.headers["x-correlation-id"] == "call-7"
    assert answer.json() == {
        "type": "about:blank",
        "title": "I'm a Teapot",
        "status": 418,
        "detail": "closed today",
        "instance": "/api/v1/orders/closed",
        "correlation_id": "call-7",
    }


@pytest.mark.parametrize("status", [204, 205, 304])
async def test_a_status_without_a_body_has_none(status: int) -> None:
    """An HTTPException with a status that allows no body sends none."""
    router = APIRouter()

    @router.get("/nothing")
    async def nothing() -> None:
        raise HTTPException(status)

    async with client(router) as http:
        answer = await http.get("/nothing")
    assert (answer.status_code, answer.content) == (status, b"")
    assert answer.headers.get("content-length") == ("0" if status == 205 else None)


async def test_unknown_paths_and_methods_are_problems() -> None:
    """404 and 405 of the router are problems too, and 405 says what is allowed."""
    router = APIRouter()

    @router.get("/here")
    async def here() -> int:
        return 1

    async with client(router) as http:
        missing, wrong = await http.get("/nowhere"), await http.post("/here")
    assert missing.json()["status"] == 404
    assert wrong.json()["title"] == "Method Not Allowed"
    assert wrong.headers["allow"] == "GET"


async def test_validation_errors_repeat_nothing_of_the_input() -> None:
    """A 422 names place and limits, and no value that was sent, in any of its texts."""
    router = APIRouter()

    @router.post("/login")
    async def login(body: Login) -> int:
        return 1

    @router.post("/pet")
    async def pet(body: Annotated[Cat | Dog, Body(discriminator="kind")]) -> int:
        return 1

    async with client(router) as http:
        answer = await http.post(
            "/login", json={"name": "badword", "password": "hunter2", "mode": "zzz"}
        )
        tagged = await http.post("/pet", json={"kind": "griffin"})
        broken = await http.post(
            "/login", content=b'{"password": hunter2', headers={"content-type": "application/json"}
        )
    assert answer.status_code == 422
    for one in (answer, tagged, broken):
        assert one.headers["content-type"] == "application/problem+json"
        for secret in ("badword", "hunter2", "zzz", "griffin"):
            assert secret not in one.text
    errors = {tuple(error["loc"]): error for error in answer.json()["errors"]}
    assert errors["body", "name"]["msg"] == "Value error, … is refused"
    assert errors["body", "password"]["ctx"] == {"min_length": 20}
    assert errors["body", "mode"]["ctx"] == {"expected": "'a' or 'b'"}


@pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt, BaseException])
@pytest.mark.parametrize("sync", [True, False])
async def test_an_unexpected_exception_is_a_500_without_its_text(
    kind: type[BaseException], sync: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a handler lets out, the client gets an id and the log the traceback."""
    router = APIRouter()

    def fail() -> None:
        raise kind("the password is hunter2")

    async def fail_async() -> None:
        fail()

    router.get("/fail")(fail if sync else fail_async)
    with caplog.at_level(logging.ERROR, "modframe.modules.standard.orders"):
        async with client(router) as http:
            answer = await http.get("/fail")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "hunter2" not in answer.text
    [record] = caplog.records
    assert record.name == "modframe.modules.standard.orders"
    assert record.correlation_id == answer.json()["correlation_id"]  # type: ignore[attr-defined]
    assert record.exc_info is not None
    assert record.exc_info[0] is kind


async def test_a_response_that_broke_off_is_raised_for_the_server() -> None:
    """Once a response began it can't become a problem: the server must close the connection."""
    router = APIRouter()

    @router.get("/half")
    async def half() -> StreamingResponse:
        async def parts() -> AsyncIterator[str]:
            yield "one"
            raise ValueError("two")

        return StreamingResponse(parts())

    async with client(router, raises=True) as http:
        with pytest.raises(BrokenResponseError, match="GET /api/v1/orders/half broke off") as info:
            await http.get("/half")
    assert info.value.module_id == "standard.orders"  # type: ignore[attr-defined]


async def test_a_failing_background_task_leaves_the_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What fails after the answer is logged, and the answer stands."""
    router = APIRouter()

    def later() -> None:
        raise ValueError("later")

    @router.get("/job")
    async def job(tasks: BackgroundTasks) -> int:
        tasks.add_task(later)
        return 7

    async with client(router, raises=True) as http:
        answer = await http.get("/job")
    assert answer.json() == 7
    assert "ValueError" in caplog.text


async def test_fastapi_features_work_below_a_prefix() -> None:
    """Sub-routers, dependencies, `yield`, custom responses, url_for, redirects, app.state."""
    seen.clear()

    def gate() -> None:
        seen.append("gate")

    router = APIRouter(dependencies=[Depends(gate)])
    inner = APIRouter(prefix="/inner")

    @router.get("/r/{x}", name="one")
    async def one(x: int, held: Annotated[str, Depends(resource)]) -> str:
        return f"{held}{x}"

    @inner.get("/text", response_class=PlainTextResponse)
    async def text(request: Request) -> str:
        request.app.state.used = True
        return f"{request.url_for('one', x=3)} {request.url.path}"

    @router.post("/made", status_code=201)
    def made(response: Response) -> dict[str, Any]:
        response.headers["X-Made"] = "1"
        return {"ok": True}

    @router.get("/")
    async def root() -> str:
        return "root"

    router.include_router(inner)
    async with client(router) as http:
        assert (await http.get("/r/5")).json() == "r5"
        assert seen == ["gate", "open", "close"]
        plain = await http.get("/inner/text")
        assert plain.text == "http://localhost/api/v1/orders/r/3 /api/v1/orders/inner/text"
        created = await http.post("/made")
        assert (created.status_code, created.headers["x-made"]) == (201, "1")
        moved = await http.get("http://localhost/api/v1/orders")
        assert moved.headers["location"] == "http://localhost/api/v1/orders/"
        assert (await http.get("/")).json() == "root"


async def test_paths_work_behind_a_root_path() -> None:
    """Under a proxy's prefix the module answers and makes URLs that have it."""
    router = APIRouter()

    @router.get("/where", name="where")
    async def where(request: Request) -> str:
        return str(request.url_for("where"))

    web = build_web("standard.orders", router)
    transport = httpx.ASGITransport(web.asgi, root_path="/proxy")
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.get("/proxy/api/v1/orders/where")
    assert answer.json() == "http://localhost/proxy/api/v1/orders/where"
