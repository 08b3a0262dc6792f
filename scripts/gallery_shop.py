"""A bookshop of sixteen modules, of which one fails and one waits for it: what the gallery shows.

In comes nothing. Out goes `write_modules`, which writes the modules as files; the texts that
`scripts/gallery.py` loads on top; and `ASKED`, the requests that its visitors send.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_METHOD = '''
    async def {name}(self, {parameters}) -> {returns}:
        """{about}"""
        {body}
'''
_ROUTE = """

@router.get("{path}")
async def {name}({parameters}) -> {returns}:
    return await app_context.get_service("{module}").{name}({arguments})
"""
_MODULE = '''import asyncio
import random

from fastapi import APIRouter

from modframe import app_context
from modframe.decorators import module

router = APIRouter()
{routes}

@module(requires={requires})
class {title}:
    """{about}"""
{methods}'''


@dataclass(frozen=True)
class Method:
    """A method of a service, and the route that calls it."""

    name: str
    parameters: str
    returns: str
    body: str
    about: str
    path: str

    def filled(self, template: str, module: str = "") -> str:
        """Return a template with what is known of the method."""
        names = (one.partition(":")[0] for one in self.parameters.split(", "))
        arguments = ", ".join(names)
        return template.format(module=module, arguments=arguments, **vars(self))


@dataclass(frozen=True)
class Simple:
    """A module without tables."""

    about: str
    methods: tuple[Method, ...]
    requires: tuple[str, ...] = ()

    def text(self, name: str) -> str:
        """Return its ``api.py``."""
        return _MODULE.format(
            title=name.title(),
            about=self.about,
            requires=[f"standard.{one}.service" for one in self.requires],
            routes="".join(method.filled(_ROUTE, name) for method in self.methods),
            methods="".join(method.filled(_METHOD) for method in self.methods),
        )


def _takes(milliseconds: int, value: str) -> str:
    wait = f"await asyncio.sleep(random.uniform(0.4, 1.4) * {milliseconds} / 1000)"
    return f"{wait}\n        return {value}"


SIMPLE = {
    "prices": Simple(
        "Prices with taxes, rounded as the law says.",
        (
            Method("price", "isbn: str, country: str = 'DE'", "float", _takes(3, "24.9"),
                   "Return the price of a book in a country, with its taxes.", "/{isbn}"),
        ),
    ),
    "customers": Simple(
        "Who buys, and where it is sent.",
        (
            Method("address", "customer: int", "dict", _takes(4, "{'city': 'Bern', 'zip': '3011'}"),
                   "Return where a customer's books are sent.", "/{customer}/address"),
            Method("greet", "customer: int", "str", _takes(2, "f'Dear reader {customer}'"),
                   "Return how a letter to a customer begins.", "/{customer}/greeting"),
        ),
    ),
    "carts": Simple(
        "What lies in the carts of those who look around.",
        (
            Method("cart", "customer: int", "list", _takes(6, "[{'isbn': '978-3', 'count': 1}]"),
                   "Return what lies in a cart.", "/{customer}"),
        ),
        ("prices",),
    ),
    "payments": Simple(
        "Payments by card and by invoice.",
        (
            Method("state", "order: int", "str", _takes(38, "'paid'"),
                   "Return whether an order is paid, as the bank says.", "/{order}"),
        ),
        ("customers",),
    ),
    "invoices": Simple(
        "Invoices as PDF, and where they went.",
        (
            Method("number", "order: int", "str", _takes(5, "f'2026-{order:05}'"),
                   "Return the number of an order's invoice.", "/{order}"),
        ),
        ("customers", "prices"),
    ),
    "shipping": Simple(
        "Parcels, and where they are.",
        (
            Method("parcel", "order: int", "dict", _takes(22, "{'at': 'Olten', 'days': 1}"),
                   "Return where an order's parcel is.", "/{order}"),
        ),
        ("customers",),
    ),
    "returns": Simple(
        "What comes back, and why.",
        (
            Method("reasons", "month: int = 11", "dict", _takes(9, "{'twice': 4, 'torn': 1}"),
                   "Count why books came back in a month.", "/reasons"),
        ),
        ("payments", "shipping"),
    ),
    "reviews": Simple(
        "What readers say.",
        (
            Method("stars", "isbn: str", "float", _takes(4, "4.5"),
                   "Return the mean of the stars of a book.", "/{isbn}"),
        ),
    ),
    "search": Simple(
        "Finds books by their words.",
        (
            Method("find", "words: str", "list", _takes(85, "[words.title()] * 3"),
                   "Return the titles that fit best, the best first.", "/find"),
        ),
    ),
    "mail": Simple(
        "Writes to customers.",
        (
            Method("waiting", "kind: str = 'all'", "int", _takes(2, "3"),
                   "Count the letters that wait to be sent.", "/waiting"),
        ),
        ("customers",),
    ),
    "reports": Simple(
        "What was sold, day by day.",
        (
            Method("turnover", "days: int = 7", "list", _takes(140, "[1204.5, 998.0, 1310.25]"),
                   "Return the turnover of the last days.", "/turnover"),
        ),
        ("invoices",),
    ),
    "recommendations": Simple(
        "What else a reader may like.",
        (
            Method("like", "isbn: str", "list", _takes(31, "['Stoner', 'Austerlitz']"),
                   "Return books that readers of a book bought as well.", "/{isbn}"),
        ),
        ("reviews",),
    ),
    "campaigns": Simple(
        "Offers of the week.",
        (
            Method("offers", "week: int = 48", "list", _takes(5, "[]"),
                   "Return what is cheaper in a week.", "/offers"),
        ),
        ("discounts",),
    ),
}  # fmt: skip

DISCOUNTS = '''from decimal import Decimal

from modframe.decorators import module

TABLE = """
students 10
schools  15
staff    25 %
"""
RATES = {who: Decimal(rate) / 100 for who, rate in (line.split() for line in TABLE.split("\\n"))}


@module
class Discounts:
    """Who pays less."""

    def rate(self, who: str) -> Decimal:
        """Return the share of the price that someone saves."""
        return RATES.get(who, Decimal(0))
'''

CATALOGUE = '''from decimal import Decimal

from fastapi import APIRouter
from sqlalchemy import Column, Date, ForeignKey, Integer, Numeric, String, select

from modframe import app_context
from modframe.database import get_database_base
from modframe.decorators import module

DATABASE_NAME = "catalogue"
Base = get_database_base(DATABASE_NAME)
router = APIRouter()


class Publisher(Base):
    __tablename__ = "publishers"

    id = Column(Integer, primary_key=True)
    name = Column(String(60), nullable=False)


class Book(Base):
    __tablename__ = "books"

    id = Column(Integer, primary_key=True)
    title = Column(String(120), nullable=False)
    author = Column(String(80), nullable=False)
    publisher_id = Column(ForeignKey(Publisher.id), nullable=False)
    price = Column(Numeric(8, 2), nullable=False)
    pages = Column(Integer)
    published = Column(Date)


@router.get("/books/{number}")
async def book(number: int) -> str | None:
    return await app_context.get_service("catalogue").title(number)


@module
class Catalogue:
    """The books that are for sale."""

    async def title(self, number: int) -> str | None:
        """Return the title of a book."""
        async with app_context.database.integrity_session("catalogue", "show a book") as session:
            return await session.scalar(select(Book.title).where(Book.id == number))
'''

ORDERS = '''from fastapi import APIRouter, HTTPException

from modframe import app_context
from modframe.decorators import module
from modframe.tasks import task

SHIPPING = 4.9
router = APIRouter()


@router.get("/{number}")
async def order(number: int) -> dict:
    if number % 40 == 0:
        raise HTTPException(404, f"there is no order {number}")
    if number % 97 == 0:
        raise RuntimeError(f"order {number} has no address")
    return await app_context.get_service("orders").total(number)


@module(requires=["standard.prices.service"])
class Orders:
    """Orders, from the cart to the parcel."""

    async def total(self, number: int, country: str = "DE") -> dict:
        """Return what an order costs, shipping included.

        Args:
            number: As the invoice has it.
            country: Where it is sent.
        """
        price = await app_context.get_service("prices").price("978-3", country)
        return {"number": number, "books": price, "total": round(price + SHIPPING, 2)}

    async def late(self, days: int = 3) -> list[dict]:
        """Return the orders that wait for longer than some days."""
        return [{"number": 7000 + n, "days": days + n % 4, "city": "Bern"} for n in range(12)]

    @task(every=60)
    async def remind(self):
        await self.late()
'''
ORDERS_BEFORE = (
    ORDERS.replace("SHIPPING = 4.9\n", "SHIPPING = 5.9\n"),
    ORDERS.replace("round(price + SHIPPING, 2)", "price + SHIPPING"),
)
"""The generations of the orders before the present one, the oldest first."""
ORDERS_FREE = ORDERS.replace(
    """        return {"number": number, "books": price, "total": round(price + SHIPPING, 2)}
