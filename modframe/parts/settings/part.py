"""The settings part: resolves the model that a module declares, or registers in phase 1."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from ...masking import hide_secrets, mask_dump, secrets_in
from ...runtime.generation import Generation
from ...runtime.part import Panel, Part
from .describe import dump
from .faults import SettingsError, holds_secret, secrets_given
from .resolve import Resolved, resolve, resolve_leaving_out
from .sources import Given, SettingsSources

_STATE = (
    "__dict__",
    "__pydantic_fields_set__",
    "__pydantic_extra__",
    "__pydantic_private__",
)
"""What a model's instance consists of; the fields change by one assignment."""


class ModuleSettings:
    """The settings of one generation.

    Attributes:
        resolved: The registered model with its values, if they validate.
    """

    def __init__(self, generation: Generation, sources: SettingsSources) -> None:
        self._generation = generation
        self._sources = sources
        self._fault: SettingsError | None = None
        self.resolved: Resolved | None = None

    @property
    def model(self) -> type[BaseModel] | None:
        """The registered model."""
        return self.resolved.model if self.resolved is not None else None

    @property
    def value(self) -> BaseModel | None:
        """An instance of the model; a change of preferences updates it in place."""
        return self.resolved.value if self.resolved is not None else None

    def register(self, model: type[BaseModel]) -> None:
        """Resolve a model; if that fails, the load fails too, even if the module catches the error.

        Raises:
            SettingsError: If the values don't validate; names every fault.
        """
        registered: Any = model
        if not (isinstance(registered, type) and issubclass(registered, BaseModel)):
            raise SettingsError(
                f"{model!r} is not a pydantic model",
                cure="register a subclass of pydantic_settings.BaseSettings",
                subject=self._generation.module_id,
            )
        try:
            resolved = self._resolve(model)
        except SettingsError as fault:
            self._fault = fault
            raise
        self.resolved = resolved
        self._generation.findings.extend(resolved.findings)
        self._sources.log(self._generation.module_id, resolved.findings)

    def _resolve(self, model: type[BaseModel]) -> Resolved:
        module_id = self._generation.module_id
        return self._knowing(resolve_leaving_out, model, self._sources.given(module_id))

    def _knowing(
        self,
        resolve: Callable[[type[BaseModel], str, Given], Resolved],
        model: type[BaseModel],
        given: Given,
    ) -> Resolved:
        """Resolve a model, whose secrets are known and hidden from then on."""
        module_id, secrets = self._generation.module_id, self._sources.secrets
        sources = (given.table, given.session, given.now)
        secrets.add(module_id, chain(*(secrets_given(model, values) for values in sources)))
        resolved = resolve(model, module_id, given)
        secrets.add(module_id, secrets_in(resolved.value))
        hide_secrets(model)
        return resolved

    # -- changes --------------------------------------------------------------------------

    @property
    def registered(self) -> Resolved:
        """What the registered model was resolved to.

        Raises:
            LookupError: If none was registered.
        """
        if self.resolved is None:
            raise LookupError(f"{self._generation.module_id} has no settings")
        return self.resolved

    def resolve(self) -> Resolved:
        """Return what the registered model would be resolved to now.

        Raises:
            SettingsError: If the values don't validate.
        """
        return self._resolve(self.registered.model)

    def resolve_all(self) -> Resolved:
        """Return the same, with every preference but those that are left out already.

        Raises:
            SettingsError: If the values don't validate.
        """
        now, given = self.registered, self._sources.given(self._generation.module_id)
        left_out = {
            key: why
            for key, why in now.left_out.items()
            if key in given.preferences and given.preferences[key] == now.given.preferences.get(key)
        }
        kept = {key: one for key, one in given.preferences.items() if key not in left_out}
        resolved = self._knowing(resolve, now.model, replace(given, preferences=kept))
        return replace(resolved, given=given, left_out=left_out)

    def without_secrets(self, text: str) -> str:
        """Return a text without the secrets that are known, those that were tried among them."""
        return self._sources.secrets.mask(text)

    def know_secrets(self) -> None:
        """Have the secrets of the values now be the last that are forgotten."""
        self._sources.secrets.add(self._generation.module_id, secrets_in(self.registered.value))

    def differences(self, resolved: Resolved) -> dict[str, Any]:
        """Return field → value of those that differ from the values now."""
        now, then = vars(self.registered.value), vars(resolved.value)
        return {name: then[name] for name in resolved.sources if then.get(name) != now.get(name)}

    def adopt(self, resolved: Resolved) -> Resolved:
        """Put other values into the settings object in place; return those that it had."""
        value = self.registered.value
        earlier = replace(self.registered, value=value.model_copy())
        for slot in _STATE:
            object.__setattr__(value, slot, getattr(resolved.value, slot))
        self.resolved = replace(resolved, value=value)
        return earlier

    def finish(self) -> None:
        """Check at the end of phase 1 that everything was registered.

        Raises:
            SettingsError: If registering failed, or phase 1 did not register a model of
                ``settings.py``.
        """
        if self._fault is not None:
            raise self._fault
        if self.model is not None:
            return
        for name in _models_of(self._generation):
            raise SettingsError(
                f"settings.py has {name}, and phase 1 did not register it",
                cure=f"call self.app_context.register_pydantic_model(self.MODULE_ID, {name}) "
                "in phase 1; the module's log lines may say why it failed",
                subject=self._generation.module_id,
            )

    def typed(self, model: type[BaseModel]) -> BaseModel:
        """Return the settings as an instance of a model, registered or not."""
        if self.model is model and self.value is not None:
            return self.value
        return self._resolve(model).value

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the model, without the defaults of secrets; ``{}`` without."""
        if self.model is None:
            return {}
        schema = self.model.model_json_schema()
        for described in (schema, *schema.get("$defs", {}).values()):
            for name, field in described.get("properties", {}).items():
                if field.get("writeOnly") or holds_secret(self.model, name, field.get("default")):
                    field.pop("default", None)
        return schema

    def explain(self) -> dict[str, dict[str, Any]]:
        """Return field → value and source, secrets masked."""
        if self.value is None or self.resolved is None:
            return {}
        values = mask_dump(self.value, dump(self.value))
        return {
            name: {"value": values.get(name), "source": source}
            for name, source in self.resolved.sources.items()
        }


class SettingsPart(Part[ModuleSettings]):
    """Gives every generation its `ModuleSettings`, resolved from ``sources``."""

    name = "settings"
    noun = "setting"

    def __init__(self, sources: SettingsSources) -> None:
        self._sources = sources

    def build(self, generation: Generation) -> ModuleSettings:
        settings = ModuleSettings(generation, self._sources)
        if generation.spec.settings_model is not None:
            settings.register(generation.spec.settings_model)
        return settings

    def outline(self, generation: Generation) -> tuple[str, ...] | None:
        """Return the fields of the model that is registered, or that phase 1 will register."""
        settings = self.of(generation)
        model = settings.model if settings is not None else generation.spec.settings_model
        if model is None and settings is None:
            models = list(_models_of(generation).values())
            if not models:
                return None if generation.spec.phase1 else ()
            if len(models) > 1:
                return None
            model = models[0]
        return tuple(getattr(model, "model_fields", ()))

    def describe(self, generation: Generation) -> dict[str, Any]:
        settings = self.of(generation)
        return settings.explain() if settings is not None else {}

    def panels(self, facts: Mapping[str, Any]) -> Iterator[Panel]:
        rows = ((name, _text_of(field["value"]), field["source"]) for name, field in facts.items())
        yield Panel("setting", ("value", "source"), tuple(rows), live_only=True, tab="Settings")


def settings_models(modules: Mapping[str, ModuleType]) -> dict[str, type[BaseModel]]:
    """Return the models called ``...Settings`` that ``settings.py`` defines, by name."""
    module = modules.get("settings.py")
    if module is None:
        return {}
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, BaseModel)
        and value.__module__ == module.__name__
        and name.endswith("Settings")
    }


def _models_of(generation: Generation) -> dict[str, type[BaseModel]]:
    return settings_models(generation.package.modules()) if generation.package is not None else {}


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
