"""From a `ValidationError` of a settings model to a `SettingsError` with a finding for each fault.

`resolve` calls it. A finding says the field, the bad value, where that was given, and the line of
the field. The value of a secret is left out: of a pydantic secret, and of a field with the name of
one.
"""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from ...errors import ModframeError
from ...finding import Finding
from ...masking import KnownSecrets, is_secret_at, mask_urls, secrets_in

_VALUE_LENGTH = 80
_OWN_WORDS = frozenset(get_args(ErrorType)) - {"value_error", "assertion_error"}
"""Types of faults whose text is pydantic's own, and no author's."""


class SettingsError(ModframeError):
    """Raised when settings don't validate.

    Attributes:
        faults: Each fault as (name, message).
        reasons: The same without the values that were given.
        findings: Each fault with the line of its field.
    """

    rule = "settings"
    faults: tuple[tuple[str, str], ...] = ()
    reasons: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()


def settings_error(
    module_id: str,
    model: type[BaseModel],
    error: ValidationError,
    *,
    places: Mapping[str, str],
    variables: Mapping[str, str],
) -> SettingsError:
    """Return the error of a model that does not validate.

    Args:
        module_id: The module.
        model: Its settings model.
        error: What pydantic found.
        places: Field → where its value was given, of those that were given by name.
        variables: Field → the variable of the environment that sets it.
    """
    faults: list[tuple[str, str]] = []
    findings: list[Finding] = []
    found = error.errors(include_url=False, include_context=False)
    secrets = _secrets_of(model, found)
    for fault in found:
        loc = tuple(map(str, fault["loc"]))
        name, top = ".".join(loc) or model.__name__, next(iter(loc), "")
        own_name, field = _field(model, top)
        if not top:
            message, cure = fault["msg"], f"correct the values, or {model.__name__}"
        elif fault["type"] == "missing":
            message = f"Field required (set it in the environment as {variables[top]})"
            cure = "or give the field a default"
        else:
            given, cure = _given(
                top, fault["input"], field, place=places.get(top, ""), variable=variables[top]
            )
            value = "" if is_secret_at(model, loc) else f"= {_shortened(fault['input'])} "
            message = f"{value}({given}): {fault['msg']}" if value else f"{fault['msg']} ({given})"
        message = secrets.replace(message)  # an author's validator may repeat what it refuses
        faults.append((name, message))
        file, line = _place_of(model, own_name)
        text = _named(name, message)
        findings.append(Finding("settings", "error", text, cure=cure, file=file, line=line))
    return SettingsError(
        f"{model.__name__} of {module_id!r} does not validate: "
        f"{'; '.join(_named(*fault) for fault in faults)}",
        cure="correct the value where it was given, or the model in settings.py",
        faults=tuple(faults),
        reasons=tuple((name, _reason(one)) for (name, _), one in zip(faults, found, strict=True)),
        findings=tuple(findings),
    )


def _reason(fault: ErrorDetails) -> str:
    """Return what a field wants; an author's own message may repeat what was given."""
    return fault["msg"] if fault["type"] in _OWN_WORDS else "The value is refused"


def _named(name: str, message: str) -> str:
    return f"{name} {message}" if message.startswith("= ") else f"{name}: {message}"


def _field(model: type[BaseModel], name: str) -> tuple[str, FieldInfo | None]:
    """Return the field of a name or alias, with its own name."""
    for own_name, field in model.model_fields.items():
        if name in (own_name, field.alias, field.validation_alias):
            return own_name, field
    return name, None


def _given(
    name: str, value: object, field: FieldInfo | None, *, place: str, variable: str
) -> tuple[str, str]:
    """Return where a value was given, and what to do there."""
    if place:
        return place, f"correct {name} in {place.removeprefix('environment ')}"
    if field is not None and field.default is value:
        return "its default", f"correct the default, or set {variable}"
    return "its default, or a .env file", "correct it in the model or in the .env file"


def _secrets_of(model: type[BaseModel], faults: Iterable[ErrorDetails]) -> KnownSecrets:
    """Return the secrets in the values that don't validate."""
    secrets = KnownSecrets()
    for number, fault in enumerate(faults):
        loc = tuple(map(str, fault["loc"]))
        hidden = {"secret": fault["input"]} if is_secret_at(model, loc) else fault["input"]
        secrets.add(str(number), secrets_in(hidden))
    return secrets


def holds_secret(model: type[BaseModel], name: str, value: object) -> bool:
    """Return whether the value of a field is a secret, or has one inside."""
    return any(
        is_secret_at(model, loc) or any(secrets_in(one, loc[-1]))
        for loc, one in _places_in(name, value)
    )


def secrets_given(model: type[BaseModel], values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the secrets in the values of fields, also where only the model says that they are."""
    for name, value in values.items():
        for loc, one in _places_in(name, value):
            yield from secrets_in({"secret": one} if is_secret_at(model, loc) else one, loc[-1])


def _places_in(name: str, value: object) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield the value of a field, and those in its mappings and lists, with the way to each."""
    waiting: list[tuple[tuple[str, ...], object]] = [((name,), value)]
    while waiting:
        loc, one = waiting.pop()
        yield loc, one
        if isinstance(one, Mapping):
            waiting += [((*loc, str(key)), inside) for key, inside in one.items()]
        elif isinstance(one, list | tuple):
            waiting += [((*loc, str(at)), inside) for at, inside in enumerate(one)]


def _shortened(value: object) -> str:
    if isinstance(value, BaseModel | Mapping):
        return f"a {type(value).__name__}"  # which may hold secrets
    text = mask_urls(repr(value))
    return text if len(text) <= _VALUE_LENGTH else f"{text[:_VALUE_LENGTH]}..."


def _place_of(model: type[BaseModel], name: str) -> tuple[str, int]:
    """Return the file and line where a field stands, or its class; ``("", 0)`` if unknown."""
    for cls in model.__mro__:
        if name and name not in vars(cls).get("__annotations__", {}):
            continue
        file = str(getattr(sys.modules.get(cls.__module__), "__file__", None) or "")
        for node in ast.walk(_parsed(file)):
            if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
                return file, _line_of(node, name)
    return "", 0


def _parsed(file: str) -> ast.AST:
    try:
        return ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return ast.Module([], [])


def _line_of(node: ast.ClassDef, name: str) -> int:
    for statement in node.body:
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and statement.target.id == name
        ):
            return statement.lineno
    return node.lineno


def environment_error(
    module_id: str, model: type[BaseModel], prefix: str, error: Exception
) -> SettingsError:
    """Return the error of an environment that can't be read as settings."""
    return SettingsError(
        f"the environment of {model.__name__} can't be read: {error}",
        cure=f"correct the {prefix}... variable it names",
        subject=module_id,
    )
