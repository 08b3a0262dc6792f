"""The tab Routes, through its messages: the slow one is found and tried; failing paths."""

from __future__ import annotations

import base64
import json
from typing import Any
from unittest.mock import ANY

import pytest

from modframe import AppContext
from tests.cockpit.front import Front

SHOP = '''
import asyncio
import time
from typing import Annotated
from fastapi import APIRouter, Body, Cookie, Form, Header, HTTPException, Response, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from modframe.decorators import module

router = APIRouter()

class Kind(BaseModel):
    label: str

class Order(BaseModel):
    """An order."""
    item: str
    kind: Kind | None = None
    password: str = ""
    model_config = {"json_schema_extra": {"examples": [{"item": "tea"}]}}

@router.get("/quick")
def quick():
    return {"quick": True}

@router.get("/slow/{number:int}")
def slow(number: int, page: int = 1, tag: list[str] | None = None):
    """Take its time."""
    time.sleep(0.05)
    return {"number": number, "page": page}

@router.post("/orders", status_code=201)
def order(order: Order, x_token: Annotated[str, Header()] = "", session: Annotated[str, Cookie()] = ""):
    return {"order": order, "token": x_token, "session": session}

@router.post("/form")
def form(name: Annotated[str, Form()], count: Annotated[int, Form()] = 1):
    return name * count

@router.post("/upload")
async def upload(file: UploadFile, note: Annotated[str, Form()] = ""):
    return [file.filename, len(await file.read()), note]

@router.get("/files/{path:path}")
def files(path: str):
    return path

@router.get("/fail")
def fail():
    raise KeyError("gone")

@router.get("/teapot")
def teapot():
    raise HTTPException(418, "short and stout")

@router.get("/picture")
def picture():
    return Response(b"\\x89PNG\\r\\n\\x1a\\n", media_type="image/png")

@router.get("/events/{n}")
async def events(n: int):
    async def lines():
        for i in range(n):
            yield f"line {i}\\n"
        if n == 1:
            await asyncio.Event().wait()
    return StreamingResponse(lines(), media_type="text/plain")

@router.get("/hang")
async def hang():
    await asyncio.Event().wait()

@router.websocket("/ws")
async def ws(socket):
    ...

@module
class Shop:
    pass
'''
PREFIX = "/api/v1/shop"


@pytest.fixture
def shop(app: AppContext, front: Front) -> Front:
    """A front end of an app in which the shop is live."""
    app.load({"api.py": SHOP}, id="shop")
    return front


def send(front: Front, method: str, path: str, **given: Any) -> Any:
    """The answer to a request."""
    return front.ask("request", request={"method": method, "path": f"{PREFIX}{path}", **given})


def fields_of(route: Any) -> list[tuple[str, Any]]:
    """The fields of a route's form, each with the place of what it says."""
    sections = [(one["name"], one) for one in route["fields"] if one["kind"] == "section"]
    return [(place, field) for place, section in sections for field in section["fields"]]


def body(answer: Any) -> Any:
    """The body of an answer, which is JSON."""
    assert answer["body"]["kind"] == "json"
    return json.loads(answer["body"]["text"])


def test_the_slow_route_is_found_and_tried(shop: Front) -> None:
    """It has the largest p95 of all; what it takes comes with it, and its answer has a time."""
    send(shop, "GET", "/quick")
    answer = send(shop, "GET", "/slow/{number:int}", inside={"number": "7"}, query={"page": "2"})
    assert (answer["status"], answer["reason"], body(answer)) == (
        200,
        "OK",
        {"number": 7, "page": 2},
    )
    assert answer["ms"] >= 50
    assert ["content-type", "application/json"] in answer["headers"]
    rows = shop.ask("routes")
    slowest = max(rows, key=lambda row: row["p95"])
    assert (slowest["module"], slowest["path"]) == (
        "standard.shop",
        f"{PREFIX}/slow/{{number:int}}",
    )
    assert (slowest["count"], slowest["errors"], slowest["summary"]) == (1, 0, "Take its time")
    assert {row["module"] for row in rows} > {"standard.shop"}
    assert {row["module"] for row in shop.ask("routes", module="shop")} == {"standard.shop"}
    facts = shop.ask("route", module="shop", method="GET", path=slowest["path"])
    assert [(place, one["name"], one["required"]) for place, one in fields_of(facts)] == [
        ("path", "number", True), ("query", "page", False),
    ]  # fmt: skip
    assert (facts["endpoint"], facts["generation"]) == ("slow", 1)
    line = next(n for n, text in enumerate(SHOP.split("\n"), 1) if "/slow" in text)
    assert facts["source"] == {"file": "api.py", "line": line}


