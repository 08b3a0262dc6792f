"""A whole module in the guide's shape, in words of this project: it loads, runs and stops."""

from __future__ import annotations

import asyncio
import sys

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError, ModframeError
from tests import inside

from .shapes import GUIDE, changed, line_of

SETTINGS = """\
from pydantic import Field
from pydantic_settings import BaseSettings


class ThingSettings(BaseSettings):
    model_config = {"env_prefix": "THING_", "extra": "forbid", "validate_assignment": True}

    limit: int = Field(default=10, description="Most grams at once")
    debug_mode: bool = Field(default=True, description="Say more in the log")
"""

MODELS = """\
from core.database import get_database_base
from sqlalchemy import Column, Integer, String

DATABASE_NAME = "weights"
Base = get_database_base(DATABASE_NAME)


class Weight(Base):
    __tablename__ = "weights"

    id = Column(Integer, primary_key=True)
    label = Column(String(40), nullable=False)
"""

SERVICE = """\
import asyncio
import logging
import time
from functools import lru_cache

import aiohttp
from core.app_context import app_context
from core.error_utils import Result
from core.logging import get_framework_logger
from sqlalchemy import select

from .db_models import Weight
from .settings import ThingSettings


@lru_cache
def double(number):
    return 2 * number


class Scales:
    def __init__(self, app_context=None):
        self.app_context = app_context
        self.logger = get_framework_logger("standard.thing")
        self.task = None
        self.session = None
        self.kept = {}
        self.turns = 0

    async def initialize(self):
        self.session = aiohttp.ClientSession()
        settings = self.app_context.get_service("core.settings.service")
        found = await settings.get_typed_settings("standard.thing", ThingSettings)
        self.settings = found.data
        if self.settings.debug_mode:
            self.logger.setLevel(logging.DEBUG)
        self.task = asyncio.create_task(self._work())
        return found.success

    async def _work(self):
        while True:
            self.turns += 1
            await asyncio.sleep(60)

    async def weigh(self, label, limit=None):
        async with app_context.database.integrity_session("weights", "weigh") as session:
            session.add(Weight(label=label))
            await session.commit()
            rows = (await session.execute(select(Weight.label))).scalars().all()
        return Result.success(data=list(rows))

    async def cached(self, key, seconds=300):
        if key in self.kept and time.time() - self.kept[key][1] < seconds:
            return self.kept[key][0]
        self.kept[key] = (double(key), time.time())
        return self.kept[key][0]

    async def report(self):
        return self.turns, self.session.closed, self.settings.limit, self.logger.level

    async def cleanup_resources(self):
        await self.session.close()
        self.task.cancel()
"""


def texts() -> dict[str, str]:
    """Return the module's files."""
    scales = GUIDE[GUIDE.index("class Scales") : GUIDE.index("@inject")]
    api = changed(scales, "")
    api = changed(
        "def prepare(self):\n        pass",
        "def prepare(self):\n"
        "        from .settings import ThingSettings\n"
        "        self.app_context.register_pydantic_model(self.MODULE_ID, ThingSettings)",
        api,
    )
    api = changed(
        "async def cleanup_resources(self):\n        pass",
        "async def cleanup_resources(self):\n"
        "        await self.service_instance.cleanup_resources()",
        api,
    )
    api = changed("check_function=None", 'interval=300, function="check_health"', api)
    api += "\n    async def check_health(self) -> bool:\n        return True\n"
    api = changed('ServiceMethod("weigh")', 'ServiceMethod("weigh", params=PARAMS)', api)
    params = "[ServiceParam('label', 'str'), ServiceParam('unit', 'str')]"
    api = changed("router = APIRouter()", f"router = APIRouter()\nPARAMS = {params}", api)
    return {
        "api.py": api,
        "services.py": SERVICE,
        "settings.py": SETTINGS,
        "db_models.py": MODELS,
    }


