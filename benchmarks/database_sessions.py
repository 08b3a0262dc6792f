"""A session's overhead: `integrity_session` over a bare `AsyncSession`, on each engine.

Run `python benchmarks/database_sessions.py`; nothing imports it. All take turns, one transaction
each, in one process. The figures are lower quartiles, since what else the machine does can only add
to a time. A module's session is opened through its
`app_context`. The bare one is on an engine that the same wing opened, without anything of modframe
above it; on SQLite there is also plain ``sqlite+aiosqlite`` with the same settings of the file.
PostgreSQL is the server of ``MODFRAME_TEST_POSTGRES_URL``, else the one that the tests start.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from database_mix import lifespan, postgres_url
from sqlalchemy import event, insert
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

import modframe
from modframe.parts.database.backend import BackendOptions, Place, backend_class
from modframe.parts.database.home import Home

MODULE = """
from modframe import app_context
from modframe.database import get_database_base
from modframe.decorators import module
from sqlalchemy import Column, ForeignKey, Integer, String

DATABASE_NAME = "{name}"
DATABASE_ENGINE = "{engine}"
Base = get_database_base(DATABASE_NAME)


class Parent(Base):
    __tablename__ = "parents"
    id = Column(Integer, primary_key=True)
    text = Column(String(40), nullable=False)


class Child(Base):
    __tablename__ = "children"
    id = Column(Integer, primary_key=True)
    parent_id = Column(ForeignKey("parents.id"), nullable=False)


@module
class Bench:
    def parts(self):
        return app_context.database, Base.metadata, Parent, Child
