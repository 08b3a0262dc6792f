"""The settings part: resolves the model that a module declares, or registers in phase 1."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from ...runtime.generation import Generation
from ...runtime.part import Panel, Part
from .faults import SettingsError
from .resolve import Resolved, resolve_leaving_out
from .sources import SettingsSources


class ModuleSettings:
    """The settings of one generation.

    Attributes:
        model: The registered model.
        value: An instance of it, if its values validate; a change of a preference updates it.
        resolved: The same with the source of each value; ``None`` before it was registered.
    """

    def __init__(self, generation: Generation, sources: SettingsSources) -> None:
        self._generation = generation
        self._sources = sources
        self._fault: SettingsError | None = None
        self.model: type[BaseModel] | None = None
        self.value: BaseModel | None = None
        self.resolved: Resolved | None = None

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
        self.model, self.value, self.resolved = model, resolved.value, resolved
        self._generation.findings.extend(resolved.findings)
        self._sources.log(self._generation.module_id, resolved.findings)

    def _resolve(self, model: type[BaseModel]) -> Resolved:
        module_id = self._generation.module_id
        return resolve_leaving_out(model, module_id, self._sources.given(module_id))

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

    def explain(self) -> dict[str, dict[str, Any]]:
        """Return field → value and source, secrets masked."""
        if self.value is None or self.resolved is None:
            return {}
        values = self.value.model_dump(mode="json")
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
        yield Panel("setting", ("value", "source"), tuple(rows), live_only=True)


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
