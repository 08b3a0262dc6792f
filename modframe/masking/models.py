"""Settings objects without secrets: their repr, and what views show of their values.

A module writes its settings model as it likes. Its values stay as they are; only ``repr`` and
``str`` of the models show a mask, also those of models that they are made of.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from .names import MASK, SECRET_TYPES, is_secret
from .values import is_one_secret, mask

_HIDES = "_modframe_hides_secrets"
_KINDS = (list, tuple, set, frozenset)


def hide_secrets(model: type[BaseModel]) -> None:
    """Have the repr of a model mask its secrets, and that of the models of its fields.

    Models of other packages stay as they are; what shows them masks theirs.
    """
    for cls in dict.fromkeys(_models_in(model, model.__module__.partition(".")[0], set())):
        if _HIDES in vars(cls):
            continue
        setattr(cls, _HIDES, True)
        setattr(cls, "__repr_args__", _masked_args(cls.__repr_args__))  # noqa: B010  # mypy: a method


def mask_dump(value: BaseModel, dump: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``value.model_dump()`` gave without secrets, whoever wrote the serializers."""
    shown: dict[str, Any] = {}
    for name, item in dump.items():
        own = getattr(value, name, None)
        if isinstance(own, BaseModel) and isinstance(item, Mapping):
            shown[name] = mask_dump(own, item)
        elif isinstance(own, SECRET_TYPES) and item:
            shown[name] = MASK
        else:
            shown[name] = mask(item, name)
    return shown


def is_secret_at(model: type[BaseModel], loc: Sequence[str]) -> bool:
    """Return whether a field of a model, or one that it lies in, holds a secret.

    ``loc`` is the way to it, as pydantic's errors have it: names or aliases of fields, positions.
    """
    inside: type[BaseModel] | None = model
    for name in loc:
        annotation = _annotation(inside, name) if inside is not None else None
        if is_secret(name, annotation):
            return True
        kinds = (kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type))
        inside = next((kind for kind in kinds if issubclass(kind, BaseModel)), inside)
    return False


def _annotation(model: type[BaseModel], name: str) -> Any:
    for own_name, field in model.model_fields.items():
        if name in (own_name, field.alias, field.validation_alias):
            return field.annotation
    return None


def _models_in(annotation: Any, package: str, seen: set[type]) -> Iterator[type[BaseModel]]:
    """Yield the models of a package that an annotation is made of, and those of their fields."""
    for part in get_args(annotation):
        yield from _models_in(part, package, seen)
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return
    if annotation in seen or annotation.__module__.partition(".")[0] != package:
        return
    seen.add(annotation)
    yield annotation
    for field in annotation.model_fields.values():
        yield from _models_in(field.annotation, package, seen)


def _masked_args(original: Any) -> Any:
    def __repr_args__(self: BaseModel) -> Iterator[tuple[str | None, Any]]:  # noqa: N807  # pydantic's
        for name, value in original(self):
            yield name, _shown(value, name or "")

    return __repr_args__


class _Text:
    """Something whose repr is a text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _shown(value: Any, name: str = "") -> Any:
    """Return what the repr of a model shows of a field's value."""
    if isinstance(value, BaseModel):
        if hasattr(type(value), _HIDES):
            return value
        return _text_of(value, value.__repr_args__())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field.name for field in dataclasses.fields(value) if field.repr]
        return _text_of(value, ((key, getattr(value, key)) for key in fields))
    if isinstance(value, SECRET_TYPES):
        return value
    if is_one_secret(value, name):
        return MASK
    if isinstance(value, Mapping):
        pairs = {key: _shown(item, str(key)) for key, item in value.items()}
        return value if all(pairs[key] is value[key] for key in pairs) else pairs
    if isinstance(value, _KINDS):
        items = [(item, _shown(item)) for item in value]
        if all(item is shown for item, shown in items):
            return value
        kind = next(kind for kind in _KINDS if isinstance(value, kind))
        return kind(shown for _, shown in items)
    masked = mask(value)
    return value if masked == str(value) else masked


def _text_of(value: Any, args: Any) -> _Text:
    shown = ", ".join(f"{key}={_shown(item, key or '')!r}" for key, item in args)
    return _Text(f"{type(value).__name__}({shown})")
