"""Write a small workspace with history, exports, databases and logs, for `test_earlier_data`.

Run it by hand with the modframe whose data is to be kept, then copy the folder here:

    PYTHONPATH=/path/to/that/modframe python tests/compatibility/make_data.py /srv/shop
    cp -r /srv/shop tests/compatibility/shop

The history contains the folder's path, so choose a path that says nothing about your machine. The
folder must not exist yet. Every step uses public names only.
"""

from __future__ import annotations

import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

import modframe

ORDERS_MODELS = '''\
"""The table of orders."""

from core.database import get_database_base
from sqlalchemy import Boolean, Column, Date, Integer, Numeric, String

DATABASE_NAME = "orders"
Base = get_database_base(DATABASE_NAME)


class Order(Base):
    __tablename__ = "orders"

    id = Column(Integer, primary_key=True)
    item = Column(String(40), nullable=False)
    price = Column(Numeric(8, 2), nullable=False)
    due = Column(Date)
    gift = Column(Boolean, default=False)
'''

ORDERS = '''\
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
    MODULE_VERSION = "VERSION.0.0"

    def edition(self) -> int:
        return VERSION

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
'''

STOCK = '''\
"""Counts what is in stock."""

from modframe.decorators import module


@module
class Stock:
    def edition(self) -> int:
        return VERSION

    def left(self, item: str) -> int:
        self.app_context.get_logger().info("%s counted", item)
        return 10 * VERSION
'''


def edition(text: str, number: int) -> str:
    """Return one edition of a module's text."""
    return text.replace("VERSION.0.0", f"{number}.0.0").replace("VERSION\n", f"{number}\n")


def run_cell(shell: Any, line: str, text: str) -> None:
    """Run a notebook cell; raise what it raises."""
    shell.run_cell(f"{line}\n{text}").raise_error()


def first_run(workspace: Path) -> None:
    """Write orders in cells and stock in files, change both, roll orders back and export it."""
    stock = workspace / "modules/standard/stock/api.py"
    stock.parent.mkdir(parents=True)
    stock.write_text(edition(STOCK, 1))
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "modframe")
    with modframe.start(workspace=workspace) as app:
        run_cell(shell, "%%module orders db_models.py", ORDERS_MODELS)
        run_cell(shell, "%%module orders", edition(ORDERS, 1))
        orders = app.get_service("orders")
        orders.place("tea", Decimal("4.20"), date(2026, 12, 24)).result(30)
        orders.place("cup", Decimal(11)).result(30)
        run_cell(shell, "%%module orders", edition(ORDERS, 2))
        app.modules["orders"].rollback()
        app.modules["orders"].export()
        orders.refuse("coffee").result(30)
        stock.write_text(edition(STOCK, 2))
        app.modules["stock"].reload()
        app.get_service("stock").left("tea").result(30)
    shell.run_line_magic("unload_ext", "modframe")


def second_run(workspace: Path) -> None:
    """Start from the files, and load a third edition of stock from a mapping."""
    with modframe.start(workspace=workspace) as app:
        app.load({"api.py": edition(STOCK, 3)}, id="stock")


def main(workspace: Path) -> None:
    """Write the workspace."""
    workspace.mkdir(parents=True)
    first_run(workspace)
    second_run(workspace)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
