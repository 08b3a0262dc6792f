"""MF5..: a module's routes: routers without any, and functions that were meant to be one.

Called by `check`; all but MF502 are reported by the load itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .parsed import Function, ParsedModule
from .rule import Hit, Rule


def _undecorated_route(module: ParsedModule) -> Iterator[Hit]:
    """Yield the public functions of ``api.py`` that have no decorator and that nothing uses."""
    api = next((parsed for parsed in module.files if parsed.file == "api.py"), None)
    if api is None or "APIRouter" not in map(_last, api.imported.values()):
        return
    used = {node.id for node in api.nodes if isinstance(node, ast.Name)}
    used |= {_last(name) for parsed in module.files for name in parsed.imported.values()}
    used |= {
        node.attr
        for parsed in module.files
        for node in parsed.nodes
        if isinstance(node, ast.Attribute) and parsed.dotted(node).startswith(f"{api.package}.api.")
    }
    for node in api.tree.body:
        if not isinstance(node, Function) or node.decorator_list or node.name.startswith("_"):
            continue
        if node.name not in used:
            yield Hit(
                f"{node.name}() in api.py has no route decorator, and nothing calls it",
                api.place(node),
                f"write @router.get(...) above {node.name}(), or take it out",
            )


def _last(name: str) -> str:
    return name.rpartition(".")[2]


RULES = (
    Rule(
        "MF501",
        "empty-router",
        "warning",
        what="The module registers a router that has no route.",
        why="Readers look for an API that isn't there; most often a file with routes is not "
        "imported.",
        example="router = APIRouter()  # and no function has @router.get(...)",
        cure="write its routes, or write router_name=None if there is to be no API",
        cured='@router.get("/status")\nasync def get_status(): ...',
        about="load",
    ),
    Rule(
        "MF502",
        "undecorated-route",
        "warning",
        what="A public function of `api.py` has no decorator, and nothing in the module uses it.",
        why="It looks like a route, and requests get a 404.",
        example='async def get_status():\n    return {"status": "active"}',
        cure="write the route's decorator above it",
        cured='@router.get("/status")\nasync def get_status():\n    return {"status": "active"}',
        check=_undecorated_route,
    ),
    Rule(
        "MF503",
        "no-router",
        "warning",
        what="`router` in `api.py` is something else than an `APIRouter`.",
        why="Nothing of it is served.",
        example="router = FastAPI()",
        cure="write 'router = APIRouter()', or call the variable something else",
        cured="router = APIRouter()",
        about="load",
    ),
    Rule(
        "MF504",
        "unserved-router",
        "warning",
        what="`api.py` has an `APIRouter` under another name than `router`, and none of that name.",
        why="Nothing of it is served.",
        example="routes = APIRouter()",
        cure="call it 'router', or name it in @register_api_endpoints",
        cured="router = APIRouter()",
        about="load",
    ),
)
