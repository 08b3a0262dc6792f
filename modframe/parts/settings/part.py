"""The settings part: resolves the model that a module declares, or registers in phase 1."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from ...masking import KnownSecrets, hide_secrets, mask_dump, secrets_in
from ...runtime.generation import Generation
from ...runtime.part import Panel, Part
from .faults import SettingsError
from .resolve import resolve


class ModuleSettings:
    """The settings of one generation.

    Attributes:
        value: An instance of the registered model, if its values validate.
        sources: Field → ``default``, ``file``, ``environment`` or ``session``.
    """

    def __init__(
        self, generation: Generation, session: Mapping[str, Any], secrets: KnownSecrets
    ) -> None:
        self._generation = generation
        self._secrets = secrets
        self._session = session
        self._fault: SettingsError | None = None
        self.model: type[BaseModel] | None = None
        self.value: BaseModel | None = None
        self.sources: dict[str, str] = {}

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
            self.value, self.sources = self._resolved(model)
        except SettingsError as fault:
            self._fault = fault
            raise
        self.model = model

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
        return self._resolved(model)[0]

    def _resolved(self, model: type[BaseModel]) -> tuple[BaseModel, dict[str, str]]:
        """Resolve a model, whose secrets are known and hidden from then on."""
        module_id = self._generation.module_id
        self._secrets.add(module_id, secrets_in(self._session))
        value, sources = resolve(model, module_id, self._session)
        self._secrets.add(module_id, secrets_in(value))
        hide_secrets(model)
        return value, sources

    def explain(self) -> dict[str, dict[str, Any]]:
        """Return field → value and source, secrets masked."""
        if self.value is None:
            return {}
        values = mask_dump(self.value, self.value.model_dump(mode="json"))
        return {
            name: {"value": values.get(name), "source": source}
            for name, source in self.sources.items()
        }


class SettingsPart(Part[ModuleSettings]):
    """Gives every generation its `ModuleSettings`.

    Args:
        session: The values of ``start()``.
        secrets: Gets the secrets in the settings of each module.
    """

    name = "settings"
    noun = "setting"

    def __init__(self, session: Mapping[str, Mapping[str, Any]], secrets: KnownSecrets) -> None:
        self._session = session
        self._secrets = secrets

    def build(self, generation: Generation) -> ModuleSettings:
        given = self._session.get(generation.module_id, {})
        settings = ModuleSettings(generation, given, self._secrets)
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
