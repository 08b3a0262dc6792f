"""Settings over HTTP: secrets, names that lead elsewhere, values that are none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.attacks.conftest import Site
from tests.attacks.modules import PLAIN, SECRET
from tests.attacks.test_exits import HEADERS, NEAR, OPEN, SYSTEM
from tests.attacks.wire import Answer, bearer, exchange, request

PLACE = "/api/v1/core/settings"
SENT = "sk-a-secret-that-somebody-sent"
FRESH = "sk-a-secret-that-nobody-has-sent-before"


def put(site: Site, path: str, value: Any) -> Answer:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    kind = ("Content-Type", "application/json")
    return exchange(site.port, request("PUT", f"{PLACE}{path}", bearer(site.kept), kind, body=body))


@pytest.mark.parametrize("how", ["", "value", "all"])
def test_a_secret_is_not_taken_and_not_repeated(site: Site, how: str) -> None:
    """It would be kept in plain text."""
    if how == "all":
        answer = put(site, "/standard.shop", {"api_key": SENT})
    else:
        answer = put(site, "/standard.shop/api_key", {"value": SENT} if how else SENT)
    assert answer.status == 403
    assert SENT not in answer.text


@pytest.mark.parametrize(
    "values",
    [
        {"limit": SENT},
        {"limit": -1},
        {"limit": {"a": SENT}},
        {"limit": [SENT] * 1000},
        {"limit": None},
        {"limit": 1.5},
        {"place": {"a": SENT}},
        {"place": [SENT]},
        {"place": 7},
        {"place": None},
        {"limit": 4, "api_key": SENT},
        {"limit": 4, "none": SENT},
        {"__class__": SENT},
        {"__dict__": {}},
        {"model_config": {}},
        {"model_fields": {}},
        {"limit ": 4},
        {"../limit": 4},
        {"limit\x00": 4},
        {"": 4},
        {"api_key.x": SENT},
        [],
        SENT,
        7,
        None,
    ],
    ids=range(25),
)
def test_what_is_no_value_changes_nothing(site: Site, values: Any) -> None:
    """And is not repeated, since it may have been meant for a secret."""
    answer = put(site, "/standard.shop", values)
    assert answer.status in {400, 403, 404, 422}
    assert SENT not in answer.text
    seen = exchange(site.port, request("GET", f"{PLACE}/standard.shop", bearer(site.kept)))
    values_now = {key: one["value"] for key, one in json.loads(seen.body).items()}
    assert (values_now["limit"], values_now["place"]) == (3, PLAIN)
    assert SECRET not in seen.text


@pytest.mark.parametrize(
    "path",
    [
        "/standard.none",
        "/none",
        "/core.settings/none",
        "/standard.shop/__class__",
        "/standard.shop/model_fields",
        "/standard.shop/api_key/x",
        "/..",
        "/../../shop",
        "/%2e%2e",
        "/standard.shop%00",
        "/standard.shop%0a",
        "/standard.shop.x",
        "/Standard.Shop",
        "/*",
        "/" + "a" * 5000,
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_no_name_leads_elsewhere(site: Site, path: str, method: str) -> None:
    """To another attribute, another file or nothing at all."""
    body = b"7" if method == "PUT" else b""
    kind = ("Content-Type", "application/json")
    answer = exchange(site.port, request(method, PLACE + path, bearer(site.kept), kind, body=body))
    assert answer.status in {204, 307, 400, 404, 405, 422}
    assert SECRET not in answer.text
    assert str(site.folder) not in answer.text


@pytest.mark.parametrize(
    "path", ["/standard.shop", "/standard.shop/api_key", "/standard.shop/json-schema"]
)
def test_a_secret_is_masked_for_holders_too(site: Site, path: str) -> None:
    """Its value stays in the process."""
    answer = exchange(site.port, request("GET", PLACE + path, bearer(site.kept)))
    assert answer.status == 200
    assert SECRET not in answer.text


def test_a_secret_for_the_session_goes_in_and_not_out(site: Site) -> None:
    """Strangers can't set it; once it is set, no exit for a holder shows it."""
    place, kind = (
        f"{PLACE}/standard.shop/api_key?session=true",
        ("Content-Type", "application/json"),
    )
    body = json.dumps(FRESH).encode()
    for port in (site.port, site.far, site.proxied):
        for headers in HEADERS.values():
            answer = exchange(port, request("PUT", place, *headers, kind, body=body))
            assert answer.status in {401, 403}
            assert FRESH not in answer.text
    assert put(site, "/standard.shop/api_key?session=true", FRESH).status == 200
    try:
        for what in sorted(OPEN | NEAR | SYSTEM):
            method, path = what.split()
            if "core/settings" in path and method != "GET":
                continue
            answer = exchange(site.port, request(method, path, bearer(site.kept)))
            assert FRESH not in answer.text
        echoed = exchange(site.port, request("GET", f"/api/v1/shop/missing?{FRESH}"))
        assert FRESH not in echoed.text
    finally:
        asked = request("DELETE", place, bearer(site.kept))
        assert exchange(site.port, asked).status == 204
    seen = exchange(site.port, request("GET", f"{PLACE}/standard.shop/api_key", bearer(site.kept)))
    assert json.loads(seen.body)["source"] == "default"
