"""Modules that say where they live: prefixes, several of them, the root, and what is not live."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError
from tests.inside import generation
from tests.waiting import wait_for

ARTICLES = ("/api/articles", [("get", "", "list"), ("get", "/{slug}", "one"), ("post", "", "add")])
USER = (("/api/user", "/api/users"), [("get", "", "me"), ("post", "/login", "login")])
PEOPLE = ("/api/users", [("get", "/{name}", "named"), ("post", "", "register")])


def text(path: Any, routes: list[tuple[str, str, str]], *, word: str = "", extra: str = "") -> str:
    """A module's text: method, path and name of each route, which answers with its name."""
    said = "" if path is None else f"(path={path!r})"
    lines = ["from fastapi import APIRouter, Request, WebSocket",
             "from modframe.decorators import module", "router = APIRouter()"]  # fmt: skip
    for method, below, name in routes:
        lines += [f"@router.{method}({below!r})", f"async def {name}(): return {word + name!r}"]
    return "\n".join([*lines, extra, f"@module{said}", "class Here: pass", ""])


async def ask(app: AppContext, path: str, method: str = "GET") -> tuple[int, Any]:
    """Return the status, and the JSON of the answer."""
    async with app.test_client() as client:
        answer = await client.request(method, path)
        return answer.status_code, answer.json() if answer.content else None


async def test_a_front_ends_paths(app: AppContext) -> None:
    """The paths of a specification are served by three modules, two of them below one prefix."""
    app.load({"api.py": text(*ARTICLES)}, id="articles")
    app.load({"api.py": text(*USER)}, id="account")
    app.load({"api.py": text(*PEOPLE)}, id="people")
    async with app.test_client() as client:
        for method, path, said in (
            ("GET", "/api/articles", "list"),
            ("POST", "/api/articles", "add"),
            ("GET", "/api/articles/dragons", "one"),
            ("GET", "/api/user", "me"),
            ("POST", "/api/user/login", "login"),
            ("POST", "/api/users/login", "login"),
            ("POST", "/api/users", "register"),
            ("GET", "/api/users/celeb", "named"),
            ("GET", "/api/users", "me"),
        ):
            assert (await client.request(method, path)).json() == said, (method, path)
        # The path is there with another method, at one of the two modules of a prefix.
        assert (await client.put("/api/users")).status_code == 405
        assert (await client.get("/api/users/celeb/x")).status_code == 404
        nothing = (await client.get("/api/v1/articles")).json()["detail"]
        assert nothing.startswith("Nothing is live at /api/v1/articles; near it: /api/articles")
        document = (await client.get("/openapi.json")).json()
    ids = [one["operationId"] for item in document["paths"].values() for one in item.values()]
    assert len(ids) == len(set(ids))
    assert {"/api/user/login", "/api/users/login", "/api/articles/{slug}"} <= {*document["paths"]}
    account = app.modules["account"]
    assert [route.path for route in account.routes] == [
        "/api/user", "/api/user/login", "/api/users", "/api/users/login",
    ]  # fmt: skip
    assert app.snapshot().module("standard.account").parts["web"]["prefixes"] == (
        "/api/user",
        "/api/users",
    )


async def test_the_root_stands_behind_the_systems_pages(app: AppContext) -> None:
    """`/` belongs to the module that claims it, until that is gone; longer prefixes win."""
    routes = [("get", "/", "home"), ("get", "/health", "never"), ("get", "/{page:path}", "page")]
    assert (await ask(app, "/"))[0] == 307
    app.load({"api.py": text("/", routes)}, id="site")
    app.load({"api.py": text(None, [("get", "/total", "total")])}, id="orders")
    assert await ask(app, "/") == (200, "home")
    assert await ask(app, "/about/us") == (200, "page")
    assert await ask(app, "/api/v1/orders/total") == (200, "total")
    assert (await ask(app, "/health"))[1]["status"] == "ready"
    assert (await ask(app, "/modframe"))[0] == 307
    assert app.modules["site"].routes[0].path == "/"
    app.modules["site"].unload()
    assert (await ask(app, "/"))[0] == 307
    assert (await ask(app, "/about"))[1]["detail"] == "Nothing is live at /about"


async def test_a_front_end_of_a_router_shares_a_prefix(app: AppContext, tmp_path: Path) -> None:
    """Its files answer what no route of another module there does, and it is no empty router."""
    (tmp_path / "index.html").write_text("the page")
    front = text("/api/shop", [], extra=f"router.frontend('/', directory={str(tmp_path)!r})")
    module = app.load({"api.py": front}, id="front")
    assert [one.rule for one in module.findings] == []
    app.load({"api.py": text("/api/shop", [("get", "/items", "items")])}, id="shop")
    async with app.test_client() as client:
        assert (await client.get("/api/shop/items")).json() == "items"
        assert (await client.get("/api/shop/index.html")).text == "the page"
        assert (await client.get("/api/shop/nothing")).status_code == 404


