"""The merged document: collisions, uniqueness, broken modules, caching."""

from __future__ import annotations

import json
import threading
from typing import Annotated, Any, Literal

import pytest
from fastapi import APIRouter, Security
from fastapi.security import APIKeyHeader
from pydantic import BaseModel, Field, create_model

from modframe.parts.web.part import WebPart
from modframe.server.openapi import MergedOpenAPI
from tests.server.fakes import generation_of, live_of


def router_with(model: type[BaseModel], *, operation_id: str | None = None) -> APIRouter:
    router = APIRouter()

    async def one() -> Any:
        return None

    router.get("/one", response_model=model, operation_id=operation_id)(one)
    return router


def references(node: Any) -> set[str]:
    text = json.dumps(node)
    found = {piece.split('"')[0] for piece in text.split("#/components/")[1:]}
    return {f"#/components/{one}" for one in found}


def resolve(document: Any, reference: str) -> Any:
    for key in reference.removeprefix("#/").split("/"):
        document = document[key]
    return document


async def test_a_component_carries_its_modules_name_whatever_else_is_live() -> None:
    """A model has the same name in its module's document, alone, and beside a model of that name."""

    class Item(BaseModel):
        name: str

    live = live_of(a=router_with(Item), b=router_with(Item))
    document = await MergedOpenAPI(live).document()
    names = ["Problem", "standard_a.Item", "standard_b.Item"]
    assert list(document["components"]["schemas"]) == names
    assert [tag["name"] for tag in document["tags"]] == ["standard.a", "standard.b"]
    alone = await MergedOpenAPI(live_of(b=router_with(Item))).document()
    own = WebPart.of(live.generations["standard.b"]).openapi()
    for one in (alone, own):
        assert sorted(one["components"]["schemas"]) == ["Problem", "standard_b.Item"]
        assert one["paths"]["/api/v1/b/one"] == document["paths"]["/api/v1/b/one"]


async def test_references_follow_the_names() -> None:
    """That holds in paths, in models and in nested definitions."""

    def models(kind: type) -> type[BaseModel]:
        inner = create_model("Inner", value=(kind, ...))
        return create_model("Outer", inner=(inner, ...), mapping=(dict[str, inner], ...))

    document = await MergedOpenAPI(
        live_of(a=router_with(models(int)), b=router_with(models(str)))
    ).document()
    for name, kind in (("a", "integer"), ("b", "string")):
        operation = document["paths"][f"/api/v1/{name}/one"]["get"]
        [outer] = references(operation["responses"]["200"])
        [inner] = references(resolve(document, outer))
        assert inner == f"#/components/schemas/standard_{name}.Inner"
        assert resolve(document, inner)["properties"]["value"]["type"] == kind


async def test_discriminators_follow_the_names() -> None:
    """A union's mapping leads to the module's models."""
    cat = create_model("Cat", kind=(Literal["cat"], ...))
    dog = create_model("Dog", kind=(Literal["dog"], ...))
    pet = Annotated[cat | dog, Field(discriminator="kind")]
    owner = create_model("Owner", pet=(pet, ...))
    document = await MergedOpenAPI(live_of(a=router_with(owner))).document()
    found = document["components"]["schemas"]["standard_a.Owner"]
    assert found["properties"]["pet"]["discriminator"]["mapping"] == {
        "cat": "#/components/schemas/standard_a.Cat",
        "dog": "#/components/schemas/standard_a.Dog",
    }
    for reference in references(document):
        resolve(document, reference)


class Problem(BaseModel):
    """A module's own model."""

    why: str


async def test_the_problem_is_shared_and_a_module_may_have_its_own() -> None:
    """modframe's problem is one component; a module's model of the same name is another."""

    def router() -> APIRouter:
        made = router_with(Problem)

        @made.post("/one")
        async def change(problem: Problem) -> int:
            return 1

        return made

    document = await MergedOpenAPI(live_of(a=router(), b=router())).document()
    names = ["Problem", "standard_a.Problem", "standard_b.Problem"]
    assert list(document["components"]["schemas"]) == names
    refused = document["paths"]["/api/v1/a/one"]["post"]["responses"]["422"]["content"]
    assert references(refused) == {"#/components/schemas/Problem"}


