"""What constructors, phases and routes are given, by annotation or by name."""

from __future__ import annotations

from typing import Any

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError
from tests.fakes import simple

PRICES = simple("def get(self): return 7", name="Prices")
SHOP = """
from __future__ import annotations

import logging
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from modframe import app_context, service
from modframe.decorators import module
from pydantic_settings import BaseSettings

router = APIRouter()


class ShopSettings(BaseSettings):
    discount: int = 2


@router.get("/price")
async def price(prices: Any = Depends(service("prices"))) -> int:
    return await prices.get()


@module(settings=ShopSettings)
class Shop:
    def __init__(self, prices: Annotated[Any, service("prices")], settings: ShopSettings, log: logging.Logger):
        self.prices = prices
        self.discount = settings.discount
        self.name = log.name

    async def initialize(self, database, tasks, app_context, greeting="hello"):
        self.first = await self.prices.get()
        self.given = [type(each).__name__ for each in (database, tasks, app_context)]
        self.greeting = greeting

    async def total(self):
        return await self.prices.get() - self.discount

    def facts(self):
        return self.first, self.given, self.greeting, self.name
"""


async def get(app: AppContext, path: str) -> Any:
    async with app.test_client() as client:
        return (await client.get(path)).json()


async def test_by_annotation_and_by_name(app: AppContext) -> None:
    """Services as handles, settings, a logger, the database, tasks; a default stays."""
    app.load([("prices", {"api.py": PRICES}), ("shop", {"api.py": SHOP})])
    shop = app.get_service("shop")
    assert await shop.total() == 5
    first, given, greeting, name = await shop.facts()
    assert (first, greeting) == (7, "hello")
    assert given == ["ModuleDatabase", "ModuleTasks", "ModuleContext"]
    assert name.endswith("standard.shop")
    assert await get(app, "/api/v1/shop/price") == 7


async def test_handles_lead_to_what_is_live(app: AppContext) -> None:
    """An injected service is never an instance: a swap of it is seen at once."""
    app.load([("prices", {"api.py": PRICES}), ("shop", {"api.py": SHOP})])
    app.load({"api.py": PRICES.replace("7", "9")}, id="prices")
    assert await app.get_service("shop").total() == 7
    assert await get(app, "/api/v1/shop/price") == 9


async def test_a_class_of_another_module_is_its_service(app: AppContext) -> None:
    """By an annotation with the imported class."""
    text = simple(
        "def __init__(self, prices: Prices):\n    self.prices = prices\n"
        "async def get(self): return await self.prices.get()",
        head="from modules.standard.prices.api import Prices",
    )
    app.load([("prices", {"api.py": PRICES}), ("shop", {"api.py": text})])
    assert await app.get_service("shop").get() == 7


def test_all_faults_are_named_at_once(app: AppContext) -> None:
    """A parameter that nobody can supply, an annotation that can't be read, a wrong name."""
    text = SHOP.replace('greeting="hello"', "greeting, databse").replace(
        "settings: ShopSettings", "settings: Elsewhere"
    )
    text = text.replace(
        "router =", "if not app_context:\n    from shop import Elsewhere\n\nrouter ="
    )
    with pytest.raises(LoadError) as caught:
        app.load([("prices", {"api.py": PRICES}), ("shop", {"api.py": text})])
    text = str(caught.value)
    assert "parameter 'greeting'" in text
    assert "parameter 'databse'" in text
    assert "Did you mean 'database'?" in text
    assert "name 'Elsewhere' is not defined" in text
    assert "api.py, line " in text


@pytest.mark.parametrize(
    ("old", "new"), [('[Any, service("prices")]', '[Any, service("prises")]'),
                     ('Depends(service("prices"))', 'Depends(service("prises"))')]
)  # fmt: skip
def test_a_service_that_is_not_there(app: AppContext, old: str, new: str) -> None:
    """The plan says so, with the nearest name, before anything starts."""
    app.load({"api.py": PRICES}, id="prices")
    with pytest.raises(Exception, match=r"Did you mean 'standard\.prices\.service'") as caught:
        app.load({"api.py": SHOP.replace(old, new)}, id="shop")
    assert "prises" in str(caught.value)
    assert app.modules["shop"].state != "LIVE"