def test_bodies(shop: Front) -> None:
    """JSON with its schema and declared example; forms; files; headers and cookies."""
    facts = shop.ask("route", module="shop", method="POST", path=f"{PREFIX}/orders")
    own = facts["fields"][-1]
    texts = {one["title"]: json.loads(one["text"]) for one in own["texts"]}
    assert (own["name"], own["type"], facts["body_kind"]) == ("body", "application/json", "json")
    assert texts == {"Example 1": {"item": "tea"}, "Template": {"item": "tea"}}
    places = {one["name"]: (place, one["kind"]) for place, one in fields_of(facts)}
    assert places == {"x-token": ("header", "secret"), "session": ("cookie", "text")}
    answer = send(
        shop, "POST", "/orders", kind="json", body='{"item": "tea"}',
        headers={"x-token": "t1"}, cookies={"session": "s1"},
    )  # fmt: skip
    assert (answer["status"], body(answer)["order"]["item"]) == (201, "tea")
    assert (body(answer)["token"], body(answer)["session"]) == ("t1", "s1")
    answer = send(shop, "POST", "/form", kind="form", body={"name": "ab", "count": 2})
    assert body(answer) == "abab"
    file = {"$bytes": base64.b64encode(b"abc").decode(), "name": "a.txt"}
    answer = send(shop, "POST", "/upload", kind="multipart", body={"file": file, "note": "n"})
    assert body(answer) == ["a.txt", 3, "n"]
    assert body(send(shop, "GET", "/files/{path:path}", inside={"path": "a/b c?"})) == "a/b c?"


def test_failing_paths(shop: Front) -> None:
    """Refusals and faults are answers; what can't be sent says which field."""
    answer = send(shop, "POST", "/orders", kind="json", body='{"item": ')
    assert (answer["status"], body(answer)["status"]) == (422, 422)
    assert send(shop, "GET", "/fail")["status"] == 500
    assert send(shop, "GET", "/teapot")["status"] == 418
    [row] = [one for one in shop.ask("routes", module="shop") if one["path"].endswith("/fail")]
    assert (row["count"], row["errors"]) == (1, 1)
    path = f"{PREFIX}/slow/{{number:int}}"
    fault = shop.fault("request", request={"method": "GET", "path": path})
    assert (fault["field"], fault["faults"]) == ("path.number", {"path.number": "is required"})
    fault = shop.fault("route", module="shop", method="GET", path="/gone")
    assert "no route GET /gone any more" in fault["message"]


def test_answers_of_every_kind(shop: Front) -> None:
    """An image, a stream piece by piece and bounded, one that waits and is left, one that hangs."""
    assert send(shop, "GET", "/picture")["body"]["kind"] == "image"
    path = f"{PREFIX}/events/{{n}}"
    asked = shop.start("request", request={"method": "GET", "path": path, "inside": {"n": "3"}})
    answer = shop.answer(asked)
    assert (answer["body"]["text"], answer["cut"]) == ("line 0\nline 1\nline 2\n", False)
    assert [one["text"] for one in shop.parts[asked]] == ["line 0\n", "line 1\n", "line 2\n"]
    asked = shop.start(
        "request", request={"method": "GET", "path": path, "inside": {"n": "100000"}}
    )
    assert shop.answer(asked)["cut"]
    assert len(shop.parts[asked]) == 500
    asked = shop.start("request", request={"method": "GET", "path": path, "inside": {"n": "1"}})
    shop.wait_for(lambda: shop.parts.get(asked))
    shop.cancel(asked)
    answer = shop.answer(asked)
    assert (answer["body"]["text"], answer["cut"]) == ("line 0\n", True)
    asked = shop.start("request", request={"method": "GET", "path": f"{PREFIX}/hang"})
    shop.cancel(asked)
    with pytest.raises(Exception, match="It was cancelled"):
        shop.answer(asked)


def test_a_request_as_text(shop: Front) -> None:
    """As curl, for httpx and for a cell; what means a secret is stars; what lacks keeps its name."""
    given = {
        "method": "POST", "path": f"{PREFIX}/files/{{path:path}}/{{name}}",
        "inside": {"path": "a b/c"}, "query": {"tag": ["x", "y"]},
        "headers": {"x-token": "t1", "x-note": "it's"}, "cookies": {"session": "s1"},
        "kind": "json", "body": '{"item": true, "password": "hush"}',
    }  # fmt: skip
    texts = {one["title"]: one["text"] for one in shop.ask("request_code", request=given)}
    assert list(texts) == ["curl", "httpx", "cell"]
    address = f"{PREFIX}/files/a%20b/c/%7Bname%7D?tag=x&tag=y"
    assert "/shop/files/a%20b/c/%7Bname%7D?tag=x&tag=y' -H 'x-token: ***'" in texts["curl"]
    assert """-H 'x-note: it'"'"'s' -H 'Cookie: session=s1'""" in texts["curl"]
    assert f'client.request("POST", "{address}", headers=' in texts["cell"]
    assert "httpx.Client(base_url=" in texts["httpx"]
    get = {"method": "GET", "path": "/a"}
    assert shop.ask("request_code", request=get)[0]["text"].split() == ["curl", ANY]
    get |= {"kind": "text", "body": "b"}
    assert "curl -X GET " in shop.ask("request_code", request=get)[0]["text"]
    for text in texts.values():
        assert "hush" not in text
        assert "t1" not in text
    assert 'json={"item": True, "password": ' in texts["cell"]
    body = {"note": "n", "file": {"$bytes": "YQ==", "name": "a.txt"}}
    given = {"method": "POST", "path": "/u", "kind": "multipart", "body": body}
    curl, httpx, _ = (one["text"] for one in shop.ask("request_code", request=given))
    assert curl.endswith("/u -F note=n -F file=@a.txt")
    assert 'files={"note": (None, "n"), "file": open("a.txt", "rb")}' in httpx
