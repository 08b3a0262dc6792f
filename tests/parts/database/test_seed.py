"""``seed(session)`` in a module's ``database.py``: fills a new database once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import LoadError
from tests.trial.orders import load_outcome

MODELS = """
from core.database import get_database_base
from sqlalchemy import Column, Integer, String

DATABASE_NAME = "store"
Base = get_database_base(DATABASE_NAME)


class Country(Base):
    __tablename__ = "countries"
    id = Column(Integer, primary_key=True)
    name = Column(String, unique=True)
"""
SEED = """
from .db_models import Country


async def seed(session):
    session.add_all([Country(name="Chad"), Country(name="Peru")])
    await session.commit()
"""
API = """
from core.app_context import app_context
from modframe.decorators import module
from sqlalchemy import select

from . import database
from .db_models import Country


@module
class Store:
    async def initialize(self):
        self.at_start = await self.names()

    async def names(self):
        async with app_context.database.integrity_session("store", "names") as session:
            return list(await session.scalars(select(Country.name).order_by(Country.id)))

    async def first(self):
        return self.at_start

    async def remove(self, name: str):
        async with app_context.database.integrity_session("store", "remove") as session:
            await session.delete((await session.scalars(select(Country).filter_by(name=name))).one())
            await session.commit()
"""
NAMES = "SELECT name FROM store.countries ORDER BY id"
RECORD = "SELECT module, fingerprint FROM store.modframe_seed"


def texts(seed: str = SEED, *, tests: str = "", **more: str) -> dict[str, str]:
    files = {"api.py": API, "db_models.py": MODELS, "database.py": dedent(seed)}
    files |= {f"{name}.py": dedent(text) for name, text in more.items()}
    return files | ({"test_it.py": dedent(tests)} if tests else {})


@pytest.fixture
def kept(workspace: Path) -> Iterator[AppContext]:
    """An app that keeps its data."""
    with modframe.start(workspace=workspace, data=workspace / "data") as app:
        yield app


def test_it_runs_once_a_database(kept: AppContext, workspace: Path) -> None:
    """Its rows are there before phase 2; no later load, and no other process, runs it again."""
    kept.load(texts(), id="store")
    service = kept.get_service("store")
    assert service.first().result() == ["Chad", "Peru"]
    service.remove("Peru").result()
    record = kept.database.sql(RECORD).rows
    assert [module for module, _ in record] == ["standard.store"]
    kept.load(texts(SEED.replace("Chad", "Togo")), id="store")
    assert kept.get_service("store").names().result() == ["Chad"]
    kept.stop()
    with modframe.start(workspace=workspace, data=workspace / "data") as again:
        again.load(texts(), id="store")
        assert again.get_service("store").first().result() == ["Chad"]
        assert again.database.sql(RECORD).rows == record


@pytest.mark.parametrize(
    ("seed", "text", "line"),
    [
        (SEED + "    raise ValueError('no atlas')\n", "no atlas", 8),
        (SEED.replace("Peru", "Chad"), "onstraint", 0),
        (SEED + "    await session.rollback()\n", "ended its transaction", 5),
    ],
    ids=["raises", "breaks-a-constraint", "rolls-back"],
)
def test_one_that_fails_leaves_nothing(kept: AppContext, seed: str, text: str, line: int) -> None:
    """The load fails with the place; rows, record and tables are gone, and the next load seeds."""
    with pytest.raises(LoadError, match=text) as caught:
        kept.load(texts(seed), id="store")
    finding = caught.value.findings[0]
    assert finding.file == "database.py"
    assert line in (0, finding.line)
    assert "seed() of standard.store" in str(caught.value)
    kept.load(texts(), id="store")
    assert kept.database.sql(NAMES).rows == [("Chad",), ("Peru",)]


@pytest.mark.parametrize(
    ("seed", "text"),
    [
        ("def seed(session):\n    pass\n", "not async"),
        ("async def seed():\n    pass\n", r"seed\(\)"),
    ],
)
def test_one_that_can_t_work_is_refused(app: AppContext, seed: str, text: str) -> None:
    """A function of that name in database.py that takes no session is an error at its line."""
    with pytest.raises(LoadError, match=text) as caught:
        app.load(texts(seed), id="store")
    assert (caught.value.findings[0].file, caught.value.findings[0].line) == ("database.py", 1)


def test_two_databases(app: AppContext) -> None:
    """A module with several databases says which one a seed fills, by their constant."""
    other = MODELS.replace('"store"', '"other"').replace("Country", "Land")
    with pytest.raises(LoadError, match="does not say which database"):
        app.load(texts(other_models=other), id="store")
    seed = "from .db_models import DATABASE_NAME\n" + SEED
    app.load(texts(seed, other_models=other), id="store")
    assert app.database.sql(NAMES).rows == [("Chad",), ("Peru",)]


def test_modules_that_share_a_database_have_a_seed_each(app: AppContext) -> None:
    """Each is recorded by the module's id."""
    second = MODELS.replace("Country", "Land").replace("countries", "lands")
    app.load(texts(), id="store")
    api = "from modframe.decorators import module\nfrom . import database\n\n\n@module\nclass T:\n    pass\n"
    files = {"api.py": api, "db_models.py": second, "database.py": SEED.replace("Country", "Land")}
    app.load(files, id="second")
    modules = app.database.sql("SELECT module FROM store.modframe_seed ORDER BY 1").rows
    assert modules == [("standard.second",), ("standard.store",)]
    assert app.database.sql("SELECT count(*) FROM store.lands").rows == [(2,)]


def test_each_test_has_what_the_seed_gives(app: AppContext) -> None:
    """The databases of a test are seeded, but for the marker that leaves it out."""
    tests = """
        import pytest


        @pytest.mark.parametrize("turn", [1, 2])
        async def test_seeded(service, turn):
            assert await service.names() == ["Chad", "Peru"]
            await service.remove("Peru")


        @pytest.mark.without_seed
        async def test_empty(service):
            assert await service.names() == []
    """
    assert str(load_outcome(app, texts(tests=tests), id="store").tests) == "3 tests passed"


def test_a_setting_leaves_it_out(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``MODFRAME_DATABASE_SEED=false`` fills nothing and records nothing."""
    monkeypatch.setenv("MODFRAME_DATABASE_SEED", "false")
    with modframe.start(workspace=workspace, data=":memory:") as app:
        app.load(texts(), id="store")
        assert app.database.sql(NAMES).rows == []
