"""`FieldNames`: how the fields of a settings model are called by those who set them.

In goes a model and its prefix; `resolve` asks for the field of a key, the key that the model's
constructor takes, and the variable that sets a field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo


class FieldNames:
    """The names of a model's fields.

    Attributes:
        model: The model.
        prefix: What its variables begin with; an alias is a variable without it.
        keys: Field → the key that the constructor takes: its first alias, or its name.
    """

    def __init__(self, model: type[BaseModel], module_id: str) -> None:
        own_prefix = str(model.model_config.get("env_prefix") or "")  # BaseSettings adds the key
        self.model = model
        self.prefix = own_prefix or f"{module_id.partition('.')[2].upper()}_"
        self.keys: dict[str, str] = {}
        self._fields: dict[str, str] = {}
        for name, field in model.model_fields.items():
            aliases = _aliases(field)
            self.keys[name] = aliases[0] if aliases else name
            self._fields.update(dict.fromkeys((name, *aliases), name))
        self._lower = {spelling.lower(): name for spelling, name in self._fields.items()}

    def field_of(self, key: str) -> str | None:
        """Return the field that a key means, in any case; ``None`` for an unknown key."""
        return self._fields.get(key) or self._lower.get(key.lower())

    def by_field(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of known keys, by field."""
        return {name: value for key, value in values.items() if (name := self.field_of(key))}

    def variable(self, key: str) -> str:
        """Return the variable that sets a field, which is given by its name or an alias."""
        name = self.field_of(key)
        own = self.keys[name] if name is not None else key
        return f"{self.prefix if own in self.model.model_fields else ''}{own.upper()}"

    @property
    def variables(self) -> dict[str, str]:
        """The variable of each spelling of a field, in upper case → the field."""
        fields = self.model.model_fields
        return {
            f"{self.prefix if spelling in fields else ''}{spelling}".upper(): name
            for spelling, name in self._fields.items()
        }


def _aliases(field: FieldInfo) -> list[str]:
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return [choice for choice in choices if isinstance(choice, str)]