async def test_urls_are_made_below_the_main_prefix(app: AppContext) -> None:
    """`url_for` and a mounted prefix see the path that was asked for."""
    extra = (
        '@router.get("/where")\nasync def where(request: Request):\n'
        '    return [str(request.url_for("where")), request.scope["root_path"]]\n'
    )
    app.load({"api.py": text(("/a", "/b/c"), [], extra=extra)}, id="orders")
    for prefix in ("/a", "/b/c"):
        assert await ask(app, f"{prefix}/where") == (
            200, [f"http://localhost{prefix}/where", prefix],
        )  # fmt: skip


async def test_the_guides_form_says_it_by_a_constant(app: AppContext) -> None:
    """`MODULE_PATH` on the class is the same; a subclass has its base's."""
    source = text(None, [("get", "/x", "x")]).replace("pass", 'MODULE_PATH = "/deep/er"')
    app.load({"api.py": source}, id="orders")
    assert await ask(app, "/deep/er/x") == (200, "x")


BAD = (
    ("api", "the path 'api' has no slash before it. Write '/api'."),
    ("/api/", "the path '/api/' has a slash at the end. Write '/api'."),
    ("/a/../b", "the path '/a/../b' has a '.' or '..' in it"),
    ("/a/{id}", "the path '/a/{id}' has a parameter"),
    ("/a?b=1", "the path '/a?b=1' has a query or fragment. Write '/a'."),
    ("/a//b", "the path '/a//b' has two slashes side by side. Write '/a/b'."),
    ("/a b", "the path '/a b' has ' ' in it"),
    ("/a%2fb", "the path '/a%2fb' has '%' in it"),
    (("/a", "/a"), "the path '/a' stands there twice. Take one of them out."),
    ("/health/x", "the path '/health/x' belongs to modframe's own page /health"),
    ("/modframe", "the path '/modframe' belongs to modframe's own page /modframe"),
    ("/openapi.json", "the path '/openapi.json' belongs to modframe's own page"),
    ("", "the path '' has no slash before it"),
)
"""What a path can't be → how the finding begins."""


def test_paths_that_can_not_be(app: AppContext) -> None:
    """Each is a finding at the decorator, with what to do; nothing goes live."""
    for path, said in BAD:
        source = text(path, [("get", "/x", "x")])
        lines = source.splitlines()
        line = next(n for n, row in enumerate(lines, 1) if row.startswith("@module"))
        with pytest.raises(LoadError) as caught:
            app.load({"api.py": source}, id="orders")
        (finding,) = caught.value.findings
        assert str(finding).startswith(f"api.py, line {line}: {said}")
        assert (finding.rule, bool(finding.cure)) == ("module-path", True)


def test_what_is_no_path_at_all(app: AppContext) -> None:
    """The decorator refuses it, and the constant is a finding at its line."""
    with pytest.raises(LoadError, match="path"):
        app.load({"api.py": text(3, [])}, id="orders")
    source = text(None, []).replace("pass", "MODULE_PATH = 3")
    with pytest.raises(LoadError, match=r"line \d+: MODULE_PATH is 3, and has to be a path"):
        app.load({"api.py": source}, id="orders")


async def test_what_is_not_live_keeps_its_place(app: AppContext) -> None:
    """503 at the paths that a module says, or last had; others at the prefix go on."""
    fails = '\n    def initialize(self): raise ValueError("no")'
    with pytest.raises(LoadError):
        app.load({"api.py": text("/api/users", [("get", "/x", "x")]).replace("pass", fails)},
                 id="users")  # fmt: skip
    app.load({"api.py": text("/", [("get", "/{rest:path}", "rest")])}, id="site")
    status, problem = await ask(app, "/api/users/x")
    assert (status, problem["state"]) == (503, "FAILED")
    assert await ask(app, "/api/user") == (200, "rest")
    assert await ask(app, "/api/v1/users/x") == (200, "rest")
    async with app.test_client() as client:
        assert "<code>/api/users</code>" in (await client.get("/modframe/")).text
    # One more at the same prefix answers what it has; all else may be the missing module's.
    app.load({"api.py": text("/api/users", [("get", "/y", "y")])}, id="beside")
    assert await ask(app, "/api/users/y") == (200, "y")
    assert (await ask(app, "/api/users/y", "POST"))[0] == 503
    # Its new text has no path: the old place is the site's again.
    with pytest.raises(LoadError):
        app.load({"api.py": text(None, [("get", "/x", "x")]).replace("pass", fails)}, id="users")
    assert await ask(app, "/api/users/x") == (200, "rest")
    assert (await ask(app, "/api/v1/users/x"))[0] == 503
    # A text that can't be read says nothing, so the place stays.
    with pytest.raises(LoadError):
        app.load({"api.py": "1 / 0"}, id="users")
    assert (await ask(app, "/api/v1/users/x"))[0] == 503
    with pytest.raises(LoadError):
        app.load({"api.py": "1 / 0"}, id="unread")
    assert (await ask(app, "/api/v1/unread/x"))[0] == 503