async def test_it_runs(app: AppContext) -> None:
    """A client, a worker, a cache, settings and a database work, and all findings are warnings."""
    module = app.load(texts(), id="thing")
    assert {finding.level for finding in module.findings} == {"warning"}
    assert {finding.rule for finding in module.findings} == {
        "database-name",
        "documented-signature",
        "empty-router",
    }
    service = app.get_service("thing")
    assert (await service.weigh("flour")).data == ["flour"]
    assert await service.cached(4) == 8
    assert await service.cached(4) == 8
    turns, closed, limit, level = await service.report()
    assert (turns, closed, limit, level) == (1, False, 10, 10)


def test_it_stops(app: AppContext) -> None:
    """Its client is closed, its worker cancelled, and nothing is left unsettled."""
    app.load(texts(), id="thing")
    instance = inside.service(app, "thing")
    assert app.stop().unsettled == ()
    assert instance.session.closed
    assert isinstance(instance.task, asyncio.Task)
    assert instance.task.cancelled()


@pytest.mark.parametrize(
    ("file", "old", "new", "message", "line"),
    [
        ("db_models.py", 'DATABASE_NAME = "weights"', "NAME = 'weights'", "'DATABASE_NAME'", 5),
        (
            "db_models.py",
            'DATABASE_NAME = "weights"\nBase = get_database_base(DATABASE_NAME)',
            'Base = get_database_base("weights")',
            'no DATABASE_NAME constant.*DATABASE_NAME = "weights"',
            4,
        ),
        (
            "db_models.py",
            "class Weight(Base)",
            "from sqlalchemy.orm import DeclarativeBase\n\n\n"
            "class Plain(DeclarativeBase): ...\n\n\nclass Weight(Plain)",
            "'Weight'.*wrong base.*get_database_base",
            14,
        ),
        ("services.py", "self.kept = {}", "self.kept = {", "'{' was never closed", 27),
        ("settings.py", "limit: int", "limit: Int", "'Int' is not defined", 8),
    ],
)
def test_what_troubles_it_has_a_place_and_a_cure(
    app: AppContext, file: str, old: str, new: str, message: str, line: int
) -> None:
    """A finding has the file, the line, the fault and the cure."""
    wrong = {**texts(), file: changed(old, new, texts()[file])}
    with pytest.raises(ModframeError, match=f"(?s){message}") as caught:
        app.load(wrong, id="thing")
    assert isinstance(caught.value, LoadError)
    assert (caught.value.file, caught.value.line) == (file, line)
    assert caught.value.cure


def test_phase_1_that_fails_says_where(app: AppContext) -> None:
    """A failure in phase 1 names its line."""
    start = "        from .settings import"
    api = changed(start, f"        1 / 0\n{start}", texts()["api.py"])
    with pytest.raises(LoadError, match=r"\(phase 1\) raised ZeroDivisionError") as caught:
        app.load({**texts(), "api.py": api}, id="thing")
    assert caught.value.line == line_of("1 / 0", api)


def test_an_optional_module_orders_and_is_not_missed(app: AppContext) -> None:
    """An optional module starts first if it is there, and its absence is no error."""
    order: list[str] = []
    begin = "    async def begin(self):\n"
    log = "        import sys\n        sys.order_of_this_test.append(self.MODULE_ID)\n"
    after = "@requires_modules([{'modules': ['standard.zeta'], 'optional': True}])\n@inject"
    alpha = changed(begin, begin + log, GUIDE.replace("standard.thing", "standard.alpha"))
    alpha = changed("@inject", after, alpha)
    zeta = changed(begin, begin + log, GUIDE.replace("standard.thing", "standard.zeta"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "order_of_this_test", order, raising=False)
        app.load({"api.py": alpha}, id="alpha")
        assert order == ["standard.alpha"]
        app.modules["alpha"].unload()
        order.clear()
        app.load([("alpha", {"api.py": alpha}), ("zeta", {"api.py": zeta})])
        assert order == ["standard.zeta", "standard.alpha"]