"""
Open = Callable[[], Any]
"""Makes a session, as an async context manager."""


@dataclass
class Contender:
    """One way to open a session, with the models to use in it."""

    open: Open
    parent: Any
    child: Any
    made: int = 0

    async def fill(self) -> None:
        """Write the rows that the others read and change."""
        async with self.open() as session:
            session.add_all(self.parent(id=number, text="x") for number in range(1, 101))
            await session.commit()

    async def read(self) -> None:
        """Read a row by its key."""
        async with self.open() as session:
            await session.get(self.parent, self.made % 100 + 1)

    async def insert(self) -> None:
        """Insert a row, commit."""
        async with self.open() as session:
            session.add(self.parent(id=1000 + self.made, text="new"))
            await session.commit()

    async def update(self) -> None:
        """Read a row and change it, commit."""
        async with self.open() as session:
            row = await session.get(self.parent, self.made % 100 + 1)
            row.text = f"text {self.made}"
            await session.commit()

    async def insert_child(self) -> None:
        """Insert a row that refers to another, commit."""
        async with self.open() as session:
            session.add(self.child(id=self.made, parent_id=self.made % 100 + 1))
            await session.commit()

    async def insert_many(self) -> None:
        """Insert `MANY` rows by one statement with as many sets of parameters, commit."""
        first = 1_000_000 + self.made * MANY
        async with self.open() as session:
            await session.execute(
                insert(self.parent), [{"id": first + n, "text": f"row {n}"} for n in range(MANY)]
            )
            await session.commit()

    async def timed(self, what: str) -> float:
        """Return the microseconds of one transaction."""
        self.made += 1
        begun = time.perf_counter()
        await getattr(self, what)()
        return (time.perf_counter() - begun) * 1e6


FIGURES = ("read", "insert", "update", "insert_child", "insert_many")
MANY = 10_000


@asynccontextmanager
async def modules(folder: Path, engines: Iterable[str]) -> AsyncIterator[dict[str, Any]]:
    """Yield engine → what the module on it gives out."""
    for engine in engines:
        home = folder / "modules" / "standard" / f"bench_{engine}"
        home.mkdir(parents=True)
        text = MODULE.format(name=f"bench_{engine}", engine=engine)
        (home / "api.py").write_text(text, encoding="utf-8")
    async with lifespan(modframe.create_app(workspace=folder, data=folder / "data", strict=True)):
        yield {
            engine: await modframe.app_context.get_service(f"bench_{engine}").parts()
            for engine in engines
        }


@asynccontextmanager
async def bare_engine(engine: str, folder: Path, metadata: Any) -> AsyncIterator[AsyncEngine]:
    """Open a database by the wing alone."""
    home = Home()
    backend = backend_class(engine)(BackendOptions(), home)
    place = Place(folder / f"bare{backend.suffix}")
    if not backend.suffix:
        place = Place(url=make_url(os.environ[f"MODFRAME_DATABASE_URL_BENCH_{engine.upper()}"]))
    store = backend.store("bare_bench", place)
    made = await store.open()
    async with made.begin() as connection:
        await connection.run_sync(metadata.drop_all)
        await connection.run_sync(metadata.create_all)
    yield made
    await store.release(made)
    await backend.aclose()


@asynccontextmanager
async def plain_sqlite(folder: Path, metadata: Any) -> AsyncIterator[AsyncEngine]:
    """Open a database by SQLAlchemy's own dialect for aiosqlite, as modframe would set it up."""
    made = create_async_engine(f"sqlite+aiosqlite:///{folder / 'plain.sqlite'}")

    @event.listens_for(made.sync_engine, "connect")
    def _settings(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for setting in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {setting}")
        cursor.close()

    async with made.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield made
    await made.dispose()


async def compare(folder: Path, engines: list[str], *, rounds: int, only: list[str]) -> None:
    """Print the table."""
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(modules(folder, engines))
        contenders: dict[str, Contender] = {}
        bases: dict[str, list[str]] = {}
        for engine in engines:
            database, metadata, parent, child = parts[engine]
            name = f"bench_{engine}"

            def ours(database: Any = database, name: str = name) -> Any:
                return database.integrity_session(name, "the benchmark")

            def on(made: AsyncEngine) -> Open:
                return lambda: AsyncSession(made, expire_on_commit=False)

            contenders[engine] = Contender(ours, parent, child)
            bare = await stack.enter_async_context(bare_engine(engine, folder, metadata))
            contenders[f"{engine}, bare"] = Contender(on(bare), parent, child)
            bases[engine] = [f"{engine}, bare"]
            if engine == "sqlite":
                plain = await stack.enter_async_context(plain_sqlite(folder, metadata))
                contenders["sqlite+aiosqlite"] = Contender(on(plain), parent, child)
                bases[engine].append("sqlite+aiosqlite")
        for contender in contenders.values():
            await contender.fill()
        print(f"{'':<14}" + "".join(f"{name:>30}" for name in contenders))
        for figure in only or FIGURES:
            few = figure == "insert_many"
            spent = await measure(contenders, figure, max(4, rounds // 50) if few else rounds)
            middle = {name: statistics.quantiles(times)[0] for name, times in spent.items()}
            print(f"{figure:<14}" + "".join(f"{middle[name]:>27.0f} us" for name in contenders))
            for engine, over in bases.items():
                for base in over:
                    ratio = middle[engine] / middle[base]
                    print(f"    {engine + ' over ' + base:<40}{ratio:>6.2f}")


async def measure(
    contenders: dict[str, Contender], figure: str, rounds: int
) -> dict[str, list[float]]:
    """Return the microseconds of each contender's transactions; all take turns."""
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(-min(20, rounds // 2), rounds):
        if number % 100 == 0:
            gc.collect()
        random.shuffle(names)
        for name in names:
            took = await contenders[name].timed(figure)
            if number >= 0:
                spent[name].append(took)
    return spent


def main() -> None:
    """Measure in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figures", nargs="*", choices=[[], *FIGURES], metavar="figure")
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--engines", default="sqlite,duckdb,postgresql")
    asked = parser.parse_args()
    engines = asked.engines.split(",")
    with tempfile.TemporaryDirectory() as folder, postgres_url("postgresql" in engines) as url:
        if url:
            os.environ["MODFRAME_DATABASE_URL_BENCH_POSTGRESQL"] = url
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        asyncio.run(compare(Path(folder), engines, rounds=asked.rounds, only=asked.figures))


if __name__ == "__main__":
    main()
