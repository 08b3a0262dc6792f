"""A workspace that has something of everything that the cockpit shows: `open_workshop`.

The tests of the page call it themselves; a cell of a notebook does so in the kernel, and the test asks
what came of its clicks through `Door`.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Any

import httpx

import modframe
from modframe import AppContext
from modframe.errors import LoadError
from modframe.source import SourceFile
from tests.browser.cockpit import TOKEN
from tests.cockpit.test_declared import SETTINGS, SHOP, THING
from tests.fakes import simple
from tests.parts.test_own_part import NOTES, example

ORDERS = '''
"""Orders, from the cart to the parcel."""
import asyncio

from fastapi import APIRouter, Body
from modframe import app_context
from modframe.decorators import ServiceExample, ServiceMethod, module, register_service
from pydantic import BaseModel

RATE = 40
router = APIRouter()


class Order(BaseModel):
    item: str = "tea"
    count: int = 1


@router.get("/fails")
async def fails() -> int:
    """Fail, as some do."""
    return await app_context.get_service("orders").fail()


@router.get("/holds")
async def holds() -> None:
    """Answer never."""
    await asyncio.Event().wait()


@router.post("/orders", status_code=201)
async def place(order: Order = Body(openapi_examples={
    "tea": {"value": {"item": "tea"}}, "ink": {"value": {"item": "ink", "count": 3}}
})) -> Order:
    """Place an order."""
    return order


TOTAL = ServiceMethod("total", examples=[ServiceExample("total(2)", "42")], tags=["sums"])


@module
@register_service('standard.orders.service', methods=[TOTAL])
class Orders:
    """Orders, from the cart to the parcel."""

    async def total(self, plus: int = 0) -> int:
        """Return the sum of all orders."""
        return RATE + plus

    def named(self, names: list[str] = ["ada"], kind: int | str = 1) -> list[dict[str, object]]:
        """Return a row for each name."""
        return [{"name": name, "count": at + 3} for at, name in enumerate([*names, "bob"])]

    async def hold(self) -> None:
        """Wait for ever."""
        await asyncio.Event().wait()

    async def fail(self) -> int:
        """Fail."""
        raise ValueError("no such order, see https://example.org/orders")
'''
FIRST = ORDERS.replace("async def total", "async def sum")
TILL = simple(
    "async def initialize(self):\n    self.sum = await app_context.get_service('orders').total(1)",
    head="from modframe import app_context",
    name="Till",
    arguments="requires=['standard.orders.service']",
)
TAX = simple("def rate(self) -> int:\n    return RATE", head="RATE = 19", name="Tax")
TESTS = "def test_good():\n    pass\n\n\ndef test_bad():\n    assert 1 == 2\n"
STORE = """
from core.database import get_database_base
from sqlalchemy import Column, Float, ForeignKey, Integer, String

DATABASE_NAME = "store"
Base = get_database_base(DATABASE_NAME)


class Item(Base):
    __tablename__ = "items"
    id = Column(Integer, primary_key=True)
    note = Column(String)
    share = Column(Float)


class Review(Base):
    __tablename__ = "reviews"
    item_id = Column(ForeignKey("items.id"), primary_key=True)
    stars = Column(Integer)


async def seed(session):
    session.add_all([Item(id=number, note=f"n{number:04}", share=0.5) for number in range(1, 251)])
    session.add(Item(id=251, note="x" * 3000))
    await session.flush()
    session.add(Review(item_id=1, stars=5))
"""
GROWN = STORE.replace("share = Column(Float)", "part = Column(Float, nullable=False)")
KEEPS = simple(head="from . import db_models", name="Store")
CHAIN = {"desk": "till", "hall": "desk", "house": "hall"}
"""Each needs the next: from one end, the other is further away than the graph of a module goes."""


def open_workshop(workspace: Path) -> AppContext:
    """Start the app in an empty folder; it is served, and watches nothing yet."""
    modules = workspace / "modules" / "standard"
    _write(modules)
    app = modframe.start(workspace=workspace, data=workspace / "data", parts=[example()()])
    for text in (FIRST, ORDERS.replace("RATE = 40", "RATE = 39"), ORDERS):
        app.load({"api.py": text}, id="orders")
    app.load({"api.py": TILL}, id="till")
    for name, other in CHAIN.items():
        needs = f"requires=['{other}']"
        app.load({"api.py": simple(name=name.title(), arguments=needs)}, id=name)
    app.load({"api.py": THING}, id="thing")
    app.load({"api.py": SHOP, "settings.py": SETTINGS}, id="shop")
    app.load({"api.py": NOTES}, id="notes")
    app.load({"api.py": TAX, "test_api.py": TESTS}, id="tax")
    (modules / "store" / "db_models.py").write_text(GROWN)
    with suppress(LoadError):
        app.modules["store"].reload()
    draft_tax(app, 20)
    app.serve(port=0, token=TOKEN)
    _use(app)
    return app


def draft_tax(app: AppContext, rate: int) -> None:
    """Write another rate into a cell, and don't load it."""
    text = TAX.replace("RATE = 19", f"RATE = {rate}")
    app.draft("tax", "api.py", SourceFile(text, "<cell 3>", cell="Cell In[3]"))


def _write(modules: Path) -> None:
    """Write a module with tables, modules that can't be run, and one that they block."""
    texts = {f"broken{at}": {"api.py": "RATES = {}\nRATES['CH']\n"} for at in range(7)}
    texts["needy"] = {"api.py": simple(name="Needy", arguments="requires=['broken0']")}
    texts["store"] = {"api.py": KEEPS, "db_models.py": STORE}
    for name, files in texts.items():
        (modules / name).mkdir(parents=True)
        for file, text in files.items():
            (modules / name / file).write_text(text)


def _use(app: AppContext) -> None:
    """Leave errors with a correlation id, an event that was given up, an override, and a log."""
    with httpx.Client(base_url=f"{app.url}/api/v1/orders", trust_env=False) as client:
        for _ in range(3):
            client.get("/fails", headers={"Authorization": f"Bearer {TOKEN}"})
            client.post(
                "/orders", json={"item": "tea"}, headers={"Authorization": f"Bearer {TOKEN}"}
            )
    app.get_service("thing").sell().result()
    app.events.settled()
    app.health(wait=True)
    overridden = app.override("notes", object())
    overridden.__enter__()
    _KEPT.append(overridden)
    logging.getLogger("modframe.workshop").warning("see https://example.org/help")


_KEPT: list[Any] = []
"""Overrides that stay as long as the process: one ends when nobody holds it."""


def worth_of(expression: str, app: AppContext) -> Any:
    """Return what an expression about ``app`` is worth; it may call `draft_tax`."""
    return eval(expression, {"app": app, "draft_tax": draft_tax})


class Door:
    """Where a test asks for what an app says in another process.

    Args:
        path: A socket that `open_door` made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, expression: str) -> Any:
        """Return what an expression about ``app`` is worth; `worth_of` says what else it knows."""
        with Client(str(self._path)) as line:
            line.send(expression)
            return line.recv()


def open_door(app: AppContext, path: Path) -> None:
    """Answer a `Door` with this path, for as long as the process lives."""

    def answer() -> None:
        with Listener(str(path)) as listener:
            while True:
                with listener.accept() as line:
                    line.send(worth_of(line.recv(), app))

    threading.Thread(target=answer, daemon=True).start()
