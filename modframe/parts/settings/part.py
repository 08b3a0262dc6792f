"""The settings part: takes the model that a module registers in phase 1 and resolves it at once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from pydantic import BaseModel

from ...runtime.generation import Generation
from ...runtime.part import Panel, Part
from .resolve import SettingsError, masked, resolve


class ModuleSettings:
    """The settings of one generation.

    Attributes:
        model: The registered model, if any. ``value``: its instance. ``sources``: by field.
    """

    def __init__(self, generation: Generation, session: Mapping[str, Any]) -> None:
        self._generation = generation
        self._session = session
        self._fault: SettingsError | None = None
        self.model: type[BaseModel] | None = None
        self.value: BaseModel | None = None
        self.sources: dict[str, str] = {}

    def register(self, model: type[BaseModel]) -> None:
        """Take a model and resolve it; a fault also fails the load, should the module catch it.

        Raises:
            SettingsError: If the values don't validate, all faults at once.
        """
        given: Any = model
        if not (isinstance(given, type) and issubclass(given, BaseModel)):
            raise SettingsError(
                f"{model!r} is not a pydantic model",
                cure="register a subclass of pydantic_settings.BaseSettings",
                subject=self._generation.module_id,
            )
        try:
            self.value, self.sources = resolve(model, self._generation.module_id, self._session)
        except SettingsError as fault:
            self._fault = fault
            raise
        self.model = model

    def finish(self) -> None:
        """The end of phase 1: what was to be registered is.

        Raises:
            SettingsError: If registering failed, or a settings file has a model nobody registered.
        """
        if self._fault is not None:
            raise self._fault
        if self.model is not None:
            return
        for name in _models_of_file(self._generation):
            raise SettingsError(
                f"settings.py has {name}, and phase 1 did not register it",
                cure=f"call self.app_context.register_pydantic_model(self.MODULE_ID, {name}) "
                "in phase 1; the module's log lines may say why it failed",
                subject=self._generation.module_id,
            )

    def typed(self, model: type[BaseModel]) -> BaseModel:
        """The settings as an instance of a model, which may be another one than registered."""
        if self.model is model and self.value is not None:
            return self.value
        return resolve(model, self._generation.module_id, self._session)[0]

    def explain(self) -> dict[str, dict[str, Any]]:
        """Field → value, masked, and source."""
        if self.value is None:
            return {}
        values = masked(self.value)
        return {
            name: {"value": values.get(name), "source": source}
            for name, source in self.sources.items()
        }


class SettingsPart(Part[ModuleSettings]):
    """Gives every generation its `ModuleSettings`.

    Args:
        session: Module id → values given at start, the highest source.
    """

    name = "settings"
    noun = "setting"

    def __init__(self, session: Mapping[str, Mapping[str, Any]]) -> None:
        self._session = session

    @asynccontextmanager
    async def enter(self, generation: Generation) -> AsyncIterator[ModuleSettings]:
        settings = ModuleSettings(generation, self._session.get(generation.module_id, {}))
        declared = generation.spec.settings_model
        if declared is not None:
            settings.register(declared)
        yield settings

    def outline(self, generation: Generation) -> tuple[str, ...] | None:
        """The names of the fields; before phase 1, of the model that it is to register."""
        settings = self.of(generation)
        model = settings.model if settings is not None else generation.spec.settings_model
        if model is None and settings is None:
            models = list(_models_of_file(generation).values())
            if not models:
                return None if generation.spec.phase1 else ()
            model = models[0] if len(models) == 1 else None
            if model is None:
                return None
        return tuple(getattr(model, "model_fields", ()))

    def describe(self, generation: Generation) -> dict[str, Any]:
        """Return field → value and source, secrets masked."""
        settings = self.of(generation)
        return settings.explain() if settings is not None else {}

    def panels(self, facts: Mapping[str, Any]) -> Iterator[Panel]:
        """Show each field with its value, masked if it is a secret, and its source."""
        rows = ((name, _text_of(field["value"]), field["source"]) for name, field in facts.items())
        yield Panel("setting", ("value", "source"), tuple(rows))


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _models_of_file(generation: Generation) -> dict[str, type[BaseModel]]:
    """The models that ``settings.py`` defines for phase 1 to register."""
    module = generation.package.modules().get("settings.py") if generation.package else None
    if module is None:
        return {}
    return {
        name: one
        for name, one in vars(module).items()
        if isinstance(one, type)
        and issubclass(one, BaseModel)
        and one.__module__ == module.__name__
        and name.endswith("Settings")
    }
