"""The table: one request a row, with what is expected of its answer by the number of the module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that a router can do."""

    what: str
    method: str
    path: str
    expected: Callable[[int], Any]
    sent: dict[str, Any]
    status: int
    read: Callable[[httpx.Response], Any]


def row(
    what: str,
    request: str,
    expected: Callable[[int], Any],
    *,
    status: int = 200,
    read: Callable[[httpx.Response], Any] = httpx.Response.json,
    **sent: Any,
) -> Row:
    """Return a row; ``request`` is method and path, ``sent`` what httpx sends."""
    method, path = request.split()
    return Row(what, method, path, expected, sent, status, read)


def text(answer: httpx.Response) -> str:
    return answer.text


def header(name: str) -> Callable[[httpx.Response], Any]:
    return lambda answer: answer.headers.get(name)


FILE = {"file": ("a.txt", b"12345", "text/plain")}
ROWS = [
    row("a form", "POST /form", lambda n: [n, "Ada", 7], data={"name": "Ada", "age": "7"}),
    row(
        "a form as a model",
        "POST /form-model",
        lambda n: [n, "Ada", ["a", "b"]],
        data={"name": "Ada", "tags": ["a", "b"]},
    ),
    row("a form by hand", "POST /raw-form", lambda n: [n, "Ada"], data={"name": "Ada"}),
    row(
        "a form that lacks a field",
        "POST /form",
        lambda n: "missing",
        status=422,
        data={},
        read=lambda answer: answer.json()["errors"][0]["type"],
    ),
    row("a file as bytes", "POST /bytes", lambda n: [n, 5], files=FILE),
    row(
        "an upload",
        "POST /upload",
        lambda n: [n, "a.txt", "text/plain", 5, "x"],
        files=FILE,
        data={"note": "x"},
    ),
    row(
        "several uploads",
        "POST /uploads",
        lambda n: [n, "a", "b"],
        files=[("files", ("a", b"1")), ("files", ("b", b"2"))],
    ),
    row("the bytes of a body", "POST /streamed-upload", lambda n: [n, 3], content=b"abc"),
    row(
        "a body", "POST /body", lambda n: [n, "Ada", 1], json={"sent": {"name": "Ada"}, "extra": 1}
    ),
    row(
        "models of query, header and cookie",
        "GET /models",
        lambda n: [n, "Ada", ["a", "b"], "t", "s"],
        params={"name": "Ada", "tags": ["a", "b"]},
        headers={"x-trace": "t"},
        cookies={"seat": "s"},
    ),
    row("a path in a path", "GET /files/a/b?wait=1", lambda n: [n, "a/b", True]),
    row("a response model", "GET /response-model", lambda n: {"number": n}),
    row("a Result", "GET /result", lambda n: [n]),
    row("a route that is no coroutine", "GET /sync", lambda n: [n]),
    row("HTML", "GET /html", lambda n: f"<p>{n}</p>", read=text),
    row("status and header", "GET /status", str, status=202, read=header("x-number")),
    row(
        "an HTTPException",
        "GET /refused",
        lambda n: [n],
        status=409,
        read=lambda answer: answer.json()["detail"],
    ),
    row(
        "a request that doesn't fit",
        "GET /checked?size=0",
        lambda n: {"ge": n},
        status=422,
        read=lambda answer: answer.json()["errors"][0]["ctx"],
    ),
    row(
        "a cookie",
        "GET /set-cookie",
        lambda n: f"seat=s{n}; HttpOnly; Path=/; SameSite=lax",
        read=header("set-cookie"),
    ),
    row(
        "a redirect with url_for",
        "GET /redirect",
        lambda n: f"/api/v1/everything/files/at/{n}",
        status=307,
        read=lambda answer: httpx.URL(answer.headers["location"]).path,
    ),
    row("a file", "GET /file", lambda n: f"file {n}", read=text),
    row(
        "a part of a file",
        "GET /file",
        lambda n: f"{n}",
        status=206,
        read=text,
        headers={"range": "bytes=5-"},
    ),
    row("HEAD", "HEAD /only-head", str, read=header("x-number")),
    row("OPTIONS", "OPTIONS /only-options", lambda n: [n]),
    *[
        row(f"{method} of many", f"{method} /many", lambda n, method=method: [n, method])
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    ],
    row("request.state", "GET /state", lambda n: [n]),
    row("a class as a dependency", "GET /page?size=3", lambda n: [n, 3]),
    row("another module's function", "GET /neighbour?name=Ada", lambda n: [n, "hello Ada"]),
    row("another module's service", "GET /service", lambda n: [n, "neighbour"]),
    row(
        "OAuth2's form",
        "POST /token",
        lambda n: f"Ada-{n}",
        data={"username": "Ada", "password": "p", "grant_type": "password"},
        read=lambda answer: answer.json()["access_token"],
    ),
    row("OAuth2", "GET /oauth2", lambda n: [n, "t"], headers={"authorization": "Bearer t"}),
    row(
        "OAuth2 without a token",
        "GET /oauth2",
        lambda n: "Bearer",
        status=401,
        read=header("www-authenticate"),
    ),
    row("an API key", "GET /key", lambda n: [n, "k"], headers={"x-key": "k"}),
    row("HTTP Basic", "GET /basic", lambda n: [n, "Ada"], auth=("Ada", "p")),
    row("a route class", "GET /inner/stamped", str, read=header("x-stamp")),
    row("a router in a router", "GET /inner/deepest/plain", lambda n: f"plain {n}", read=text),
    row("Starlette's route", "GET /starlette", lambda n: f"starlette {n}", read=text),
    row("add_route", "GET /added", lambda n: f"starlette {n}", read=text),
    row("add_api_route", "GET /added-api", lambda n: [n]),
    row("a mounted application", "GET /sub/number", lambda n: [n, "/api/v1/everything/sub/number"]),
    row("its middleware", "GET /sub/number", str, read=header("x-signed")),
    row("its exception handler", "GET /sub/odd", lambda n: f"odd {n}", status=418, read=text),
    row("its uploads", "POST /sub/upload", lambda n: [n, "a.txt"], files=FILE),
    row(
        "its documents",
        "GET /sub/openapi.json",
        lambda n: "Below",
        read=lambda answer: answer.json()["info"]["title"],
    ),
    row("its page", "GET /sub/docs", lambda n: True, read=lambda answer: "Below" in answer.text),
    row("a front end", "GET /front/same.txt", lambda n: "the same", read=text),
    row(
        "its pages",
        "GET /front/any/page",
        lambda n: "the page",
        read=text,
        headers={"accept": "text/html"},
    ),
    row("static files", "GET /static/same.txt", lambda n: "the same", read=text),
]
UNHELD = {"OAuth2 without a token", "its documents", "its page", "static files"}
"""Rows that are answered before or without the dependency that holds a request."""
