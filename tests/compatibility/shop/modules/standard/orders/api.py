"""Takes orders."""

from datetime import date
from decimal import Decimal

from core.app_context import app_context
from core.decorators import module
from core.logging import get_framework_logger
from fastapi import APIRouter
from sqlalchemy import select

from .db_models import Order

router = APIRouter()
logger = get_framework_logger("standard.orders")


@router.get("/all")
async def all_orders() -> list:
    return await app_context.get_service("orders").all()


@module("standard.orders", database="orders")
class Orders:
    MODULE_VERSION = "1.0.0"

    def edition(self) -> int:
        return 1

    async def place(self, item: str, price: Decimal, due: date | None = None) -> None:
        async with app_context.database.integrity_session("orders", "place") as session:
            session.add(Order(item=item, price=price, due=due))
            await session.commit()
        logger.info("order placed", extra={"item": item})

    async def all(self) -> list:
        async with app_context.database.integrity_session("orders", "all") as session:
            found = await session.scalars(select(Order).order_by(Order.id))
            return [(one.item, one.price, one.due, one.gift) for one in found]

    def refuse(self, item: str) -> None:
        try:
            raise LookupError(f"no {item} here")
        except LookupError:
            logger.exception("order refused", extra={"item": item})