async def test_security_schemes_are_kept_apart() -> None:
    """Two schemes of one name stay apart, and each operation names its own."""

    def router(header: str) -> APIRouter:
        made = APIRouter()
        key = APIKeyHeader(name=header, scheme_name="key")

        @made.get("/one", dependencies=[Security(key)])
        async def one() -> int:
            return 1

        return made

    document = await MergedOpenAPI(live_of(a=router("X-A"), b=router("X-B"))).document()
    schemes = document["components"]["securitySchemes"]
    for name in ("a", "b"):
        [needed] = document["paths"][f"/api/v1/{name}/one"]["get"]["security"]
        assert schemes[next(iter(needed))]["name"] == f"X-{name.upper()}"


async def test_operation_ids_are_unique() -> None:
    """Two modules may both say `getOne`."""

    class Item(BaseModel):
        name: str

    live = live_of(
        a=router_with(Item, operation_id="getOne"), b=router_with(Item, operation_id="getOne")
    )
    document = await MergedOpenAPI(live).document()
    found = [item["get"]["operationId"] for item in document["paths"].values()]
    assert found == ["getOne", "standard_b_getOne"]
    # The module's own document is what it was.
    own = WebPart.of(live.generations["standard.b"]).openapi()
    assert own["paths"]["/api/v1/b/one"]["get"]["operationId"] == "getOne"


async def test_each_operation_may_answer_with_a_problem() -> None:
    """One entry stands for 404, 409, 503 and the like; what the author declares stays."""
    router = APIRouter()
    router.get("/plain")(lambda: 1)
    router.get("/own", responses={"default": {"description": "mine"}})(lambda size: 1)
    document = await MergedOpenAPI(live_of(a=router)).document()
    plain, own = (item["get"]["responses"] for item in document["paths"].values())
    assert plain["default"] == {"$ref": "#/components/responses/Problem"}
    assert own["default"] == {"description": "mine"}
    problem = document["components"]["responses"]["Problem"]
    assert problem["content"]["application/problem+json"]["schema"] == {
        "$ref": "#/components/schemas/Problem"
    }


async def test_two_modules_share_a_path() -> None:
    """Each one's methods are there."""
    documents = [
        {"paths": {"/x": {method: {"operationId": "one"}}}, "tags": [{"name": method}]}
        for method in ("get", "put")
    ]

    class Web:
        def __init__(self, document: Any) -> None:
            self.openapi = lambda: document

    live = live_of()
    live.generations = {
        f"standard.m{number}": generation_of(f"standard.m{number}", Web(document))
        for number, document in enumerate(documents)
    }
    document = await MergedOpenAPI(live).document()
    found = {method: one["operationId"] for method, one in document["paths"]["/x"].items()}
    assert found == {"get": "one", "put": "standard_m1_one"}
    assert document["tags"] == [{"name": "get"}, {"name": "put"}]


async def test_paths_that_differ_in_the_names_of_parameters_are_one() -> None:
    """OpenAPI allows one of them, and a generator would drop the other."""
    router = APIRouter()
    router.get("/{shelf}/{id}")(lambda shelf, id: 1)
    router.put("/{place}/{key}")(lambda place, key, shelf=1: 1)
    router.get("/{place}/{key:int}")(lambda place, key: 1)
    document = await MergedOpenAPI(live_of(a=router)).document()
    first, second = document["paths"]
    assert (first, second) == ("/api/v1/a/{shelf}/{id}", "/api/v1/a/{place}/{key}")
    put = document["paths"][first]["put"]["parameters"]
    assert [(one["in"], one["name"]) for one in put] == [
        ("path", "shelf"),
        ("path", "id"),
        ("query", "shelf"),
    ]


async def test_a_broken_document_leaves_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """A module whose schema can't be made is left out and named."""

    class Item(BaseModel):
        name: str

    class Broken:
        def openapi(self) -> Any:
            raise RuntimeError("no schema")

    live = live_of(a=router_with(Item))
    live.generations["standard.broken"] = generation_of("standard.broken", Broken())
    document = await MergedOpenAPI(live).document()
    assert list(document["paths"]) == ["/api/v1/a/one"]
    assert "standard.broken (RuntimeError)" in document["info"]["description"]
    assert "standard.broken" in caplog.text


async def test_made_off_the_loop_once_until_something_is_published() -> None:
    """It is made once, in a worker thread, and again after a new generation went live."""
    threads: list[int] = []

    class Web:
        def openapi(self) -> Any:
            threads.append(threading.get_ident())
            return {"openapi": "3.1.0", "info": {}, "paths": {}}

    live = live_of()
    live.generations = {"standard.a": generation_of("standard.a", Web())}
    merged = MergedOpenAPI(live)
    assert await merged.body() is await merged.body()
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()
    live.generations = {"standard.a": generation_of("standard.a", Web())}
    await merged.body()
    assert len(threads) == 2
