"""What `ServiceMethod`s say, as panels: parameters, what is returned, examples and tags.

In come the facts of services; out go the panels that every view draws. Called by the service part.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ...runtime.part import Detail
from .methods import short_names

TAB = "Services"
"""The tab of the cockpit that shows them."""


def panels_of_words(facts: Mapping[str, Any]) -> Iterator[Detail]:
    """Yield the panels of what is documented; a method without a `ServiceMethod` has no rows."""
    methods = [
        method
        for service in facts.values()
        for method in service["methods"]
        if method["documented"]
    ]
    if not methods:
        return
    parameters = (
        (
            f"{method['name']}({param['name']})",
            type_of_parameter(param),
            param.get("description", ""),
        )
        for method in methods
        for param in method["params"]
    )
    yield Detail("parameter", ("type", "what it is"), tuple(parameters), tab=TAB)
    returns = (
        (method["name"], method["returns"]["type"], method["returns"]["description"])
        for method in methods
        if any(method["returns"].values())
    )
    yield Detail("return", ("type", "what it is"), tuple(returns), tab=TAB)
    examples = (
        (example["call"], example["result"]) for method in methods for example in method["examples"]
    )
    yield Detail("example", ("result",), tuple(examples), tab=TAB)
    yield Detail("tag", ("methods",), tuple(_tags(methods)), tab=TAB)


def type_of_parameter(param: Mapping[str, Any]) -> str:
    """Return a parameter's type and whether it may be left out, as text.

    >>> type_of_parameter({"type": "int", "required": False, "default": 3})
    'int, default 3'
    >>> type_of_parameter({"type": "", "required": False, "default": None})
    'optional'
    """
    if param["required"]:
        note = ""
    elif param["default"] is None:
        note = "optional"
    else:
        note = f"default {json.dumps(param['default'], ensure_ascii=False, default=str)}"
    return ", ".join(filter(None, (short_names(param["type"]), note)))


def _tags(methods: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    by_tag: dict[str, list[str]] = {}
    for method in methods:
        for tag in method["tags"]:
            by_tag.setdefault(tag, []).append(method["name"])
    return ((tag, ", ".join(names)) for tag, names in sorted(by_tag.items()))
