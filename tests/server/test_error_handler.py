"""`core.error_handler`: the errors of all modules, as a service and over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import modframe
from modframe.app import AppContext
from tests.fakes import simple
from tests.waiting import wait_for

AT = "/api/v1/core/error_handler/errors"
SHOP = simple(
    """
    async def refuse(self, item):
        return Result.error("SOLD_OUT", f"no {item}")

    async def later(self):
        self.task = asyncio.create_task(self.fail())

    async def fail(self):
        raise LookupError("gone")
    """,
    head="""
import asyncio
from fastapi import APIRouter, HTTPException
from core.app_context import app_context
from core.error_utils import Result

router = APIRouter()

@router.get("/broken")
async def broken():
    return [][1]

@router.get("/away")
async def away(status: int):
    raise HTTPException(status, detail="the supplier is away")

@router.get("/returned")
async def returned():
    return Result.error("CLOSED", "not today", {"until": 9})

@router.get("/passed/{item}")
async def passed(item: str):
    return await app_context.get_service("shop").refuse(item)

@router.get("/refused")
async def refused():
    result = await app_context.get_service("shop").refuse("tea")
    raise HTTPException(409, detail=result.message)
""",
)


@pytest.fixture
def app(workspace: Path) -> Iterator[AppContext]:
    """A running app with a shop, which keeps its log."""
    with modframe.start(workspace=workspace) as app:
        app.load({"api.py": SHOP}, id="shop")
        yield app


def get(app: AppContext, path: str) -> Any:
    """Return the answer to a request."""
    return app.run(app.test_client().get(path))


@pytest.fixture
def service(app: AppContext) -> Any:
    """A handle of the error handler's service."""
    return app.get_service("core.error_handler.service")


# -- what lands there --------------------------------------------------------------------------


def test_routes_results_and_tasks_land_in_one_place(app: AppContext, service: Any) -> None:
    """Each with module, generation, place and code or type; those of requests with their id."""
    answer = get(app, "/api/v1/shop/broken")
    get(app, "/api/v1/shop/refused")
    app.get_service("shop").refuse("cup").result()
    app.get_service("shop").later().result()
    found = wait_for(lambda: len(data := service.errors("shop").result(30).data) == 4 and data)
    task, cup, tea, route = found
    assert task["type"] == "LookupError"
    assert cup["message"] == "standard.shop.refuse() returned SOLD_OUT: no cup"
    assert (tea["code"], cup["code"]) == ("SOLD_OUT", "SOLD_OUT")
    assert tea["correlation_id"]
    assert cup["correlation_id"] is None
    assert (route["type"], route["correlation_id"]) == (
        "IndexError",
        answer.json()["correlation_id"],
    )
    for one in found:
        assert (one["module_id"], one["generation"]) == ("standard.shop", 1)
        assert one["place"].startswith("api.py, line ")
        assert one["time"].endswith("Z")
        assert len(one["fingerprint"]) == 12
    assert app.modules["shop"].history[-1].errors == 4


def test_an_error_that_a_route_returns_is_recorded_once(app: AppContext, service: Any) -> None:
    """With the request's id and the line that made it, whether or not a handle had it before."""
    answer = get(app, "/api/v1/shop/returned")
    assert (answer.status_code, answer.json()["code"]) == (400, "CLOSED")
    get(app, "/api/v1/shop/passed/tea")
    passed, returned = service.errors().result(30).data
    assert returned["message"] == "GET /api/v1/shop/returned returned CLOSED: not today"
    assert returned["correlation_id"] == answer.json()["correlation_id"]
    assert (returned["module_id"], returned["generation"]) == ("standard.shop", 1)
    assert returned["place"].startswith("api.py, line ")
    assert returned["fields"] == {"details": {"until": 9}}
    assert passed["message"] == "standard.shop.refuse() returned SOLD_OUT: no tea"
    assert passed["correlation_id"]


def test_an_answer_that_says_the_server_failed_is_recorded(app: AppContext, service: Any) -> None:
    """An `HTTPException` of 500 and above; one that blames the client is not."""
    assert get(app, "/api/v1/shop/away?status=404").status_code == 404
    assert service.errors().result(30).data == []
    answer = get(app, "/api/v1/shop/away?status=503")
    assert answer.json()["detail"] == "the supplier is away"
    [one] = service.errors().result(30).data
    assert one["code"] == "HTTP_503"
    assert one["message"] == "GET /api/v1/shop/away was answered with 503: the supplier is away"
    assert (one["module_id"], one["generation"]) == ("standard.shop", 1)
    assert one["correlation_id"] == answer.json()["correlation_id"]


def test_a_storm_of_requests_is_counted(app: AppContext, service: Any) -> None:
    """The group, the history and the log have their number; the file has the first ones."""
    for _ in range(100):
        get(app, "/api/v1/shop/broken")
    [group] = service.groups().result(30).data
    assert (group["count"], group["generations"]) == (100, {"1": 100})
    assert app.modules["shop"].history[-1].errors == 100
    lines = (Path("data/logs/errors.jsonl")).read_text().splitlines()
    assert 10 < len(lines) < 60


# -- asking ------------------------------------------------------------------------------------


