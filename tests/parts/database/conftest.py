"""Fixtures of the database tests: each engine, databases on it, and packages of modules."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modframe.parts.database.backend import ENGINES
from modframe.parts.database.databases import Databases
from tests.parts.database.support import forget_package

PACKAGE = "modules.standard.my_module~1"
ENDLESS = {
    "duckdb": "SELECT count(*) FROM range(100000000) a, range(10000) b WHERE a.range + b.range = 7",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(3600)",
}
MakeDatabases = Callable[..., Databases]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where databases go; not there yet."""
    return tmp_path / "data" / "databases"


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine in turn; what a test asks of `databases` is kept by it."""
    name: str = request.param
    return name


@pytest.fixture
def database_url(engine: str, request: pytest.FixtureRequest) -> str:
    """What ``MODFRAME_DATABASE_URL`` says for the engine; a server's database is this test's."""
    if engine == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return engine


@pytest.fixture
def make_databases(folder: Path, database_url: str) -> MakeDatabases:
    """Make `Databases` on the engine, as an app does that starts; the rows are there again.

    The test closes them. ``memory=True`` makes ones of which nothing is left, and other keywords
    are those of `Databases`.
    """

    def make(*, memory: bool = False, **options: Any) -> Databases:
        return Databases(None if memory else folder, **{"url": database_url, **options})

    return make


@pytest.fixture
async def databases(make_databases: MakeDatabases) -> AsyncIterator[Databases]:
    """Return databases on the engine, which are closed afterwards."""
    async with make_databases() as made:
        yield made


@pytest.fixture
def endless(engine: str) -> str:
    """A statement that the engine never gets done with."""
    return ENDLESS[engine]


@pytest.fixture
def package() -> Iterator[str]:
    """The name of a generation's package, taken out of ``sys.modules`` afterwards."""
    yield PACKAGE
    forget_package(PACKAGE)
