"""Paths: other ways to write the path of what needs the token, and to leave a path that is open.

Whatever a path is taken for by the guard, the dispatcher and the routers, it is the same.
"""

from __future__ import annotations

import json

import pytest

from tests.attacks.conftest import Site
from tests.attacks.modules import PLAIN, PRIVATE, SECRET
from tests.attacks.wire import Header, bearer, exchange, request

SETTINGS = "/api/v1/core/settings/standard.shop"
PRETENDED = [
    "/api/v1/open/../core/settings/standard.shop",
    "/api/v1/open/%2e%2e/core/settings/standard.shop",
    "/api/v1/open/%2E%2E/core/settings/standard.shop",
    "/api/v1/open/.%2e/core/settings/standard.shop",
    "/api/v1/open/..%2fcore/settings/standard.shop",
    "/api/v1/open/..%2Fcore%2Fsettings%2Fstandard.shop",
    "/api/v1/open/..%5ccore%5csettings%5cstandard.shop",
    "/api/v1/open/..\\core\\settings\\standard.shop",
    "/api/v1/open/..;/core/settings/standard.shop",
    "/api/v1/open/;/../core/settings/standard.shop",
    "/api/v1/open/%252e%252e/core/settings/standard.shop",
    "/api/v1/open/..%252fcore/settings/standard.shop",
    "/api/v1/open/%c0%ae%c0%ae/core/settings/standard.shop",
    "/api/v1/open/%uff0e%uff0e/core/settings/standard.shop",
    "/api/v1/open%2f..%2fcore/settings/standard.shop",
    "/assets/../api/v1/core/settings/standard.shop",
    "/assets/%2e%2e/api/v1/core/settings/standard.shop",
    "/assets/..%2f..%2fapi/v1/core/settings/standard.shop",
    "/single/..;/api/v1/core/settings/standard.shop",
    "/health/../api/v1/core/settings/standard.shop",
    "/health/%2e%2e/modframe/",
    "/health/live/../../modframe/",
    "/health/..;/modframe/",
    "/health;/../modframe/",
    "/health%2f..%2fmodframe/",
    "/assets/../modframe/",
    "/assets/..%2fmodframe/",
    "/assets/..\\modframe/",
    "/assets%2f..%2fmodframe%2f",
    "/single/../modframe/",
]
ANOTHER_FORM = [
    "/modframe%2f",
    "/modframe%2F",
    "/modframe/%2e",
    "/modframe/.",
    "/modframe/./",
    "/modframe/../modframe/",
    "//modframe/",
    "///modframe///",
    "/./modframe/",
    "/modframe//",
    "/modframe/;",
    "/modframe;/",
    "/modframe/?",
    "/modframe/#",
    "/modframe/%00",
    "/modframe%00/",
    "/modframe/%20",
    "/modframe%20/",
    "/modframe/%0a",
    "/modframe/\t",
    "/MODFRAME/",
    "/Modframe/",
    "/%6dodframe/",
    "/%6d%6f%64%66%72%61%6d%65/",
    "/modframe\\",
    "\\modframe\\",
    "/modframe/index.html",
    "/modframe/.json",
    "/modframe.json",
    "/modframe/*",
    "modframe/",
    "*",
    "http:/modframe/",
    "http:///modframe/",
    "http://localhost/modframe/",
    "https://localhost/modframe/",
    "http://localhost:80/modframe/",
    "http://127.0.0.1/modframe/",
    "http://evil.example/modframe/",
    "//evil.example/modframe/",
    "http://localhost@evil.example/modframe/",
    "localhost/modframe/",
    "ftp://localhost/modframe/",
    "/api//v1/core/settings/standard.shop",
    "/api/v1//core/settings/standard.shop",
    "/api/v1/core//settings/standard.shop",
    "//api/v1/core/settings/standard.shop",
    "/api/v1/core%2fsettings/standard.shop",
    "/api/v1/core/settings%2fstandard.shop",
    "/api/v1/core/settings/standard%2eshop",
    "/api/v1/%63ore/settings/standard.shop",
    "/api/v1/Core/settings/standard.shop",
    "/api/v1/CORE/SETTINGS/standard.shop",
    "/API/V1/core/settings/standard.shop",
    "/api/v1/core/settings/standard.shop/",
    "/api/v1/core/settings/standard.shop//",
    "/api/v1/core/settings/standard.shop;a=b",
    "/api/v1/core/settings/standard.shop%3f",
    "/api/v1/core/settings/standard.shop%23",
    "/api/v1/core/settings/standard.shop%00",
    "/api/v1/core/settings/shop",
    "/api/v1/core/settings;x/standard.shop",
    "/api/v1/core.settings/standard.shop",
    "/api/v1/core;/settings/standard.shop",
    "/api/v1/core/./settings/standard.shop",
    "/api/v1/./core/settings/standard.shop",
    "/api/v1/core/x/../settings/standard.shop",
    "/api/v1/core/error_handler/../settings/standard.shop",
    "/api/v1/core/..;/core/settings/standard.shop",
    "/api/v1/cor\u00e9/settings/standard.shop",
    "/api/v1/\uff43ore/settings/standard.shop".encode().decode("latin-1"),
    "/api/v1/standard/core/settings/standard.shop",
    "/core/settings/standard.shop",
    "/settings/standard.shop",
]
PREFIXES: list[Header] = [
    ("X-Forwarded-Prefix", "/modframe"),
    ("X-Forwarded-Prefix", "/api/v1/core/settings"),
    ("X-Forwarded-Prefix", "/"),
    ("X-Forwarded-Prefix", "//evil.example"),
    ("X-Forwarded-Prefix", "/a/../modframe"),
    ("X-Forwarded-Prefix", "/%2e%2e"),
    ("X-Forwarded-Prefix", "/a%2fb"),
    ("X-Forwarded-Prefix", "/a, /modframe"),
    ("X-Script-Name", "/modframe"),
    ("Script-Name", "/modframe"),
    ("X-Forwarded-Path", "/health"),
    ("X-Forwarded-Uri", "/health"),
    ("X-Original-Uri", "/health"),
    ("X-Envoy-Original-Path", "/health"),
    ("root_path", "/modframe"),
]