async def test_static_files_come_after_modules(app: AppContext, tmp_path: Path) -> None:
    """Below one path the modules answer first; a longer path wins, and pages come before."""
    for name, word in (("index.html", "front"), ("app.js", "script"), ("here", "never")):
        (tmp_path / name).write_text(word)
    app.load({"api.py": text("/", [("get", "/here", "here"), ("post", "/there", "x")])}, id="site")
    app.load({"api.py": text("/api", [("get", "/x", "x")])}, id="api")
    async with app.test_client() as client:

        async def get(path: str) -> str:
            return str((await client.get(path)).text)

        app.mount_static("/", tmp_path, spa=True)
        app.mount_static("/assets", tmp_path)
        assert await get("/here") == '"here"'
        assert [await get(path) for path in ("/", "/there")] == ["front", "front"]
        assert await get("/assets/app.js") == "script"
        assert (await client.get("/api/nothing")).json()["status"] == 404
        assert (await client.get("/health")).json()["status"] == "ready"
        app.modules["site"].unload()
        assert await get("/here") == "never"
        app.unmount("/")
        assert (await client.get("/here")).json()["status"] == 404
        assert (await client.get("/")).status_code == 307
        assert await get("/assets/app.js") == "script"


async def test_a_module_that_moves_leaves_nothing_behind(app: AppContext) -> None:
    """A request in flight ends where it began, the old path is 404, and the new one answers."""
    Latch.inside, Latch.go_on = asyncio.Event(), asyncio.Event()
    extra = (
        "from tests.server.test_paths import Latch\n"
        '@router.get("/slow")\nasync def slow():\n'
        "    Latch.inside.set(); await Latch.go_on.wait(); return 'old'\n"
    )
    app.load({"api.py": text("/old", [], extra=extra)}, id="orders")
    asked = asyncio.create_task(ask(app, "/old/slow"))
    await asyncio.to_thread(app.run, entered())
    moved = app.load({"api.py": text("/new", [("get", "/slow", "slow")])}, id="orders")
    assert (await ask(app, "/old/slow"))[1]["detail"].startswith("Nothing is live at /old/slow")
    assert await ask(app, "/new/slow") == (200, "slow")
    app.run(release())
    assert await asked == (200, "old")
    assert moved is not None


class Latch:
    """Holds a request inside a module until the test has seen enough."""

    inside: asyncio.Event
    go_on: asyncio.Event


async def entered() -> None:
    """Wait until the request is inside; on the loop that it waits on."""
    await asyncio.wait_for(Latch.inside.wait(), 20)


async def release() -> None:
    """Let the request go on; on the loop that it waits on."""
    Latch.go_on.set()


async def test_a_request_that_waits_for_a_hand_over_finds_what_is_live_then(
    app: AppContext,
) -> None:
    """One that waited at the old path gets 404 there, one at the path that stays its answer."""
    Latch.inside, Latch.go_on = asyncio.Event(), asyncio.Event()
    slow = (
        "from tests.server.test_paths import Latch\n"
        '@router.get("/slow")\nasync def slow():\n'
        "    Latch.inside.set(); await Latch.go_on.wait(); return 'old'\n"
    )
    kept = "\n    async def initialize(self): self.n = 1\n    async def get(self): return self.n"

    def source(path: Any, word: str, extra: str = "") -> dict[str, str]:
        made = text(path, [("get", "/x", "x")], word=word, extra=extra).replace("pass", kept)
        return {"api.py": made.replace("@module(", '@module(keep_state="n", ')}

    app.load(source(("/old", "/stays"), "old ", slow), id="orders")
    inside = asyncio.create_task(ask(app, "/old/slow"))
    await asyncio.to_thread(app.run, entered())
    load = asyncio.create_task(
        asyncio.to_thread(app.load, source(("/new", "/stays"), "new "), id="orders"),
    )
    await asyncio.to_thread(wait_for, lambda: generation(app, "orders").gate is not None)
    waiting = [asyncio.create_task(ask(app, path)) for path in ("/old/x", "/stays/x")]
    await asyncio.sleep(0)
    app.run(release())
    await load
    assert await inside == (200, "old")
    assert [await one for one in waiting][1] == (200, "new x")
    assert (await waiting[0])[0] == 404
