"""The tab *Settings*: what can be set, as a preference or for the session.

The service ``core.settings`` does it. A secret comes in, and never goes out.
"""

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
_HIDDEN = "a secret: to keep it, set its environment variable"


def settings(ask: Ask, module: str) -> list[dict[str, Any]]:
    """Return each setting of a module: whether a preference is ``kept``, or one for the session."""
    key = full_id(module)
    explained = _asked(ask, "explain", key)
    schema = _asked(ask, "schema", key)
    kept = _asked(ask, "preferences", key)
    now = _asked(ask, "session_keys", key)
    return [
        {
            "name": name,
            **one,
            "kept": name in kept,
            "session": name in now,
            **_said_of(name, schema, one["value"]),
        }
        for name, one in explained.items()
    ]


def _said_of(name: str, schema: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """Return what the JSON schema of a model says of one field, and its input with the value."""
    own = schema.get("properties", {}).get(name, {})
    kinds = [own, *own.get("anyOf", ())]
    secret = is_secret_name(name) or any(one.get("format") == "password" for one in kinds)
    about = own.get("description", "")
    field = field_of(name, own, schema, required=True, about=about)
    if secret:
        field, value = _hidden(field), None
    first = first_of({**field, "kind": "text"} if field["kind"] == "json" else field, value)
    bounds = [
        text.format(one[keyword])
        for one in kinds
        for keyword, text in _BOUNDS.items()
        if keyword in one
    ]
    return {
        "description": "; ".join(filter(None, (about, _HIDDEN if secret else ""))),
        "bounds": ", ".join(bounds),
        "secret": secret,
        # A text may be empty.
        "field": field | {"required": field["kind"] != "text", "first": first},
    }


def _hidden(field: Mapping[str, Any]) -> dict[str, Any]:
    """Return the field of a secret with inputs that show nothing of what is typed."""
    match field["kind"]:
        case "object":
            return {**field, "fields": [_hidden(one) for one in field["fields"]]}
        case "list":
            return {**field, "item": _hidden(field["item"])}
        case "union":
            options = [one if one.get("none") else _hidden(one) for one in field["options"]]
            return {**field, "options": options}
        case "bool" | "choice":
            return {**field}
    hidden = {"kind": "secret", "required": True, "nullable": False}
    return {**field, **hidden, "json": field["kind"] == "json"}


def set_preference(
    ask: Ask, module: str, name: str, *, value: Any = None, form: Form | None = None
) -> None:
    """Set a preference, which wins over files and the environment; nothing changes if it can't be.

    Raises:
        FormError: If the value does not fit, or the module refuses it.
    """
    _asked(ask, "set_preference", full_id(module), name, _given(name, value, form))


def set_session_value(
    ask: Ask, module: str, name: str, *, value: Any = None, form: Form | None = None
) -> None:
    """Set a value until the app stops, also a secret; nothing changes if it can't be.

    Raises:
        FormError: If the value does not fit, or the module refuses it.
    """
    _asked(ask, "set_session_value", full_id(module), name, _given(name, value, form))


def _given(name: str, value: Any, form: Form | None) -> Any:
    """Return the value of a setting, as it was typed into its form if there is one."""
    if form is None:
        return value
    return form.values().get(name, None if form.fields[0].get("nullable") else "")


def undo_setting(ask: Ask, module: str, name: str) -> None:
    """Take back what is set for the session, else the preference; the next lower source counts."""
    key = full_id(module)
    now = name in _asked(ask, "session_keys", key)
    _asked(ask, "clear_session_value" if now else "clear_preference", key, name)


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
    "set_session_value": set_session_value,
    "undo_setting": undo_setting,
}
