"""The system pages: health, status, docs; escaped, without script, and with the token carried."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import httpx
from fastapi import APIRouter

from modframe.server.guard import Guard
from modframe.server.openapi import MergedOpenAPI
from modframe.server.pages import SystemPages
from modframe.view.snapshot import ModuleView
from tests.server.fakes import live_of

ROWS = [
    ModuleView("standard.orders", "LIVE", generation=3),
    ModuleView("core.x", "FAILED", error="<script>alert(1)</script>"),
]


def orders() -> APIRouter:
    router = APIRouter()

    @router.get("/a", summary="<i>All</i>")
    async def a() -> int:
        return 1

    return router


def pages_of(*, ready: bool = True, **options: Any) -> SystemPages:
    return SystemPages(
        MergedOpenAPI(live_of(orders=orders())),
        snapshot=options.pop("snapshot", lambda: ROWS),
        readiness=lambda: (ready, {"standard.orders": "LIVE" if ready else "FAILED"}),
    )


def client(app: Any, **options: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, **options)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


async def test_health() -> None:
    """Live is always 200; ready and the whole say 503 when something is not."""
    for ready, status in ((True, 200), (False, 503)):
        async with client(pages_of(ready=ready)) as http:
            assert (await http.get("/health/live")).json() == {"status": "live"}
            answer = await http.get("/health/ready")
            assert answer.status_code == (await http.get("/health")).status_code == status
            assert answer.json() == {
                "status": "ready" if ready else "not ready",
                "modules": {"standard.orders": "LIVE" if ready else "FAILED"},
            }


async def test_the_page_is_escaped_and_has_nothing_inline() -> None:
    """The text of an error is escaped, and the policy lets in the page's own files alone."""
    async with client(pages_of()) as http:
        answer = await http.get("/modframe/")
        styles = await http.get("/modframe/page.css")
    assert "1 of 2 modules live" in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text
    assert re.findall("<script.*?>", answer.text) == ['<script type="module" src="cockpit.mjs">']
    assert "style=" not in answer.text
    assert "prefers-color-scheme" in styles.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_a_live_module_with_an_error_is_not_shown_as_whole() -> None:
    """A live module whose newest text failed is counted, and shown in another colour."""
    view = ModuleView("standard.orders", "LIVE", generation=2)
    for error, said in (
        ("", "1 of 1 modules live<"),
        ("boom", "1 of 1 modules live, 1 with an error<"),
    ):
        shown = [replace(view, error=error)]
        async with client(pages_of(snapshot=lambda shown=shown: shown)) as http:
            page = (await http.get("/modframe/")).text
        assert said in page
        assert ('<span class="faulty">LIVE</span>' in page) == bool(error)


async def test_of_many_modules_those_that_are_not_well_are_listed_first() -> None:
    """The page stays small; the counts are those of all."""
    many = [ModuleView(f"standard.m{number:03}", "LIVE", generation=1) for number in range(300)]
    many[250] = ModuleView("standard.m250", "FAILED", error="no luck")
    async with client(pages_of(snapshot=lambda: many)) as http:
        page = (await http.get("/modframe/")).text
    assert "299 of 300 modules live; 100 are listed, those that are not well first" in page
    assert page.count("<tr>") == 101
    assert page.index("standard.m250") < page.index("standard.m000")


async def test_the_root_leads_to_the_status_page() -> None:
    """With the query, and below the prefix of any proxy; `/modframe` does the same."""
    guard = Guard(pages_of(), token="t k", exposed=True)
    async with client(pages_of()) as http:
        asked = [await http.get(path) for path in ("/", "/modframe", "/?a=1&b=%20")]
    assert [one.status_code for one in asked] == [307, 307, 307]
    assert [one.headers["location"] for one in asked] == [
        "modframe/", "modframe/", "modframe/?a=1&b=%20",
    ]  # fmt: skip
    async with client(guard, root_path="/proxy") as http:
        for path in ("/proxy", "/proxy/", "/proxy/modframe"):
            params = {"token": "t k", "tab": "x"}
            answer = await http.get(path, params=params, follow_redirects=True)
            assert str(answer.url) == "http://localhost/proxy/modframe/?tab=x&token=t%20k"
            assert answer.status_code == 200


async def test_docs_list_all_without_script() -> None:
    """Without Swagger UI the page lists all operations, escaped."""
    async with client(pages_of()) as http:
        page, document = await http.get("/docs"), await http.get("/openapi.json")
    assert "<code>/api/v1/orders/a</code>" in page.text
    assert "&lt;i&gt;All&lt;/i&gt;" in page.text
    assert list(document.json()["paths"]) == ["/api/v1/orders/a"]


async def test_docs_serve_their_own_files() -> None:
    """No file comes from another server."""
    async with client(pages_of()) as http:
        page = await http.get("/docs")
        bundle = await http.get("/docs/swagger-ui-bundle.js")
        start = await http.get("/docs/start.js")
        outside = await http.get("/docs/../secret")
    assert "https://" not in page.headers["content-security-policy"]
    assert "https://" not in page.text
    assert 'src="docs/swagger-ui-bundle.js"' in page.text
    assert bundle.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "SwaggerUIBundle" in bundle.text
    assert "SwaggerUIBundle" in start.text
    assert outside.status_code == 404


async def test_a_page_opened_with_the_token_carries_it() -> None:
    """Links and files of a page carry the token if every request needs it."""
    guard = Guard(pages_of(), token="t k", exposed=True)
    async with client(guard) as http:
        assert (await http.get("/docs")).status_code == 401
        page = await http.get("/docs", params={"token": "t k"})
        status = await http.get("/modframe/", params={"token": "t k"})
        bundle = await http.get("/docs/swagger-ui-bundle.js?token=t%20k")
    assert 'src="docs/swagger-ui-bundle.js?token=t%20k"' in page.text
    assert 'href="../docs?token=t%20k"' in status.text
    assert bundle.status_code == 200


async def test_unknown_paths_methods_and_failures_are_problems() -> None:
    """404, 405 and 500 of the pages are problems like those of modules."""

    def fail() -> Any:
        raise SystemExit("secret")

    async with client(pages_of(snapshot=fail)) as http:
        answers = [await http.get("/nope"), await http.post("/docs"), await http.get("/modframe/")]
        head = await http.head("/health/live")
    assert [one.status_code for one in answers] == [404, 405, 500]
    assert {one.headers["content-type"] for one in answers} == {"application/problem+json"}
    assert answers[1].headers["allow"] == "GET, HEAD"
    assert "secret" not in answers[2].text
    assert (head.status_code, head.content) == (200, b"")


async def test_behind_a_prefix_the_document_says_so() -> None:
    """Mounted below another path, the document names it as its server."""
    async with client(pages_of(), root_path="/proxy") as http:
        answer = await http.get("/proxy/openapi.json")
    assert json.loads(answer.text)["servers"] == [{"url": "/proxy"}]
