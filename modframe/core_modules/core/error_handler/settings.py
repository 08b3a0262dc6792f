"""The settings of the error handler; each can also be set as ERROR_HANDLER_<FIELD>."""

from pydantic import Field
from pydantic_settings import BaseSettings


class ErrorHandlerSettings(BaseSettings):
    """How much one question may be answered with."""

    model_config = {
        "env_prefix": "ERROR_HANDLER_",
        "validate_assignment": True,
        "extra": "forbid",
    }

    most: int = Field(default=1000, ge=1, description="Most errors or groups that one answer has")
