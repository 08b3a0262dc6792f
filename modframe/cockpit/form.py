"""`Form`: what a person typed into the fields of `inputs`, and the values that it stands for.

An input has a text or a boolean; a file is ``{"$bytes": <base64>, "name"}``, a choice between
kinds ``{"at": <its place>, "typed"}``; objects and lists hold these. In come fields and what is
typed, out go JSON-ready values, as a method, a request or a setting gets them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import FormError

Json = dict[str, Any]

_WHOLE = re.compile(r"[+-]?\d+")
_NO_NUMBER = re.compile(r"[+-]?(inf(inity)?|nan)", re.IGNORECASE)
"""A float that JSON has no number for; it stays a text."""
_HINT = 'Write it like 3, "text", [1, 2] or {"key": 1}'
_JSON_TYPES = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}


@dataclass(frozen=True)
class Form:
    """A form that was filled in.

    Attributes:
        fields: What was shown.
        typed: The name of each field → what its input has.
    """

    fields: list[Json]
    typed: Json

    def values(self) -> Json:
        """Return the values; what was left as it was is left out, so that defaults count.

        Raises:
            FormError: If something is missing or can't be read; ``faults`` has the place of each.
        """
        faults: dict[str, str] = {}
        values = _object(self.fields, self.typed, "", faults)
        if faults:
            message = "; ".join(f"{place} {fault}" for place, fault in faults.items())
            raise FormError(message, field=next(iter(faults)), faults=faults)
        return values

    def readable(self) -> Json:
        """Return the values that can be read so far."""
        return _object(self.fields, self.typed, "", {})


# -- what stands there at first ----------------------------------------------------------------


def first_of(field: Json, value: Any) -> Any:
    """Return what the input of a field shows of a value; ``None`` is none."""
    match field["kind"]:
        case "bool":
            return bool(value)
        case "choice":
            choices = field["choices"]
            only = "0" if len(choices) == 1 and field["required"] else ""
            return str(choices.index(value)) if value is not None and value in choices else only
        case "object" | "section":
            given = value if isinstance(value, Mapping) else {}
            return {
                one["name"]: first_of(one, given[name])
                if given.get(name := one["name"]) is not None
                else one["first"]
                for one in field["fields"]
            }
        case "list":
            items = value if isinstance(value, list | tuple) else ()
            return [first_of(field["item"], one) for one in items]
        case "union":
            fits = (at for at, one in enumerate(field["options"]) if _takes(one, value))
            at = next(fits, 0)
            option = field["options"][at]
            typed = None if "none" in option else first_of(option, value)
            return {"at": at, "typed": typed}
        case "file":
            return None
        case "json" | "secret":
            return ""
        case _:
            return "" if value is None else _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _takes(option: Json, value: Any) -> bool:
    """Return whether an option of a union is for values like this one."""
    kind = _JSON_TYPES.get(type(value), "number")
    kinds = {"integer", "number"} if kind == "integer" else {kind}
    return value is not None and option.get("takes") in kinds


# -- what is sent --------------------------------------------------------------------------------


def _object(fields: list[Json], typed: Json, path: str, faults: dict[str, str]) -> Json:
    """Return the values of fields; what is wrong goes into ``faults``."""
    values = {}
    for field in fields:
        name, own = field["name"], typed[field["name"]]
        must = field["required"] or field["kind"] == "section"
        if must or own != first_of(field, field.get("fallback")):
            for value in _sent(field, own, f"{path}{name}", faults):
                values[name] = value
    return values


def _sent(field: Json, typed: Any, path: str, faults: dict[str, str]) -> Iterator[Any]:
    """Yield the value of a field; nothing if it is left out or faulty."""
    kind = field["kind"]
    if kind in ("object", "section"):
        yield _object(field["fields"], typed, f"{path}.", faults)
    elif kind == "list":
        sent = (_sent(field["item"], own, f"{path}.{at}", faults) for at, own in enumerate(typed))
        yield [one for item in sent for one in item]
    elif kind == "union":
        option = field["options"][typed["at"]]
        inside = f"{path}.{option['title']}"
        yield from [None] if "none" in option else _sent(option, typed["typed"], inside, faults)
    elif typed not in ("", None):
        try:
            yield _leaf(field, typed)
        except ValueError as error:
            faults[path] = str(error)
    elif field.get("nullable"):
        yield None
    elif kind == "body" or (kind == "text" and not field["required"]):
        yield ""
    elif field["required"]:
        faults[path] = "is required"


def _leaf(field: Json, typed: Any) -> Any:
    """Return the value of one input.

    Raises:
        ValueError: If it can't be read.
    """
    match field["kind"]:
        case "choice":
            return field["choices"][int(typed)]
        case "int":
            if not _WHOLE.fullmatch(typed.strip()):
                raise ValueError("is no whole number")
            return int(typed)
        case "float":
            return _float(typed.strip())
        case "decimal":  # what a float would round stays as it was typed
            return _exact(typed)
        case "file":
            return typed["$bytes"] if field["encoded"] else _file(typed)
        case "json":
            return _json(typed)
        case "secret" if field.get("json"):
            return _json(typed)
        case _:
            return typed


def _float(text: str) -> Any:
    if _NO_NUMBER.fullmatch(text):
        return text
    try:
        number = int(text) if _WHOLE.fullmatch(text) else float(text)
    except ValueError:
        number = math.inf
    if math.isinf(number):
        raise ValueError("is no number")
    return number


def _exact(text: str) -> Any:
    try:
        number = json.loads(text)
    except ValueError:
        return text
    exact = type(number) in (int, float) and math.isfinite(number) and json.dumps(number) == text
    return number if exact else text


def _file(typed: Json) -> Json:
    return {"$bytes": typed["$bytes"], "name": typed["name"]}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"is no JSON: {error}. {_HINT}") from None
