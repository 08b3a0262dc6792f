"""`resolve`: from a settings model to its values, each with its source.

Called by the settings part when a model is registered. The sources are, lowest first: default,
file, environment, session. An error names every bad field and repeats no value, for a value may be
a secret.
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


def resolve(
    model: type[BaseModel], module_id: str, session: Mapping[str, Any]
) -> tuple[BaseModel, dict[str, str]]:
    """Return an instance of the model and, for each field, where its value comes from.

    ``session`` has the values given to ``start()``.

    Raises:
        SettingsError: If values don't validate; names every fault.
    """
    own_prefix = str(model.model_config.get("env_prefix") or "")  # BaseSettings adds the key
    prefix = own_prefix or f"{module_id.partition('.')[2].upper()}_"
    settings_model = _as_settings(model)
    environment = EnvSettingsSource(settings_model, env_prefix=prefix)
    from_environment: set[str] = set()
    try:
        from_environment = set(environment())
        value = settings_model(_env_prefix=prefix, **session)
    except ValidationError as error:
        places = {
            name: f"environment {_variable(model, prefix, name)}" for name in from_environment
        }
        places |= dict.fromkeys(session, "start(settings=...)")
        raise _settings_error(module_id, model, prefix=prefix, places=places, error=error) from None
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
    """Return the model itself, or a subclass of a plain `BaseModel` that reads the environment."""
    if issubclass(model, BaseSettings):
        return model
    return type(
        model.__name__,
        (model, BaseSettings),
        {"__module__": model.__module__, "__doc__": model.__doc__},
    )


def _variable(model: type[BaseModel], prefix: str, name: str) -> str:
    """Return the variable that a field is read from; an alias gets no prefix."""
    return f"{prefix if name in model.model_fields else ''}{name.upper()}"


def _settings_error(
    module_id: str,
    model: type[BaseModel],
    *,
    prefix: str,
    places: Mapping[str, str],
    error: ValidationError,
) -> SettingsError:
    faults = []
    for fault in error.errors(include_input=False, include_url=False, include_context=False):
        name = ".".join(map(str, fault["loc"])) or model.__name__
        top = str(fault["loc"][0]) if fault["loc"] else ""
        where = places.get(top, "its default, or a .env file")
        if fault["type"] == "missing":
            where = f"set it in the environment as {_variable(model, prefix, top)}"
        faults.append((name, f"{fault['msg']} ({where})" if top else fault["msg"]))
    rows = "; ".join(f"{name}: {message}" for name, message in faults)
    return SettingsError(
        f"{model.__name__} of {module_id!r} does not validate: {rows}",
        cure="correct the value where it was given, or the model in settings.py",
        faults=tuple(faults),
    )
