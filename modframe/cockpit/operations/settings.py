"""The tab *Settings*: what can be set; preferences, which the service ``core.settings`` keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import FormError
from ...masking import is_secret_name
from ...names import full_id
from ..asks import Ask, Operation
from ..form import Form, first_of
from ..inputs import field_of

_BOUNDS = {
    "minimum": "≥ {}", "exclusiveMinimum": "> {}", "maximum": "≤ {}", "exclusiveMaximum": "< {}",
    "multipleOf": "multiple of {}", "minLength": "length ≥ {}", "maxLength": "length ≤ {}",
    "minItems": "items ≥ {}", "maxItems": "items ≤ {}", "pattern": "matches {}",
}  # fmt: skip
"""The keyword of a JSON schema → how it is said of a setting."""
_HIDDEN = "a secret: set its environment variable, or give it to start(settings=...)"


def settings(ask: Ask, module: str) -> list[dict[str, Any]]:
    """Return each setting of a module; ``kept`` says whether a preference stands for it."""
    key = full_id(module)
    explained = _asked(ask, "explain", key)
    schema = _asked(ask, "schema", key)
    kept = _asked(ask, "preferences", key)
    return [
        {"name": name, **one, "kept": name in kept, **_said_of(name, schema, one["value"])}
        for name, one in explained.items()
    ]


def _said_of(name: str, schema: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """Return what the JSON schema of a model says of one field, and its input with the value."""
    own = schema.get("properties", {}).get(name, {})
    kinds = [own, *own.get("anyOf", ())]
    secret = is_secret_name(name) or any(one.get("format") == "password" for one in kinds)
    about = own.get("description", "")
    field = field_of(name, own, schema, required=True, about=about)
    first = first_of({**field, "kind": "text"} if field["kind"] == "json" else field, value)
    bounds = [
        text.format(one[keyword])
        for one in kinds
        for keyword, text in _BOUNDS.items()
        if keyword in one
    ]
    return {
        "description": _HIDDEN if secret else about,
        "bounds": ", ".join(bounds),
        "secret": secret,
        # A text may be empty.
        "field": field | {"required": field["kind"] != "text", "first": first},
    }


def set_preference(
    ask: Ask, module: str, name: str, *, value: Any = None, form: Form | None = None
) -> None:
    """Set a preference, which wins over files and the environment; nothing changes if it can't be.

    Raises:
        FormError: If the value does not fit, or the module refuses it.
    """
    if form:
        value = form.values().get(name, None if form.fields[0].get("nullable") else "")
    _asked(ask, "set_preference", full_id(module), name, value)


def clear_preference(ask: Ask, module: str, name: str) -> None:
    """Forget a preference; the setting has the value of the next lower source again."""
    _asked(ask, "clear_preference", full_id(module), name)


def _asked(ask: Ask, method: str, *args: Any) -> Any:
    """Call a method of the service and return the data of its result.

    Raises:
        FormError: If the result is an error; its faults stand at the fields that they are about.
    """
    service = ask.app.get_service("core.settings.service")

    async def begin() -> Any:
        return await getattr(service, method)(*args)

    result = ask.run(begin, f"core.settings.{method}")
    if result.success:
        return result.data
    reasons = (result.details or {}).get("reasons", ())
    faults = {name: why for name, _, why in (one.partition(": ") for one in reasons)}
    message = "; ".join(reasons) or result.message
    raise FormError(message, field=next(iter(faults), ""), faults=faults)


OPERATIONS: Mapping[str, Operation] = {
    "settings": settings,
    "set_preference": set_preference,
    "clear_preference": clear_preference,
}
