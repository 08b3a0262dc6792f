"""Routes that return a `Result`: data is the answer, an error a problem with its code."""

from __future__ import annotations

from typing import Any

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError

SHOP = """
from core.decorators import module
from core.error_utils import Result
from fastapi import APIRouter, BackgroundTasks, Depends, Response
from pydantic import BaseModel

router = APIRouter()
inner = APIRouter(prefix="/inner")
SEEN = []


class Order(BaseModel):
    id: int
    note: str = "none"


def session():
    try:
        yield "open"
    except Exception as error:
        SEEN.append(type(error).__name__)
        raise


@router.get("/plain")
async def plain():
    return Result.success({"id": 1})

@router.get("/sync", status_code=202)
def in_a_thread(response: Response):
    response.headers["x-seen"] = "yes"
    return Result.success()

@router.get("/model", response_model=Order)
async def model():
    return Result.success({"id": 2, "secret": "no"})

@router.get("/annotated")
async def annotated(tasks: BackgroundTasks) -> Result:
    tasks.add_task(SEEN.append, "task")
    return Result.success(Order(id=3))

@router.get("/missing")
async def missing(held: str = Depends(session)) -> Result:
    return Result.error("NOT_FOUND", "there is no order 7", details={"error": "SELECT secret"})

@router.get("/refused", response_model=Order)
def refused():
    return Result.error("REFUSED", "not today")

@inner.get("/deep")
async def deep():
    return Result.error("NOT_FOUND", "too deep")

@router.get("/stream")
async def stream():
    yield {"id": 1}

@router.get("/seen")
async def seen():
    return SEEN

class Envelope(BaseModel):
    model_config = {"arbitrary_types_allowed": True}
    outcome: Result

@router.get("/field")
async def field() -> Envelope:
    return Envelope(outcome=Result.error("X", "y"))

router.include_router(inner)


@module(error_status={"NOT_FOUND": 404})
class Shop:
    def get(self):
        return 1
"""


async def get(app: AppContext, path: str) -> Any:
    async with app.test_client() as client:
        return await client.get(f"/api/v1/shop/{path}")


async def test_the_data_of_a_success_is_the_answer(app: AppContext) -> None:
    """With status, headers, ``response_model`` and background tasks as with any other value."""
    app.load({"api.py": SHOP}, id="shop")
    assert (await get(app, "plain")).json() == {"id": 1}
    in_thread = await get(app, "sync")
    assert (in_thread.status_code, in_thread.json(), in_thread.headers["x-seen"]) == (
        202, None, "yes"
    )  # fmt: skip
    assert (await get(app, "model")).json() == {"id": 2, "note": "none"}
    assert (await get(app, "annotated")).json() == {"id": 3, "note": "none"}
    assert (await get(app, "seen")).json() == ["task"]
    assert (await get(app, "stream")).json() == {"id": 1}


async def test_an_error_is_a_problem_with_its_code(app: AppContext) -> None:
    """400, or what the module says; dependencies see the failure, and details stay in the log."""
    app.load({"api.py": SHOP}, id="shop")
    missing = await get(app, "missing")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"
    problem = missing.json()
    assert problem["code"] == "NOT_FOUND"
    assert problem["detail"] == "there is no order 7"
    assert "SELECT" not in missing.text
    assert (await get(app, "seen")).json() == ["FailedResultError"]
    refused = await get(app, "refused")
    assert (refused.status_code, refused.json()["code"]) == (400, "REFUSED")
    assert (await get(app, "inner/deep")).status_code == 404


async def test_a_result_inside_a_model_keeps_its_parts(app: AppContext) -> None:
    """Only what the endpoint returns itself is unwrapped."""
    app.load({"api.py": SHOP}, id="shop")
    assert (await get(app, "field")).json()["outcome"]["code"] == "X"


async def test_the_statuses_of_the_guide_form(app: AppContext) -> None:
    """``MODULE_ERROR_STATUS`` on the class says the same."""
    text = SHOP.replace('@module(error_status={"NOT_FOUND": 404})\nclass Shop:', (
        '@module\nclass Shop:\n    MODULE_ERROR_STATUS = {"NOT_FOUND": 410}\n'
    ))  # fmt: skip
    app.load({"api.py": text}, id="shop")
    assert (await get(app, "missing")).status_code == 410


@pytest.mark.parametrize("statuses", ["404", {"NOT_FOUND": 200}, {"NOT_FOUND": "404"}, {4: 404}])
def test_statuses_that_make_no_sense(app: AppContext, statuses: object) -> None:
    """The load fails and says what is expected."""
    text = SHOP.replace('{"NOT_FOUND": 404}', repr(statuses))
    with pytest.raises(LoadError, match="map error codes to HTTP statuses from 400 to 599"):
        app.load({"api.py": text}, id="shop")
