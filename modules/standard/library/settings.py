"""What can be set: each field also through the environment, as LIBRARY_<FIELD>."""

from pydantic import Field
from pydantic_settings import BaseSettings


class LibrarySettings(BaseSettings):
    model_config = {"env_prefix": "LIBRARY_", "extra": "forbid"}

    loan_days: int = Field(default=14, ge=1, description="Days that a reader may keep a book")
    max_loans: int = Field(default=3, ge=1, description="Books that a reader may have at once")