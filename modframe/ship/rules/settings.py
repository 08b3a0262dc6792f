"""MF3..: a module's settings: that there are some, that they are registered, and what they hold.

Called by `check`. The settings model is the one that ``@module`` names or phase 1 registers.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_settings import BaseSettings

from ...masking.names import is_secret_name
from ...parts.settings.part import settings_models
from .parsed import Function, ParsedFile, ParsedModule
from .rule import Hit, Rule


def _no_settings(module: ParsedModule) -> Iterator[Hit]:
    if not _registered(module) and not settings_models(module.modules):
        name = module.spec.module_class.__name__
        yield Hit(f"class {name!r} registers no settings", module.class_place)


def _not_registered(module: ParsedModule) -> Iterator[Hit]:
    model = next(iter(settings_models(module.modules)), None)
    if model is not None and not _registered(module):
        yield Hit(
            f"settings.py has {model}, and nothing registers it",
            module.class_place,
            f"call self.app_context.register_pydantic_model(self.MODULE_ID, {model}) in phase 1",
        )


def _not_base_settings(module: ParsedModule) -> Iterator[Hit]:
    for name, model in _models(module).items():
        if not issubclass(model, BaseSettings):
            yield Hit(f"{name} is a BaseModel, not a BaseSettings", _place(module, name))


def _no_prefix(module: ParsedModule) -> Iterator[Hit]:
    prefix = f"{module.source.module_id.rpartition('.')[2].upper()}_"
    for name, model in _models(module).items():
        if issubclass(model, BaseSettings) and not model.model_config.get("env_prefix"):
            yield Hit(
                f"{name} has no env_prefix, so that any variable of the environment called like a "
                "field sets it",
                _place(module, name),
                f'write "env_prefix": "{prefix}" in its model_config',
            )


def _secret_default(module: ParsedModule) -> Iterator[Hit]:
    for parsed in module.files:
        for node in parsed.nodes:
            for name, value in _defaults(node):
                if is_secret_name(name) and _text(parsed, value):
                    yield Hit(f"{name!r} has its secret in the text", parsed.place(value))


def _defaults(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield name and default of the fields of a class, or of the parameters of a function."""
    if isinstance(node, ast.ClassDef):
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign) and statement.value is not None:
                yield getattr(statement.target, "id", ""), statement.value
    elif isinstance(node, Function):
        arguments = node.args
        plain = [*arguments.posonlyargs, *arguments.args]
        late = plain[len(plain) - len(arguments.defaults) :]
        yield from zip((one.arg for one in late), arguments.defaults, strict=True)
        for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if default is not None:
                yield one.arg, default


def _text(parsed: ParsedFile, value: ast.expr) -> str:
    """Return the text that a default is: a literal, or that of ``Field`` or ``SecretStr``."""
    if isinstance(value, ast.Constant):
        return value.value if isinstance(value.value, str) else ""
    if isinstance(value, ast.Call):
        if parsed.dotted(value.func).rpartition(".")[2] not in (
            "Field",
            "SecretStr",
            "SecretBytes",
        ):
            return ""
        named = [one.value for one in value.keywords if one.arg == "default"]
        return next(filter(None, (_text(parsed, one) for one in (*value.args[:1], *named))), "")
    return ""


def _models(module: ParsedModule) -> Mapping[str, type[BaseModel]]:
    """Return the settings models by name: what is registered, else those in ``settings.py``."""
    if module.spec.settings_model is not None:
        return {module.spec.settings_model.__name__: module.spec.settings_model}
    models: dict[str, type[BaseModel]] = {}
    for name in _registered(module):
        values = (vars(one).get(name) for one in module.modules.values())
        found = next((one for one in values if isinstance(one, type)), None)
        if found is not None and issubclass(found, BaseModel):
            models[name] = found
    return models or settings_models(module.modules)


def _registered(module: ParsedModule) -> list[str]:
    """Return the names of what is passed to ``register_pydantic_model``; ``""`` if it has none."""
    calls: list[Any] = [
        node
        for parsed in module.files
        for node in parsed.nodes
        if isinstance(node, ast.Attribute) and node.attr == "register_pydantic_model"
    ]
    names = [
        getattr(node.args[-1], "id", "")
        for parsed in module.files
        for node in parsed.nodes
        if isinstance(node, ast.Call) and node.func in calls and node.args
    ]
    return names or [""] * len(calls)


def _place(module: ParsedModule, name: str) -> dict[str, Any]:
    found = module.class_named(name)
    return found[0].place(found[1]) if found else module.class_place


RULES = (
    Rule(
        "MF301",
        "no-settings",
        "warning",
        what="A module in the guide's form has no settings.",
        why="The guide makes registering a settings model mandatory: what can be set is then "
        "found at one place, checked, and shown with its source. A module that has nothing to "
        "set says so with `# modframe: ignore[MF301] reason` at its class.",
        example="def setup_infrastructure(self):\n    pass",
        cure="write a BaseSettings model in settings.py and register it in phase 1",
        cured="def setup_infrastructure(self):\n"
        "    self.app_context.register_pydantic_model(self.MODULE_ID, OrdersSettings)",
        check=_no_settings,
        about="guide",
    ),
    Rule(
        "MF302",
        "settings-not-registered",
        "error",
        what="`settings.py` has a settings model, and phase 1 does not register it.",
        why="Nothing would read the environment for it; a load refuses this after phase 1.",
        example="def setup_infrastructure(self):\n    OrdersSettings()",
        cure="call self.app_context.register_pydantic_model(...) in phase 1",
        cured="def setup_infrastructure(self):\n"
        "    self.app_context.register_pydantic_model(self.MODULE_ID, OrdersSettings)",
        check=_not_registered,
        about="guide",
    ),
    Rule(
        "MF303",
        "settings-base",
        "warning",
        what="The settings model is a plain `BaseModel`.",
        why="Only `BaseSettings` reads `env_prefix`, and says in its own text where values come "
        "from.",
        example="class OrdersSettings(BaseModel): ...",
        cure="derive it from pydantic_settings.BaseSettings",
        cured='class OrdersSettings(BaseSettings):\n    model_config = {"env_prefix": "ORDERS_"}',
        check=_not_base_settings,
        about="load",
    ),
    Rule(
        "MF304",
        "no-env-prefix",
        "warning",
        what="The settings model has no `env_prefix`.",
        why="A field called `path` or `debug` would be set by a variable `PATH` or `DEBUG` that "
        "was meant for others.",
        example='class OrdersSettings(BaseSettings):\n    model_config = {"extra": "forbid"}',
        cure="write an env_prefix in its model_config",
        cured='class OrdersSettings(BaseSettings):\n    model_config = {"env_prefix": "ORDERS_"}',
        check=_no_prefix,
        about="load",
    ),
    Rule(
        "MF305",
        "secret-default",
        "warning",
        what="A field or parameter called like a secret has a text as its default.",
        why="The secret is then in the repository, in every export and wheel, and in the "
        "history; and a server that nobody configured runs with it.",
        example='api_key: str = "sk-live-4f9a"',
        cure="give it no default, or None, and set it in the environment",
        cured="api_key: SecretStr | None = None",
        check=_secret_default,
    ),
)