""",
    """        shipping = 0 if price > 40 else SHIPPING
        return {"number": number, "books": price, "total": round(price + shipping, 2)}
""",
)
CHANGED = {
    name: SIMPLE[name].text(name).replace("(0.4, 1.4)", "(0.4, 1.2)")
    for name in (
        "customers",
        "carts",
        "reviews",
        "search",
        "mail",
        "shipping",
        "payments",
        "reports",
    )
}
"""Modules that were changed this morning."""
PRICES_DRAFT = SIMPLE["prices"].text("prices").replace("24.9", "26.9")

CELL = '''%%module orders
from modframe.decorators import module


@module
class Orders:
    """Orders, from the cart to the parcel."""

    def late(self, days: int = 4) -> list[dict]:
        """Return the orders that wait for longer than some days."""
        cities = ("Bern", "Genova", "Lyon", "Porto")
        waiting = [{"number": 7001 + n, "city": cities[n % 4], "days": n % 6} for n in range(18)]
        return [order for order in waiting if order["days"] > days]'''
"""The module of the picture of a notebook."""

BOOKS = [
    ("The Magic Mountain", "Thomas Mann", 1924, 720),
    ("Mrs Dalloway", "Virginia Woolf", 1925, 194),
    ("The Trial", "Franz Kafka", 1925, 255),
    ("To the Lighthouse", "Virginia Woolf", 1927, 209),
    ("Berlin Alexanderplatz", "Alfred Döblin", 1929, 480),
    ("The Waves", "Virginia Woolf", 1931, 324),
    ("Invisible Man", "Ralph Ellison", 1952, 581),
    ("Pedro Páramo", "Juan Rulfo", 1955, 124),
    ("Things Fall Apart", "Chinua Achebe", 1958, 209),
    ("Stoner", "John Williams", 1965, 278),
    ("Austerlitz", "W. G. Sebald", 2001, 298),
]
PUBLISHERS = ["Hogarth Press", "S. Fischer", "Viking", "Insel", "Heinemann"]

ASKED = (
    *("/orders/{n}",) * 6,
    *("/catalogue/books/{n}",) * 6,
    *("/prices/978-3-{n}",) * 4,
    *("/carts/{n}",) * 3,
    *("/customers/{n}/address", "/payments/{n}", "/shipping/{n}", "/reviews/978-{n}") * 2,
    *("/search/find?words=sea", "/recommendations/978-{n}", "/invoices/{n}"),
    *("/mail/waiting", "/returns/reasons", "/reports/turnover"),
)
"""Paths below ``/api/v1``, as often as they are asked for; ``{n}`` is any number."""


def write_modules(workspace: Path) -> None:
    """Write all modules but the orders below the ``modules`` folder of a workspace."""
    texts = {name: simple.text(name) for name, simple in SIMPLE.items()}
    for name, text in {**texts, "discounts": DISCOUNTS, "catalogue": CATALOGUE}.items():
        file = workspace / "modules" / "standard" / name / "api.py"
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
