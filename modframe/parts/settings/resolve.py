"""One settings model to values with their sources: defaults < file < environment < session.

Called by the settings part when a model is registered; a fault names every bad value at once and
echoes none, for a value may be a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource
from pydantic_settings.exceptions import SettingsError as SettingsSourceError

from ...errors import ModframeError


class SettingsError(ModframeError):
    """Raised when settings don't validate; ``faults`` lists each as (name, message)."""

    rule = "settings"


def environment_prefix(model: type[BaseModel], module_id: str) -> str:
    """The prefix of a model's environment variables: its own, or ``<MODULE>_``."""
    own = str(model.model_config.get("env_prefix") or "")  # BaseSettings adds the key
    return own or f"{module_id.partition('.')[2].upper()}_"


def resolve(
    model: type[BaseModel], module_id: str, session: Mapping[str, Any]
) -> tuple[BaseModel, dict[str, str]]:
    """The settings and, field by field, their source: default, file, environment or session.

    Raises:
        SettingsError: With all faults.
    """
    prefix = environment_prefix(model, module_id)
    settings_model = _as_settings(model)
    found = EnvSettingsSource(settings_model, env_prefix=prefix)
    from_environment: set[str] = set()
    try:
        from_environment = set(found())
        value = settings_model(_env_prefix=prefix, **session)
    except ValidationError as error:
        given = {one: f"environment {_variable(model, prefix, one)}" for one in from_environment}
        given |= dict.fromkeys(session, "start(settings=...)")
        raise _error(module_id, model, prefix=prefix, given=given, error=error) from None
    except SettingsSourceError as error:
        raise SettingsError(
            f"the environment of {model.__name__} can't be read: {error}",
            cure=f"correct the {prefix}... variable it names",
            subject=module_id,
        ) from None
    sources = {}
    for name, field in type(value).model_fields.items():
        keys = {name, field.alias or name}
        if keys & set(session):
            sources[name] = "session"
        elif keys & from_environment:
            sources[name] = "environment"
        else:
            sources[name] = "file" if name in value.model_fields_set else "default"
    return value, sources


def _as_settings(model: type[BaseModel]) -> type[BaseSettings]:
    """The model itself, or a plain `BaseModel` that also reads the environment."""
    if issubclass(model, BaseSettings):
        return model
    return type(
        model.__name__,
        (model, BaseSettings),
        {"__module__": model.__module__, "__doc__": model.__doc__},
    )


def _variable(model: type[BaseModel], prefix: str, name: str) -> str:
    """The variable that a field is read from; an alias stands for itself, without the prefix."""
    return f"{prefix if name in model.model_fields else ''}{name.upper()}"


def _error(
    module_id: str,
    model: type[BaseModel],
    *,
    prefix: str,
    given: Mapping[str, str],
    error: ValidationError,
) -> SettingsError:
    faults = []
    for fault in error.errors(include_input=False, include_url=False, include_context=False):
        name = ".".join(map(str, fault["loc"])) or model.__name__
        top = str(fault["loc"][0]) if fault["loc"] else ""
        where = given.get(top, "its default, or a .env file")
        if fault["type"] == "missing":
            where = f"set it in the environment as {_variable(model, prefix, top)}"
        faults.append((name, f"{fault['msg']} ({where})" if top else fault["msg"]))
    rows = "; ".join(f"{name}: {message}" for name, message in faults)
    return SettingsError(
        f"{model.__name__} of {module_id!r} does not validate: {rows}",
        cure="correct the value where it was given, or the model in settings.py",
        faults=tuple(faults),
    )


def masked(value: BaseModel) -> dict[str, Any]:
    """The values as JSON-ready data, secrets as asterisks."""
    return value.model_dump(mode="json")