@pytest.mark.parametrize("target", [*PRETENDED, *ANOTHER_FORM])
def test_no_other_path_leads_to_the_system(site: Site, target: str) -> None:
    """Neither from here nor from elsewhere; with any method that reads."""
    raw = target.encode("latin-1")
    for port in (site.port, site.far):
        for method in ("GET", "PUT"):
            answer = exchange(port, request(method, raw))
            assert answer.body == b"<h1>front</h1>" or answer.status in {
                400,
                401,
                403,
                404,
                405,
                307,
                303,
            }
            assert not [word for word in (PRIVATE, PLAIN, SECRET) if word in answer.text]


@pytest.mark.parametrize("header", PREFIXES)
@pytest.mark.parametrize("path", ["/modframe/", SETTINGS, "/health/live", "/api/v1/open/ping"])
def test_a_prefix_changes_what_a_path_needs_for_nobody(
    site: Site, header: Header, path: str
) -> None:
    """Not for strangers, and not for a proxy that passes on what a client wrote."""
    needs = path in {"/modframe/", SETTINGS}
    for port in (site.port, site.far, site.proxied):
        answer = exchange(port, request("GET", path, header))
        assert answer.status == (401 if needs else 200)
        assert PLAIN not in answer.text


@pytest.mark.parametrize(
    ("prefix", "path"),
    [
        ("/api/v1/open", "/../core/settings/standard.shop"),
        ("/api/v1", "/core/settings/standard.shop"),
        ("/health", "/modframe/"),
        ("/api/v1/core/settings", "/standard.shop"),
        ("/modframe", "/"),
        ("/modframe", "/link"),
        ("/api", "/api/v1/core/settings/standard.shop"),
        ("/modframe/modframe", "/modframe/"),
    ],
)
def test_a_prefix_that_a_proxy_took_off(site: Site, prefix: str, path: str) -> None:
    """The rest of the path decides, whatever the prefix is called."""
    forwarded = ("X-Forwarded-Prefix", prefix)
    for target in (path, prefix + path):
        answer = exchange(site.proxied, request("GET", target, forwarded))
        assert answer.status in {307, 400, 401, 404}
        assert PLAIN not in answer.text
        assert PRIVATE not in answer.text


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/shop/items/%2e%2e",
        "/api/v1/shop/items/7%2f..",
        "/api/v1/shop/items/7%00",
        "/api/v1/shop/items/7%0a",
        "/api/v1/shop/items/%ef%bc%97x",
        "/api/v1/shop/items/" + "9" * 5000,
        "/api/v1/shop/items/1e400",
        "/api/v1/shop/items/0x10",
        "/api/v1/shop/items/1_000x",
        "/api/v1/shop/items/NaN",
        "/api/v1/shop/items/%ff%fe",
        "/api/v1/shop/items/%zz",
        "/api/v1/shop/items/%",
        "/api/v1/shop/items/" + "a/" * 3000,
        "/" + "a" * 30000,
        "/api/v1/shop/echo?" + "a=1&" * 5000,
        "/api/v1/shop/echo?text=%ff%fe%fd",
        "/api/v1/shop/echo?text=\xff",
        "/api/v1/shop/echo?text=%u0041",
        "/api/v1/shop/echo?&&&==&=&text",
    ],
)
def test_odd_paths_and_queries_are_no_fault_of_the_server(site: Site, target: str) -> None:
    """They are found, not found or refused."""
    answer = exchange(site.port, request("GET", target))
    assert answer.status in {200, 400, 404, 414, 422, 431}


def test_what_the_router_gets_is_what_the_guard_saw(site: Site) -> None:
    """An encoded slash stays one, in the path of a module too."""
    answer = exchange(site.port, request("GET", "/api/v1/shop/items/..%2fopen%2fping"))
    assert answer.status == 422
    who = exchange(site.port, request("GET", "/api/v1/shop/who?x=%2fa"))
    assert json.loads(who.body)["query"] == "x=%2fa"


@pytest.mark.parametrize(
    "target", ["evil.example:80", "localhost:22", "127.0.0.1:1", "[::1]:22", "/"]
)
def test_it_connects_nobody_to_another_place(site: Site, target: str) -> None:
    """It is no proxy: neither CONNECT nor an absolute target leads elsewhere."""
    for port in (site.port, site.far):
        answer = exchange(port, request("CONNECT", target, bearer(site.token(port)), host=None))
        assert answer.status in {0, 400, 403, 404, 405}
        absolute = request("GET", f"http://{target}/health/live", host="evil.example")
        assert exchange(port, absolute).status in {400, 403}
