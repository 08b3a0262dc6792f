"""Readings of sensors over HTTP."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, Field, FiniteFloat

from modframe import app_context
from modframe.decorators import module

from .services import SensorService
from .settings import SensorsSettings

router = APIRouter()


def in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


class NewReading(BaseModel):
    sensor: str = Field(min_length=1, max_length=50, examples=["office"])
    taken: Annotated[datetime, AfterValidator(in_utc)] = Field(examples=["2026-01-19T00:00:00Z"])
    value: FiniteFloat = Field(examples=[21.5])


@router.post("/readings", status_code=201)
async def add_readings(readings: list[NewReading]) -> dict:
    rows = [reading.model_dump() for reading in readings]
    return {"added": await app_context.get_service(SensorService).add(rows)}


@router.get("/readings")
async def readings(sensor: str, limit: Annotated[int, Query(ge=1, le=10_000)] = 100) -> list[dict]:
    return await app_context.get_service(SensorService).readings(sensor, limit)


@router.get("/summary")
async def summary() -> list[dict]:
    return await app_context.get_service(SensorService).summary()


@router.get("/outliers")
async def outliers() -> list[dict]:
    return await app_context.get_service(SensorService).outliers()


@router.get("/alarms")
async def alarms() -> list[dict]:
    return await app_context.get_service(SensorService).alarms()


@module(service=SensorService, settings=SensorsSettings)
class Sensors:
    MODULE_VERSION = "1.0.0"
    MODULE_DESCRIPTION = "Keeps readings of sensors and says which ones stand out"