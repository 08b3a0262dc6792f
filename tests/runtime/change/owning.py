"""A module that owns one thing of each kind: a table, a task, a counter, models, routes, a logger.

The benchmark of memory swaps it as well.
"""

from __future__ import annotations

TEXT = '''
import asyncio
from typing import Annotated, Dict

from core.app_context import app_context
from core.database import get_database_base
from core.logging import get_framework_logger
from fastapi import APIRouter, Depends
from modframe.decorators import module
from pydantic import BaseModel, Field
from pydantic_settings import BaseSettings
from sqlalchemy import Column, Integer, String, func, select

DATABASE_NAME = "owner"
NUMBER = {number}
Base = get_database_base(DATABASE_NAME)
log = get_framework_logger("standard.owner")
router = APIRouter()


class Row(Base):
    __tablename__ = "rows"
    id = Column(Integer, primary_key=True)
    name = Column(String)


class Item(BaseModel):
    name: str = Field(min_length=1)
    marks: Dict[str, int] = {{}}


class OwnerSettings(BaseSettings):
    limit: int = 3


class Counter:
    """Stands for a metric: an object that the module's code holds and raises."""

    def __init__(self):
        self.value = 0


CALLS = Counter()


async def service():
    return app_context.get_service("owner")


@router.get("/items")
async def items(service: Annotated[object, Depends(service)]):
    return {{"number": await service.number(), "rows": await service.rows()}}


@router.post("/items")
async def add(item: Item, service: Annotated[object, Depends(service)]) -> Item:
    await service.add(item.name)
    return item


@module(settings="OwnerSettings")
class Owner:
    async def initialize(self):
        self.task = asyncio.create_task(self.turn())

    async def turn(self):
        while True:
            await asyncio.sleep(3600)

    async def number(self) -> int:
        CALLS.value += 1
        return NUMBER

    async def add(self, name: str):
        async with app_context.database.integrity_session("owner", "add") as session:
            session.add(Row(name=name))
            await session.commit()

    async def rows(self) -> int:
        async with app_context.database.integrity_session("owner", "rows") as session:
            return (await session.execute(select(func.count()).select_from(Row))).scalar_one()
'''


def text(number: int) -> str:
    """Return the module's ``api.py`` with a number."""
    return TEXT.format(number=number)
