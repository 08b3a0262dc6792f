"""The settings of core.settings itself; each can also be set as CORE_SETTINGS_<FIELD>."""

from pydantic import Field
from pydantic_settings import BaseSettings


class CoreSettings(BaseSettings):
    """How the settings service behaves."""

    model_config = {"env_prefix": "CORE_SETTINGS_", "extra": "forbid", "validate_assignment": True}

    look_interval: float = Field(
        default=0.5,
        gt=0,
        description="Seconds between two looks at what other kernels have set",
    )
