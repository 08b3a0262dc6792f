"""How readings are judged, and how often."""

from pydantic import Field
from pydantic_settings import BaseSettings


class SensorsSettings(BaseSettings):
    model_config = {"env_prefix": "SENSORS_"}

    threshold: float = Field(default=3.0, gt=0, description="Deviations that are still usual")
    window: int = Field(default=168, ge=3, description="Readings of a sensor judged together")
    interval: float = Field(default=30.0, gt=0, description="Seconds between looks for outliers")