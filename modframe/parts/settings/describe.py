"""What a settings model declares: fields with types, defaults and variables, as plain text.

In goes a model; out come rows without secrets. The reference of a workspace calls it; nothing is
read from the environment. `dump` gives the values of an instance to what shows them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from ...load.type_texts import annotation_text
from ...masking import mask


@dataclass(frozen=True, slots=True)
class SettingField:
    """One field of a settings model.

    Attributes:
        default: As JSON; empty if a value is required. The default of a secret is masked.
        variable: The environment variable that sets it.
    """

    name: str
    type: str
    default: str
    variable: str
    description: str


def describe_model(model: type[BaseModel], module_id: str) -> Iterator[SettingField]:
    """Yield the fields of a module's settings model, in order."""
    own_prefix = str(model.model_config.get("env_prefix") or "")
    prefix = own_prefix or f"{module_id.partition('.')[2]}_"
    for name, field in model.model_fields.items():
        alias = field.validation_alias or field.alias
        variable = alias if isinstance(alias, str) else f"{prefix}{name}"
        yield SettingField(
            name,
            annotation_text(field.annotation, model.__module__),
            _default(name, field),
            variable.upper(),
            field.description or "",
        )


def _default(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return ""
    if field.default_factory is not None:
        return "computed"  # by the author's code, which nobody asked to run
    try:
        value = to_jsonable_python(field.default, fallback=repr)
    except Exception:  # noqa: BLE001  # the author's object, whose repr may fail too
        return f"<{type(field.default).__name__}>"
    return json.dumps(mask(value, name), ensure_ascii=False)


def dump(value: BaseModel) -> dict[str, Any]:
    """Return values as JSON-ready data; what can't become such is told by its type.

    No ``repr`` of the author's objects runs, which may fail, or never end.
    """
    try:
        return value.model_dump(mode="json", fallback=_type_of)
    except Exception:  # noqa: BLE001  # a serializer of the author, for one of the fields
        return {name: _dumped(value, name) for name in type(value).model_fields}


def _dumped(value: BaseModel, name: str) -> Any:
    try:
        return value.model_dump(mode="json", fallback=_type_of, include={name}).get(name)
    except Exception as error:  # noqa: BLE001  # the author's serializer
        own = _type_of(getattr(value, name, None))
        return f"{own[:-1]}, which can't be shown: {type(error).__name__}>"


def _type_of(value: object) -> str:
    return f"<{type(value).__name__}>"
