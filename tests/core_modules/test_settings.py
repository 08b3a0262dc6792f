"""``core.settings`` over HTTP, and as an example of the guide's full form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import modframe
from modframe.app import AppContext
from modframe.engine import CORE_MODULES
from modframe.ship import check
from modframe.source import read_folder
from tests.fakes import simple

TEXT = simple(
    "async def get(self):\n    return self.settings.limit",
    head="""
    from pydantic import BaseModel, Field, SecretStr

    class Inner(BaseModel):
        api_key: str = "hidden-inside"
        port: int = 1

    class S(BaseModel):
        limit: int = Field(default=3, ge=0, description="How many at once")
        key: SecretStr = SecretStr("hidden")
        password: str = "hidden-too"
        dsn: str = "postgresql://me:hidden-as-well@host/orders"
        inner: Inner = Inner()
    """,
    arguments="settings=S",
)
PATH = "/api/v1/core/settings"


@pytest.fixture
def client(workspace: Path) -> Iterator[httpx.Client]:
    """A client of a served app with one module, that sends the token."""
    with modframe.start(workspace=workspace, data=":memory:") as app:
        app.load({"api.py": TEXT}, id="thing")
        server = app.serve(port=0)
        headers = {"Authorization": f"Bearer {server.token}"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=30) as client:
            yield client


def test_reading_and_changing_need_the_token(client: httpx.Client) -> None:
    """Also below another root path, and with the application alone."""
    path = f"{PATH}/standard.thing"
    asked = (("GET", path), ("PUT", path), ("PUT", f"{path}/limit"), ("DELETE", f"{path}/limit"))
    for method, at in asked:
        answer = client.request(method, at, json=5, headers={"Authorization": "Bearer no"})
        assert (answer.status_code, answer.headers["content-type"]) == (
            401,
            "application/problem+json",
        )
    assert client.get(path).json()["limit"] == {"value": 3, "source": "default"}


async def asked(asgi: Any, method: str, root: str) -> int:
    transport = httpx.ASGITransport(asgi, root_path=root)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        path = f"{root}{PATH}/standard.thing/limit"
        return (await client.request(method, path, json=5)).status_code


@pytest.mark.parametrize("root", ["", "/below"])
def test_the_application_alone_refuses_strangers(app: AppContext, root: str) -> None:
    """Where it is mounted makes no difference."""
    app.load({"api.py": TEXT}, id="thing")
    assert app.run(asked(app.asgi, "PUT", root)) == 401
    assert app.run(asked(app.asgi, "GET", root)) == 401


def test_settings_are_read_set_and_cleared(client: httpx.Client) -> None:
    """One by one, several at once, in both spellings of a value."""
    path = f"{PATH}/standard.thing"
    assert client.get(f"{path}/limit").json() == {"value": 3, "source": "default"}
    five = {"value": 5, "source": "preference"}
    assert client.put(f"{path}/limit", json={"value": 5}).json() == five
    assert client.put(f"{path}/limit", json=5).json() == five
    assert client.put(path, json={"limit": 6}).json() == {
        "limit": {"value": 6, "source": "preference"}
    }
    assert client.get(f"{PATH}/thing").json()["limit"]["value"] == 6
    assert client.delete(f"{path}/limit").status_code == 204
    assert client.get(f"{path}/limit").json() == {"value": 3, "source": "default"}
    assert client.put(path, json={"limit": 6}).is_success
    assert client.delete(path).status_code == 204
    assert client.get(f"{path}/limit").json()["source"] == "default"


def test_settings_are_set_for_the_session(client: httpx.Client) -> None:
    """Secrets too, which no answer repeats; taken back, the next lower source counts."""
    path, session = f"{PATH}/standard.thing", {"session": "true"}
    assert client.put(f"{path}/limit", json=5).is_success
    set_to = client.put(f"{path}/limit", params=session, json={"value": 6})
    assert set_to.json() == {"value": 6, "source": "session"}
    answer = client.put(path, params=session, json={"key": "a-new-key", "password": "a-new-word"})
    assert answer.json()["key"] == {"value": "**********", "source": "session"}
    assert "a-new" not in answer.text + client.get(path).text
    refused = client.put(path, params=session, json={"limit": "a-new-key"})
    assert (refused.status_code, "a-new" in refused.text) == (422, False)
    assert client.delete(f"{path}/limit", params=session).status_code == 204
    assert client.get(f"{path}/limit").json() == {"value": 5, "source": "preference"}
    assert client.delete(path, params=session).status_code == 204
    assert client.get(f"{path}/key").json()["source"] == "default"
    assert client.put(f"{path}/limit", params={"session": "maybe"}, json=5).status_code == 422


def test_the_json_schema_has_no_secrets(client: httpx.Client) -> None:
    """Descriptions and bounds are there; the defaults of secrets are not."""
    answer = client.get(f"{PATH}/standard.thing/json-schema")
    assert answer.json()["properties"]["limit"] == {
        "default": 3,
        "description": "How many at once",
        "minimum": 0,
        "title": "Limit",
        "type": "integer",
    }
    assert "hidden" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("GET", "standard.thin", None, 404, "standard.thing"),
        ("GET", "standard.thing/limt", None, 404, "limt"),
        ("PUT", "standard.thin/limit", 5, 404, "standard.thing"),
        ("PUT", "standard.thing/limt", 5, 404, "Did you mean 'limit'?"),
        ("DELETE", "standard.thing/limt", None, 404, "Did you mean 'limit'?"),
        ("PUT", "standard.thing/limit", -5, 422, "greater than or equal to 0"),
        ("PUT", "standard.thing", {"limit": 4, "limt": 5}, 404, "limit"),
        ("PUT", "standard.thing/key", "x", 403, "is a secret"),
        ("PUT", "standard.thing/dsn", "sqlite://me:mine@host", 403, "is a secret"),
        ("PUT", "standard.thing/inner", {"api_key": "x"}, 403, "is a secret"),
        ("PUT", "core.framework/limit", 5, 404, "has no settings"),
        ("GET", "no such id", None, 404, "is not a module id"),
    ],
)
def test_refusals_are_problems(
    client: httpx.Client, method: str, path: str, body: Any, status: int, said: str
) -> None:
    """With a status of their own, and what to do."""
    answer = client.request(method, f"{PATH}/{path}", json=body)
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_it_keeps_the_rules_of_the_guide() -> None:
    """Compliance has nothing to say about it."""
    assert check(read_folder(CORE_MODULES / "core" / "settings"), modules=CORE_MODULES) == ()


def test_its_own_interval_is_a_setting(app: AppContext) -> None:
    """It can be set as any other."""
    service = app.get_service("core.settings")
    set_to = service.set_preference("core.settings", "look_interval", 0.1).result(10)
    assert set_to.data == {"look_interval": {"value": 0.1, "source": "preference"}}
