"""What building a sub-application refuses, what it says of routes, and its OpenAPI document."""

from __future__ import annotations

import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest
from fastapi import APIRouter, Security, WebSocket
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel, create_model

from modframe.parts.web.application import build_web
from modframe.parts.web.errors import WebError
from modframe.parts.web.routes import RouteInfo


@contextmanager
def router_of(code: str) -> Iterator[APIRouter]:
    """The router of a module's text, run in a module of its own."""
    module = ModuleType("orders_api")
    sys.modules["orders_api"] = module
    try:
        exec(compile(textwrap.dedent(code), "api.py", "exec"), module.__dict__)
        yield module.router
    finally:
        del sys.modules["orders_api"]


def test_something_else_than_a_router_is_refused() -> None:
    """The message names what stands there instead, and what to write."""
    with pytest.raises(WebError, match=r"'router' is 'dict', not a fastapi\.APIRouter"):
        build_web("standard.orders", {})


HEAD = """
from __future__ import annotations
from typing import TYPE_CHECKING
from fastapi import APIRouter, Depends
from pydantic import BaseModel
if TYPE_CHECKING:
    from elsewhere import Item
router = APIRouter()
"""


PAGE = """
def page(size: Item): ...
@router.get("/a")
async def one(p: int = Depends(page)): ...
"""
MODEL = """
class Order(BaseModel):
    item: Item
@router.post("/a")
async def add(order: Order): ...
"""
INCLUDED = """
sub = APIRouter()
@sub.get("/x")
async def x(q: dict[str, Item]): ...
router.include_router(sub, prefix="/sub")
"""


@pytest.mark.parametrize(
    ("code", "line", "message"),
    [
        (
            "@router.post('/a')\nasync def add(item: Item): ...\n",
            9,
            r"parameter 'item' of POST /a \(add\) is annotated 'Item'",
        ),
        (
            "@router.get('/a')\nasync def one() -> list[Item]: ...\n",
            9,
            r"what GET /a \(one\) returns is annotated 'list\[Item\]', where 'Item' is no name",
        ),
        (
            PAGE,
            10,
            r"'size' of GET /a \(one\), through its dependency 'page', is annotated 'Item'",
        ),
        (MODEL, 12, r"uses the model 'Order', a field of which is annotated 'Item'"),
        (INCLUDED, 11, r"of GET /sub/x \(x\) is annotated 'dict\[str, Item\]', where 'Item' is"),
    ],
    ids=["parameter", "answer", "dependency", "model", "included"],
)
def test_names_that_do_not_resolve_are_refused(code: str, line: int, message: str) -> None:
    """FastAPI would register the route and answer 422; the load names endpoint, name and place."""
    with router_of(HEAD + code) as router, pytest.raises(WebError, match=message) as info:
        build_web("standard.orders", router)
    [finding] = info.value.findings
    assert (finding.file, finding.line) == ("api.py", line)
    assert "outside `if TYPE_CHECKING:`" in finding.cure


def test_every_fault_is_named_at_once() -> None:
    """A second route in the same place and a handler that would not run, in one error."""
    code = """
        router = __import__("fastapi").APIRouter()
        @router.get("/x/{a}")
        async def first(a: int): ...
        @router.get("/x/{b}")
        async def second(b: int): ...
        def warm(): ...
        router.on_startup.append(warm)
    """
    faults = pytest.raises(WebError, match="2 faults in its routes")
    with router_of(code) as router, faults as info:
        build_web("standard.orders", router)
    rules = [(finding.rule, finding.line) for finding in info.value.findings]
    assert rules == [("duplicate-route", 5), ("router-lifespan", 7)]
    assert "'first' in line 3 answers it already" in info.value.findings[0].message


def test_a_lifespan_is_refused() -> None:
    """A lifespan on the router would never run."""
    code = """
        from contextlib import asynccontextmanager
        from fastapi import APIRouter
        @asynccontextmanager
        async def life(app):
            yield
        router = APIRouter(lifespan=life)
    """
    fault = pytest.raises(WebError, match=r"lifespan 'life' would never run.*`initialize`")
    with router_of(code) as router, fault:
        build_web("standard.orders", router)


def test_forward_references_within_the_module_are_fine() -> None:
    """A model that refers to a later one, or to itself, is complete when it is asked."""
    code = """
        from __future__ import annotations
        from fastapi import APIRouter
        from pydantic import BaseModel
        class Tree(BaseModel):
            leaf: Leaf
            inner: list[Tree] = []
        class Leaf(BaseModel):
            n: int
        router = APIRouter()
        @router.post("/t")
        async def t(tree: Tree) -> Tree: ...
    """
    with router_of(code) as router:
        web = build_web("standard.orders", router)
        assert {"standard_orders.Leaf", "standard_orders.Tree-Input"} <= set(
            web.openapi()["components"]["schemas"]
        )


class Item(BaseModel):
    """A body."""

    name: str


