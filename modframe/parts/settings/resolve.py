"""`resolve`: from a settings model to its values, each with its source.

Called by the settings part when a model is registered. The sources are, lowest first: default,
file, environment, session. An error names every bad field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource
from pydantic_settings.exceptions import SettingsError as SettingsSourceError

from .faults import environment_error, settings_error


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
        tops = {str(fault["loc"][0]) for fault in error.errors() if fault["loc"]}
        variables = {name: _variable(model, prefix, name) for name in tops}
        raise settings_error(module_id, model, error, places=places, variables=variables) from None
    except SettingsSourceError as error:
        raise environment_error(module_id, model, prefix, error) from None
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