def test_errors_are_asked_for_by_module_time_text_and_number(app: AppContext, service: Any) -> None:
    """The service and the routes take the same filters."""
    for item in ("tea", "cup", "milk"):
        app.get_service("shop").refuse(item).result()

    def asked(**filters: Any) -> list[str]:
        told: list[dict[str, Any]] = service.errors(**filters).result(30).data
        answer = app.run(app.test_client().get(AT, params=filters))
        assert answer.status_code == 200
        assert answer.json() == [{"count": 1, **one} for one in told]
        return [one["message"].rpartition(" ")[2] for one in told]

    assert (
        asked()
        == asked(module_id="shop")
        == asked(module_id="standard.shop")
        == ["milk", "cup", "tea"]
    )
    assert asked(limit=2) == ["milk", "cup"]
    assert asked(text="NO CUP") == ["cup"]
    assert asked(since="10m", text="tea") == ["tea"]
    assert asked(since="2999-01-01") == asked(module_id="nobody") == []


def test_groups_and_one_group(app: AppContext, service: Any) -> None:
    """By the service and over HTTP."""
    app.get_service("shop").refuse("tea").result()
    app.load({"api.py": f"# a line more\n{SHOP}"}, id="shop")
    app.get_service("shop").refuse("cup").result()
    [group] = service.groups().result(30).data
    assert (group["count"], group["code"], group["generations"]) == (
        2,
        "SOLD_OUT",
        {"1": 1, "2": 1},
    )
    assert group["message"].endswith("no cup")
    assert get(app, f"{AT}/groups?text=cup").json()[0]["count"] == 1
    fingerprint = group["fingerprint"]
    whole = service.group(fingerprint).result(30).data
    assert [one["message"].rpartition(" ")[2] for one in whole["errors"]] == ["cup", "tea"]
    answer = get(app, f"{AT}/groups/{fingerprint}?limit=1").json()
    assert [one["message"].rpartition(" ")[2] for one in answer["errors"]] == ["cup"]
    assert {key: answer[key] for key in group} == group


@pytest.mark.parametrize(
    ("method", "argument", "path", "status", "code"),
    [
        ("group", "ffffffffffff", "groups/ffffffffffff", 404, "UNKNOWN_FINGERPRINT"),
        ("explain", "NOTHING_LIKE_IT", "codes/NOTHING_LIKE_IT", 404, "UNKNOWN_CODE"),
        ("errors", None, "?since=noon", 400, "INVALID_TIME"),
    ],
)
def test_a_question_without_an_answer_says_why(
    app: AppContext,
    service: Any,
    *,
    method: str,
    argument: str | None,
    path: str,
    status: int,
    code: str,
) -> None:
    """A failed `Result` with a code that is explained; a problem over HTTP with the same words."""
    call = getattr(service, method)
    result = (call(argument) if argument else call(since="noon")).result(30)
    assert (result.success, result.code) == (False, code)
    answer = get(app, f"{AT}/{path}" if argument else f"{AT}{path}")
    assert answer.status_code == status
    assert answer.json()["detail"].split("such as")[0] == result.message.split("such as")[0]
    assert service.explain(code).result(30).success


def test_a_code_has_a_page(app: AppContext, service: Any) -> None:
    """What, why and cure, by the service and over HTTP."""
    page = service.explain("settings_unavailable").result(30).data
    assert set(page) == {"code", "what", "why", "cure"}
    assert all(page.values())
    assert get(app, f"{AT}/codes/SETTINGS_UNAVAILABLE").json() == page


def test_errors_of_earlier_runs_are_found(workspace: Path) -> None:
    """As long as their files are kept."""
    for _ in range(2):
        with modframe.start(workspace=workspace) as app:
            app.load({"api.py": SHOP}, id="shop")
            app.get_service("shop").refuse("tea").result()
            service = app.get_service("core.error_handler.service")
            [group] = service.groups().result(30).data
    assert group["count"] == 2


def test_what_keeps_nothing_answers_from_memory(workspace: Path) -> None:
    """A start without data finds the errors of this run."""
    with modframe.start(workspace=workspace, data=":memory:") as app:
        app.load({"api.py": SHOP}, id="shop")
        app.get_service("shop").refuse("tea").result()
        service = app.get_service("core.error_handler.service")
        assert [one["code"] for one in service.errors().result(30).data] == ["SOLD_OUT"]
    assert not (workspace / "data").exists()


def test_the_error_handler_follows_the_guide(workspace: Path) -> None:
    """It has no finding, and its documented methods have examples."""
    from modframe.engine import CORE_MODULES
    from modframe.ship import check
    from modframe.source import read_folder

    source = read_folder(CORE_MODULES / "core/error_handler")
    assert check(source, modules=CORE_MODULES) == ()


def test_the_most_that_one_answer_has_is_a_setting(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit above it is cut."""
    monkeypatch.setenv("ERROR_HANDLER_MOST", "1")
    with modframe.start(workspace=workspace, data=":memory:") as app:
        app.load({"api.py": SHOP}, id="shop")
        for item in ("tea", "cup"):
            app.get_service("shop").refuse(item).result()
        service = app.get_service("core.error_handler.service")
        assert len(service.errors(limit=50).result(30).data) == 1
