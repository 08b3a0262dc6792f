"""What the routes of core.settings answer with."""

from typing import Any, Literal

from pydantic import BaseModel, Field


class SettingResponse(BaseModel):
    """One setting."""

    value: Any = Field(description="Its value now; a secret is masked")
    source: Literal["default", "file", "environment", "preference", "session"] = Field(
        description="Where the value comes from"
    )
