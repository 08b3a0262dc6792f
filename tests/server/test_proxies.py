"""Behind reverse proxies: whom the headers of a request are believed, and what they change."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Request, WebSocket
from websockets.sync.client import connect

from modframe.config import read_settings
from modframe.errors import FrameworkSettingsError
from modframe.server.proxies import behind_proxies
from tests.server.fakes import live_of, served, site_of

PROXY = ("10.0.0.7", 4711)
TOKEN = "a-token-of-20-letters"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/seen")
    @router.post("/seen")
    async def seen(request: Request) -> dict[str, Any]:
        return {
            "url": str(request.url),
            "self": str(request.url_for("seen")),
            "client": request.client.host if request.client else None,
        }

    @router.get("/slash/")
    async def slash() -> None:
        return None

    @router.websocket("/socket")
    async def socket(web: WebSocket) -> None:
        await web.accept()
        await web.send_text(str(web.url))
        await web.close()

    return router


def app(*trusted: str, root_path: str = "", **guard: Any) -> Any:
    guard = {"token": TOKEN, "allowed_hosts": ["shop.example"], **guard}
    return behind_proxies(site_of(live_of(some=routes()), **guard), trusted, root_path)


async def ask(asgi: Any, path: str = "/api/v1/some/seen", **options: Any) -> httpx.Response:
    """Ask as a proxy at 10.0.0.7 does, which reaches the server at 127.0.0.1."""
    peer = options.pop("peer", PROXY)
    headers = {**BEARER, **options.pop("headers", {})}
    transport = httpx.ASGITransport(asgi, client=peer)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        return await client.request(options.pop("method", "GET"), path, headers=headers, **options)


SAID = {
    "X-Forwarded-Host": "shop.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Prefix": "/shop",
}


async def test_a_trusted_proxy_says_what_the_browser_asked_for() -> None:
    """Host, scheme, client and prefix are the browser's, in links and redirects as well."""
    asgi = app("10.0.0.0/24")
    assert (await ask(asgi, headers=SAID)).json() == {
        "url": "https://shop.example/shop/api/v1/some/seen",
        "self": "https://shop.example/shop/api/v1/some/seen",
        "client": "203.0.113.9",
    }
    moved = await ask(asgi, "/api/v1/some/slash", headers=SAID)
    assert moved.headers["location"] == "https://shop.example/shop/api/v1/some/slash/"
    document = (await ask(asgi, "/openapi.json", headers=SAID)).json()
    assert document["servers"] == [{"url": "/shop"}]


async def test_everyone_else_is_not_believed() -> None:
    """What a stranger writes into these headers changes nothing."""
    for asgi in (app("10.0.0.8"), app()):
        assert (await ask(asgi, headers=SAID)).json() == {
            "url": "http://127.0.0.1:8000/api/v1/some/seen",
            "self": "http://127.0.0.1:8000/api/v1/some/seen",
            "client": "10.0.0.7",
        }


async def test_the_nearest_of_several_proxies_counts() -> None:
    """A client that sends the headers itself gets its values in front of the proxy's own."""
    said = {
        **SAID,
        "X-Forwarded-Host": "evil.example, shop.example",
        "X-Forwarded-Prefix": "/evil, /shop",
    }
    assert (await ask(app("10.0.0.7"), headers=said)).json()["url"] == (
        "https://shop.example/shop/api/v1/some/seen"
    )


@pytest.mark.parametrize(
    "prefix", ["shop", "//evil.example", "/a b", "/a?b", "/a#b", "/a\\b", "/a//b", ""]
)
async def test_what_is_no_prefix_is_left_out(prefix: str) -> None:
    """It can lead to no other server."""
    said = {**SAID, "X-Forwarded-Prefix": prefix}
    assert (await ask(app("10.0.0.7"), headers=said)).json()["self"] == (
        "https://shop.example/api/v1/some/seen"
    )


async def test_the_host_that_the_proxy_names_has_to_be_allowed() -> None:
    """A trusted proxy passes on what strangers ask for."""
    said = {**SAID, "X-Forwarded-Host": "evil.example"}
    assert (await ask(app("10.0.0.7"), headers=said)).status_code == 403


async def test_a_page_of_the_application_may_post_through_the_proxy() -> None:
    """Its origin is that of the proxy, not of the address behind it."""
    own = {**SAID, "Origin": "https://shop.example"}
    foreign = {**SAID, "Origin": "https://evil.example"}
    assert (await ask(app("10.0.0.7"), method="POST", headers=own)).status_code == 200
    assert (await ask(app("10.0.0.7"), method="POST", headers=foreign)).status_code == 403


async def test_what_comes_through_a_proxy_needs_the_token() -> None:
    """It comes from elsewhere, though the server itself is on loopback; probes stay open."""
    nothing = {**SAID, "Authorization": ""}
    assert (await ask(app("10.0.0.7"), headers=nothing)).status_code == 401
    assert (await ask(app("10.0.0.7"), "/health/live", headers=nothing)).status_code == 200
    assert (await ask(app(), headers={"Authorization": ""})).status_code == 200


async def test_whoever_connects_to_a_unix_socket_is_trusted_as_unix() -> None:
    """Such a peer has no address."""
    for peer in (None, ("", 0)):
        seen = await ask(app("unix"), headers=SAID, peer=peer)
        assert seen.json()["url"] == "https://shop.example/shop/api/v1/some/seen"
        assert "evil" not in (await ask(app("10.0.0.7"), peer=peer, headers=SAID)).text


async def test_a_prefix_that_the_proxy_leaves_in_the_path_is_set() -> None:
    """``MODFRAME_ROOT_PATH``: links have it; a request without it, such as a probe, is answered."""
    asgi = app(root_path="/user/ada%40x")
    seen = (await ask(asgi, "/user/ada@x/api/v1/some/seen")).json()
    assert seen["self"] == "http://127.0.0.1:8000/user/ada@x/api/v1/some/seen"
    assert (await ask(asgi, "/health/live")).status_code == 200
    assert (await ask(asgi, "/user/adam/api/v1/some/seen")).status_code == 404


def test_websockets_go_the_same_way() -> None:
    """Scheme and host of their URL are the browser's."""
    with served(app("127.0.0.1")) as site:
        address = f"ws://127.0.0.1:{site.port}/api/v1/some/socket"
        said = {**SAID, **BEARER}
        with connect(address, additional_headers=said, origin="https://shop.example") as web:  # type: ignore[arg-type]
            assert web.recv(10) == "wss://shop.example/shop/api/v1/some/socket"


def test_settings_are_checked_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt address would trust nobody, without a word."""
    monkeypatch.setenv("MODFRAME_TRUSTED_PROXIES", "10.0.0.7, unix, 10.0.0.0/8,::1,*")
    monkeypatch.setenv("MODFRAME_ROOT_PATH", "/user/ada/")
    assert read_settings().trusted_proxies == ("10.0.0.7", "unix", "10.0.0.0/8", "::1", "*")
    assert read_settings().root_path == "/user/ada"
    monkeypatch.setenv("MODFRAME_TRUSTED_PROXIES", "proxy.local")
    monkeypatch.setenv("MODFRAME_ROOT_PATH", "user")
    with pytest.raises(FrameworkSettingsError, match=r"MODFRAME_TRUSTED_PROXIES is .*proxy.local"):
        read_settings()
    with pytest.raises(FrameworkSettingsError, match="MODFRAME_ROOT_PATH is 'user'"):
        read_settings()