def test_routes_say_what_a_form_needs() -> None:
    """Method, path, parameters and body of each route, as plain text."""
    router = APIRouter()

    @router.put("/items/{item_id}", summary="Change one")
    async def change(item_id: int, item: Item, dry: bool = False) -> Item:
        return item

    @router.websocket("/feed")
    async def feed(socket: WebSocket) -> None:
        """All that happens. And more."""

    put, socket = build_web("core.orders", router).routes
    assert put == RouteInfo(
        method="PUT",
        path="/api/v1/core/orders/items/{item_id}",
        name="change",
        summary="Change one",
        endpoint="test_routes_say_what_a_form_needs.<locals>.change",
        kind="http",
        path_params=("item_id",),
        query_params=("dry",),
        has_body=True,
        file=__file__,
        line=put.line,
    )
    assert (socket.method, socket.kind, socket.has_body) == ("WS", "websocket", False)
    assert socket.summary == "All that happens. And more"


def test_the_document_has_prefix_tag_and_problem() -> None:
    """Paths are whole, the module is the tag, and a 422 says what modframe answers."""
    router = APIRouter()

    @router.post("/items", operation_id="addItem", tags=["mine"])
    async def add(item: Item) -> Item:
        return item

    @router.get("/items")
    async def items() -> list[Item]:
        return []

    web = build_web("standard.orders", router)
    document = web.openapi()
    item = document["paths"]["/api/v1/orders/items"]
    assert item["post"]["operationId"] == "addItem"
    assert item["get"]["operationId"] == "standard_orders_items_items_get"
    assert item["post"]["tags"] == ["standard.orders"]
    assert list(item["post"]["responses"]["422"]["content"]) == ["application/problem+json"]
    assert set(document["components"]["schemas"]) == {"standard_orders.Item", "Problem"}


def test_included_lifespans_are_refused() -> None:
    """FastAPI merges the lifespan of an included router into one of its own; it would not run."""
    code = """
        from contextlib import asynccontextmanager
        from fastapi import APIRouter
        @asynccontextmanager
        async def warm(app): yield
        middle, router = APIRouter(), APIRouter()
        middle.include_router(APIRouter(lifespan=warm))
        router.include_router(middle)
    """
    with router_of(code) as router, pytest.raises(WebError, match="lifespan 'warm'") as info:
        build_web("standard.orders", router)
    [finding] = info.value.findings
    assert (finding.rule, finding.line) == ("router-lifespan", 4)


def test_operation_ids_of_a_route_with_several_methods() -> None:
    """Each method has an id of its own, the same in each process, and nothing warns."""
    router = APIRouter()

    @router.api_route("/many", methods=["PUT", "GET", "POST"])
    @router.api_route("/named", methods=["PUT", "GET"], operation_id="named")
    @router.get("/other", operation_id="named")
    async def many() -> None: ...

    paths = build_web("standard.orders", router).openapi()["paths"]
    found = [operation["operationId"] for item in paths.values() for operation in item.values()]
    stem = "standard_orders_many_many"
    named = ["named", "named_get", "named_put"]
    assert sorted(found) == [*named, *(f"{stem}_{method}" for method in ("get", "post", "put"))]


def test_models_of_one_name_keep_their_names_over_swaps() -> None:
    """Neither the generation's number nor a title that two modules share names a component."""
    first, second, schemas = (
        create_model("Item", __module__=f"modules.standard.orders~{place}", value=(kind, ...))
        for place, kind in (("3.api", int), ("4.api", int), ("4.schemas", str))
    )

    def names(*models: type[BaseModel]) -> dict[str, Any]:
        router = APIRouter()
        for number, model in enumerate(models):
            router.get(f"/{number}", response_model=model)(lambda: None)
        return build_web("standard.orders", router).openapi()["components"]["schemas"]

    found = names(second, schemas)
    assert set(found) - {"Problem"} == {
        "standard_orders.api__Item",
        "standard_orders.schemas__Item",
    }
    assert not any("title" in found[name] for name in found if name != "Problem")
    assert set(names(first, schemas)) == set(found)


def test_tokens_are_fetched_from_the_modules_own_routes() -> None:
    """A relative address stands below the module's prefix; the author may say all of it."""
    router = APIRouter()
    for number, url in enumerate(
        ("token", "./token", "api/v1/orders/token", "/token", "https://a/t")
    ):
        scheme = OAuth2PasswordBearer(tokenUrl=url, scheme_name=str(number))
        router.get(f"/{number}", dependencies=[Security(scheme)])(lambda: None)
    components = build_web("standard.orders", router).openapi()["components"]
    schemes = components["securitySchemes"].values()
    found = [scheme["flows"]["password"]["tokenUrl"] for scheme in schemes]
    assert found == ["api/v1/orders/token"] * 3 + ["/token", "https://a/t"]


def test_the_document_is_made_once() -> None:
    """Threads that ask at once get one document."""
    router = APIRouter()

    @router.get("/x")
    async def x() -> int:
        return 1

    web = build_web("standard.orders", router)
    found: list[dict[str, Any]] = []
    threads = [threading.Thread(target=lambda: found.append(web.openapi())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(document) for document in found}) == 1


def test_a_path_without_its_slash_is_a_fault() -> None:
    """Such a route would be listed and never reached."""
    router = APIRouter()

    @router.get("status")
    def status() -> None: ...

    with pytest.raises(WebError, match=r"'status' \(.*status\) has no slash before it.*'/status'"):
        build_web("standard.orders", router)