def test_settings_that_are_not_there(app: AppContext) -> None:
    """A phase that asks for settings of a module without a model fails with what to do."""
    text = simple("def initialize(self, settings):\n    pass")
    with pytest.raises(LoadError, match=r"no settings yet to give .* 'settings'"):
        app.load({"api.py": text}, id="thing")


@pytest.mark.parametrize("name", ["5", "''", "None"])
def test_no_name_of_a_service(app: AppContext, name: str) -> None:
    """service() says what it takes."""
    text = simple("pass", head=f"from modframe import service\nX = service({name})")
    with pytest.raises(LoadError, match="takes the name of a service"):
        app.load({"api.py": text}, id="thing")


def test_a_fault_of_one_parameter_is_said_once(app: AppContext) -> None:
    """The module class of the short form is its service's class too."""
    with pytest.raises(LoadError) as caught:
        app.load({"api.py": SHOP.replace("log: logging.Logger", "log: int")}, id="shop")
    assert [finding.rule for finding in caught.value.findings] == ["injection"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('service("prices")],', 'service("prices")], /,', "'prices' of Shop.__init__() by position"),
        (
            'prices: Annotated[Any, service("prices")]', 'prices=service("prices")',
            "Write prices: Annotated[Any, service('prices')]",
        ),
        (
            'prices: Any = Depends(service("prices"))', 'prices: Annotated[Any, service("prices")]',
            "Write prices: Any = Depends(service('prices'))",
        ),
        (
            'prices: Any = Depends(service("prices"))', 'prices: Any = service("prices")',
            "Write prices: Any = Depends(service('prices'))",
        ),
    ],
)  # fmt: skip
def test_a_service_in_the_wrong_form(app: AppContext, old: str, new: str, said: str) -> None:
    """It is refused with the right one: a route would take it from the query of the URL."""
    text = SHOP.replace(old, new)
    text = text.replace("self, prices=", "self, *, prices=")
    with pytest.raises(LoadError) as caught:
        app.load([("prices", {"api.py": PRICES}), ("shop", {"api.py": text})])
    assert said in str(caught.value)
    assert caught.value.line


def test_no_name_is_suggested_that_is_not_near(app: AppContext) -> None:
    """What all names of services have in common is no similarity."""
    app.load({"api.py": PRICES}, id="stock")
    with pytest.raises(Exception, match="which no module provides") as caught:
        app.load({"api.py": SHOP.replace('"prices")]', '"nope")]')}, id="shop")
    assert "Did you mean" not in str(caught.value)


async def test_two_classes_of_one_name(app: AppContext) -> None:
    """What each constructor takes is known of each, though both are called alike."""
    service = (
        "from typing import Annotated, Any\nfrom modframe import service\n\n\n"
        "class Shop:\n    def __init__(self, prices: Annotated[Any, service('prices')]):\n"
        "        self.prices = prices\n\n    async def get(self):\n"
        "        return await self.prices.get()\n"
    )
    api = (
        "from modframe.decorators import module\nfrom . import services\n\n\n"
        "@module(service=services.Shop)\nclass Shop:\n    def __init__(self, logger):\n"
        "        logger.info('made')\n"
    )
    files = {"api.py": api, "services.py": service}
    app.load([("prices", {"api.py": PRICES}), ("shop", files)])
    assert await app.get_service("shop").get() == 7


def test_texts_in_annotations_that_are_no_types(app: AppContext) -> None:
    """A name in a description or a literal is none that has to be defined; in a type it is."""
    head = "from typing import Annotated, Literal\nfrom pydantic import Field"
    text = simple(
        "def get(self, a: Annotated[int, Field(description='any wrods')] = 1, "
        "b: Literal['left'] = 'left') -> 'int': return a",
        head=head,
    )
    app.load({"api.py": text}, id="thing")
    module = app.load({"api.py": text.replace("'int'", "'Nit'")}, id="thing")
    assert any("'Nit' is not defined" in finding.message for finding in module.findings)
