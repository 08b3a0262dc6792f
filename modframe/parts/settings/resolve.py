"""`resolve`: from a settings model to its values, each with its source.

Called by `ModuleSettings`. The sources are, lowest first: default, file, environment, preference,
session. An error names every bad field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, starmap
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource
from pydantic_settings.exceptions import SettingsError as SettingsSourceError

from ...finding import Finding
from .faults import SettingsError, environment_error, settings_error
from .fields import FieldNames
from .files import DOTENV, TOML
from .misspelt import unknown_keys, unknown_lines, unknown_variables
from .sources import Given

SESSION, NOW = "start(settings=...)", "set_session_value(...)"
_OWN = ("env_file", "secrets_dir", "cli_parse_args", "nested_model_default_partial_update")
"""Options of a model that make it read more than the environment."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The values of one model.

    Attributes:
        model: The model, as it was registered.
        value: An instance of it.
        sources: Field → ``default``, ``file``, ``environment``, ``preference`` or ``session``.
        findings: What was given and is read by nobody.
        given: What it was resolved from.
        left_out: The preferences that don't validate, and why.
    """

    model: type[BaseModel]
    value: BaseModel
    sources: Mapping[str, str]
    findings: tuple[Finding, ...]
    given: Given
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Layer:
    """The values of one source, by field; ``place`` is what messages call it."""

    source: str
    place: str
    values: Mapping[str, Any]


def resolve(model: type[BaseModel], module_id: str, given: Given) -> Resolved:
    """Return an instance of the model and, for each field, where its value comes from.

    Raises:
        SettingsError: If values don't validate; names every fault.
    """
    names = FieldNames(model, module_id)
    reader = _as_settings(model)
    environment = EnvSettingsSource(reader, env_prefix=names.prefix)
    try:
        layers = _layers(names, environment, given)
    except SettingsSourceError as error:
        raise environment_error(module_id, model, names.prefix, error) from None
    try:
        value = _make(reader, names, layers, given)
    except ValidationError as error:
        raise _invalid(names, module_id, layers, error) from None
    own_file = value.model_fields_set  # such as an `env_file` of the model's own
    sources = {name: "file" if name in own_file else "default" for name in names.keys}
    for layer in layers:
        sources.update(dict.fromkeys(layer.values, layer.source))
    return Resolved(model, value, sources, _findings(names, environment, given), given)


def resolve_leaving_out(model: type[BaseModel], module_id: str, given: Given) -> Resolved:
    """Return what `resolve` does, without those preferences that don't validate any more.

    Raises:
        SettingsError: If other values don't validate.
    """
    if not given.preferences:
        return resolve(model, module_id, given)
    names = FieldNames(model, module_id)
    left_out: dict[str, str] = {}
    kept = dict(given.preferences)
    if model.model_config.get("extra") != "allow":
        for key in [key for key in kept if names.field_of(key) is None]:
            left_out[key] = f"{model.__name__} has no such setting"
            del kept[key]
    while True:
        try:
            resolved = resolve(model, module_id, replace(given, preferences=kept))
        except SettingsError as error:
            if not kept:
                raise
            reasons = {names.field_of(name.partition(".")[0]): why for name, why in error.faults}
            blamed = [key for key in kept if names.field_of(key) in reasons] or list(kept)
            for key in blamed:
                left_out[key] = reasons.get(names.field_of(key)) or error.message
                del kept[key]
        else:
            findings = (*resolved.findings, *starmap(_left_out, left_out.items()))
            return replace(resolved, findings=findings, given=given, left_out=left_out)


def _left_out(key: str, why: str) -> Finding:
    return Finding(
        "preference",
        "warning",
        f"the preference for {key!r} is left out: {why}",
        cure="set another value, or clear it with clear_preference()",
    )


def _layers(names: FieldNames, environment: EnvSettingsSource, given: Given) -> tuple[_Layer, ...]:
    """Return the values of each source, lowest first."""
    dotenv: Mapping[str, Any] = {}
    if given.dotenv.values:
        dotenv = _DotenvVariables(environment, given.dotenv.values)()
    return (
        _Layer("file", TOML, names.by_field(given.table)),
        _Layer("file", DOTENV, names.by_field(dotenv)),
        _Layer("environment", "environment", names.by_field(environment())),
        _Layer("preference", "preference", names.by_field(given.preferences)),
        _Layer("session", SESSION, names.by_field(given.session)),
        _Layer("session", NOW, names.by_field(given.now)),
    )


class _DotenvVariables(EnvSettingsSource):
    """Reads the variables of a ``.env`` as another source reads those of the environment."""

    def __init__(self, like: EnvSettingsSource, values: Mapping[str, str | None]) -> None:
        self._values = values
        super().__init__(like.settings_cls, env_prefix=like.env_prefix)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        if self.case_sensitive:
            return self._values
        return {name.lower(): value for name, value in self._values.items()}


def _make(
    reader: type[BaseSettings], names: FieldNames, layers: tuple[_Layer, ...], given: Given
) -> BaseSettings:
    """Return an instance; a model that has sources of its own reads them, below all others.

    Raises:
        ValidationError: If the values don't validate.
    """
    table, dotenv, environment, *above = (layer.values for layer in layers)
    values = _merged(table, dotenv)
    own = _has_own_sources(reader)
    if own:  # it reads the environment too, so only what a file would win over is needed
        environment = {name: one for name, one in environment.items() if name in values}
    for higher in (environment, *above):
        values = _merged(values, higher)
    arguments = {names.keys[name]: value for name, value in values.items()}
    if reader.model_config.get("extra") == "allow":
        everything = {**given.table, **given.preferences, **given.session, **given.now}
        arguments |= {key: one for key, one in everything.items() if names.field_of(key) is None}
    if own:
        return reader(_env_prefix=names.prefix, **arguments)
    sources: Any = ((lambda: arguments,), {})
    return reader(_build_sources=sources)  # nothing is read twice


def _has_own_sources(reader: type[BaseSettings]) -> bool:
    customised: Any = reader.settings_customise_sources
    usual: Any = BaseSettings.settings_customise_sources
    return customised.__func__ is not usual.__func__ or any(map(reader.model_config.get, _OWN))


def _merged(lower: Mapping[str, Any], higher: Mapping[str, Any]) -> dict[str, Any]:
    """Return both; where both have a mapping, it is merged, as pydantic-settings does."""
    merged = {**lower, **higher}
    for name in lower.keys() & higher.keys():
        if isinstance(lower[name], Mapping) and isinstance(higher[name], Mapping):
            merged[name] = _merged(lower[name], higher[name])
    return merged


def _findings(
    names: FieldNames, environment: EnvSettingsSource, given: Given
) -> tuple[Finding, ...]:
    delimiter = environment.env_nested_delimiter
    found = chain(
        unknown_variables(names, environment.env_vars, delimiter),
        unknown_lines(names, given.dotenv, delimiter),
    )
    if names.model.model_config.get("extra") != "allow":
        for values, place in ((given.table, TOML), (given.session, SESSION), (given.now, NOW)):
            found = chain(found, unknown_keys(names, values, place))
    return tuple(found)


def _invalid(
    names: FieldNames, module_id: str, layers: tuple[_Layer, ...], error: ValidationError
) -> SettingsError:
    tops = {str(fault["loc"][0]) for fault in error.errors() if fault["loc"]}
    places: dict[str, str] = {}
    for layer in layers:
        for top in tops:
            if names.field_of(top) in layer.values:
                variable = f" {names.variable(top)}" if layer.source == "environment" else ""
                places[top] = f"{layer.place}{variable}"
    variables = {top: names.variable(top) for top in tops}
    return settings_error(module_id, names.model, error, places=places, variables=variables)


def _as_settings(model: type[BaseModel]) -> type[BaseSettings]:
    """Return the model itself, or a subclass of a plain `BaseModel` that reads the environment."""
    if issubclass(model, BaseSettings):
        return model
    return type(
        model.__name__,
        (model, BaseSettings),
        {"__module__": model.__module__, "__doc__": model.__doc__},
    )
