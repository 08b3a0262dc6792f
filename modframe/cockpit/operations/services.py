"""The tab *Services*: which methods there are, what one takes, and its call."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import closing, nullcontext
from itertools import islice
from typing import Any

from ...errors import FormError, ModuleNotFoundInWorkspaceError
from ...names import full_id
from ...observe.tracebacks import find_written
from ...parts.service.methods import short_names
from ...view.arguments import Arguments
from ...view.snapshot import ModuleView, thaw
from ..as_code import Texts, call_text
from ..asks import Ask, Operation
from ..facts import Facts
from ..form import Form, Json
from ..inputs import field_of
from ..values import shown

ITEMS = 500
"""How many items of a stream or a generator are shown; then it is closed."""
_NONE = {"count": 0, "errors": 0, "mean": 0.0, "p95": 0.0, "longest": 0.0}


def methods(ask: Ask, module: str | None = None) -> list[dict[str, Any]]:
    """Return a row for each method of a module's services, or of all: its words, its numbers."""
    return [
        {
            "module": view.id,
            "generation": view.generation,
            "service": service,
            "method": facts["name"],
            "signature": short_names(facts["signature"]),
            "description": facts["description"],
            "tags": facts["tags"],
            **numbers,
        }
        for view in views_of(ask.facts, module)
        for service, facts, numbers in _methods_of(view)
    ]


def method(ask: Ask, module: str, service: str, method: str) -> dict[str, Any]:
    """Return all that is known of one method; its parameters are the fields of a form."""
    [view] = views_of(ask.facts, module)
    for name, facts, _ in _methods_of(view):
        if (name, facts["name"]) == (service, method):
            about = {key: value for key, value in thaw(facts).items() if key != "signature"}
            return {
                **about,
                "signature": short_names(facts["signature"]),
                "params": [_field(param) for param in about["params"]],
                "source": source_of(getattr(ask.app.get_service(service), method)),
            }
    raise FormError(
        f"{service} has no method {method!r} any more", cure="choose another one", field=""
    )


def views_of(facts: Facts, module: str | None) -> list[ModuleView]:
    """Return the view of a module, or of all."""
    if module is None:
        return [facts.seen.module(key) for key in facts.seen.ids()]
    key = full_id(module)
    if key not in facts.records.ids():
        raise ModuleNotFoundInWorkspaceError(f"there is no module {key}", cure="choose another one")
    return [facts.seen.module(key)]


def _methods_of(view: ModuleView) -> Iterator[tuple[str, Mapping[str, Any], dict[str, Any]]]:
    """Yield service, facts and numbers of each method."""
    counted = {one["method"]: one for one in view.parts.get("traffic", {}).get("methods", ())}
    for service, facts in view.parts.get("service", {}).items():
        for one in facts["methods"]:
            yield service, one, numbers_of(counted.get(one["name"]))


def numbers_of(counted: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return count, errors, and the seconds of what the part `traffic` has counted, if any."""
    return {key: (counted or _NONE)[key] for key in _NONE}


def source_of(function: Any) -> dict[str, Any] | None:
    """Return file and line of a function of module code, as the operation `source` takes them."""
    place = find_written(function).place
    if not place:
        return None
    return {"file": place.partition(",")[0], "line": int(place.rpartition(" ")[2])}


def _field(param: Mapping[str, Any]) -> dict[str, Any]:
    schema, required = param["schema"], param["required"]
    given = {
        "fallback": None if required else param["default"],
        "about": param.get("description", ""),
    }
    field = field_of(param["name"], schema, schema, required=required, **given)
    return {**field, "type": short_names(param["type"])}


# -- the call --------------------------------------------------------------------------------------


def call(
    ask: Ask, service: str, method: str, *, args: Json | None = None, form: Form | None = None
) -> Json:
    """Call a method with JSON-like arguments, or what a form says; return what is shown of it.

    Items of a stream or a generator are parts, each as it comes; the answer then counts them.

    Raises:
        FormError: If the arguments don't fit; nothing was called then.
    """
    bound = getattr(ask.app.get_service(service), method)
    given = form.values() if form else args or {}
    values, named = _fitted(Arguments(bound), given)

    async def begin() -> Any:
        outcome = bound(*values, **named)
        return await outcome if hasattr(outcome, "__await__") else outcome

    value = ask.run(begin, f"{service}.{method}")
    if isinstance(value, AsyncIterator):
        return _tell_items(ask, _items_of(ask, value))
    if hasattr(value, "__next__"):
        return _tell_items(ask, value)
    return shown(value)


def _fitted(arguments: Arguments, args: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    arguments.check_names(args.keys())
    return arguments.fit({name: _with_bytes(value, name) for name, value in args.items()})


def call_code(
    ask: Ask, service: str, method: str, *, args: Json | None = None, form: Form | None = None
) -> Texts:
    """Return a call as code of a cell; arguments that don't fit yet are there as they are."""
    bound = getattr(ask.app.get_service(service), method)
    given = form.readable() if form else args or {}
    try:
        values, named = _fitted(Arguments(bound), given)
    except FormError:
        return call_text(service, method, [], given)
    return call_text(service, method, values, named)


def _with_bytes(value: Any, name: str) -> Any:
    """Return a value in which files, ``{"$bytes": <base64>}``, are bytes."""
    if isinstance(value, list):
        return [_with_bytes(one, name) for one in value]
    if not isinstance(value, dict):
        return value
    if "$bytes" in value and value.keys() <= {"$bytes", "name"}:
        try:
            return b64decode(str(value["$bytes"]), validate=True)
        except Base64Error as error:
            raise FormError(f"{name!r} is no base64: {error}", field=name) from None
    return {key: _with_bytes(one, name) for key, one in value.items()}


def _items_of(ask: Ask, stream: AsyncIterator[Any]) -> Iterator[Any]:
    """Yield the items of a stream, which runs on the app loop, to this thread."""

    async def step() -> Any:
        return await anext(stream)

    async def end() -> None:
        if (close := getattr(stream, "aclose", None)) is not None:
            await close()

    try:
        while True:
            try:
                item = ask.run(step, "the next item")
            except StopAsyncIteration:
                return
            yield item
    finally:
        ask.start(end, "the end of a stream").result()


def _tell_items(ask: Ask, items: Any) -> dict[str, Any]:
    """Send the first items as parts; stop at `ITEMS`, and when nobody waits any more."""
    told = 0
    with closing(items) if hasattr(items, "close") else nullcontext():
        for item in islice(items, ITEMS):
            if ask.cancelled.is_set():
                raise CancelledError
            ask.part(shown(item))
            told += 1
    return {"kind": "items", "count": told, "cut": told == ITEMS}


OPERATIONS: Mapping[str, Operation] = {
    "methods": methods,
    "method": method,
    "call": call,
    "call_code": call_code,
}
