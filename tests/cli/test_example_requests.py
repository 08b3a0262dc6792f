"""Example requests: what authors declare is asked, and nothing is made up."""

from __future__ import annotations

import pytest

from modframe.app import AppContext
from modframe.cli.example_requests import Request, example_requests
from tests.fakes import simple

HEAD = """
from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

router = APIRouter()

class Inner(BaseModel):
    model_config = {"json_schema_extra": {"examples": [{"n": 1}]}}
    n: int

class Item(BaseModel):
    name: str = Field(examples=["tea", "cup"])
    inner: Inner
    left_out: int = 3

class Bare(BaseModel):
    name: str = Field(examples=["tea"])
    unknown: int

class Tree(BaseModel):
    branches: list["Tree"]

@router.get("/all")
async def everything(limit: int = 5): ...

@router.get("/one/{key}")
async def one(key: str): ...

@router.get("/needs")
async def needs(wanted: str): ...
"""
ITEM = {"name": "tea", "inner": {"n": 1}}


@pytest.mark.parametrize(
    ("post", "asked"),
    [
        ("item: Item", [Request("POST", "/api/v1/shop/add", ITEM)]),
        ("inner: Inner", [Request("POST", "/api/v1/shop/add", {"n": 1})]),
        ("item: Item = Body(examples=[{'a': 1}])", [Request("POST", "/api/v1/shop/add", {"a": 1})]),
        ("", [Request("POST", "/api/v1/shop/add")]),
        ("items: list[Item]", [Request("POST", "/api/v1/shop/add", [ITEM])]),
        ("bare: Bare", []),
        ("names: list[str]", []),
        ("tree: Tree", []),
        ("inners: list[Inner]", [Request("POST", "/api/v1/shop/add", [{"n": 1}])]),
    ],
)
async def test_what_is_asked(app: AppContext, post: str, asked: list[Request]) -> None:
    """A POST if its body has an example or it takes none, then the GETs without parameters."""
    route = f"\n@router.post('/add')\nasync def add({post}): ...\n"
    app.load({"api.py": simple(head=HEAD + route)}, id="shop")
    async with app.test_client() as client:
        document = (await client.get("/openapi.json")).json()
    assert example_requests(document) == [*asked, Request("GET", "/api/v1/shop/all")]


def test_a_request_as_a_command() -> None:
    """It can be pasted into a shell."""
    assert Request("GET", "/a").curl("http://h:1") == "curl http://h:1/a"
    assert Request("POST", "/a", {"x": "it's"}).curl("http://h:1") == (
        "curl -X POST http://h:1/a -H 'Content-Type: application/json' "
        """-d '{"x": "it'"'"'s"}'"""
    )
