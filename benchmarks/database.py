"""What databases cost: ratios of one way to another, measured side by side.

Run `python benchmarks/database.py [--url sqlite] [figure ...]`; nothing imports it. With
``--url postgresql`` the server is that of ``MODFRAME_TEST_POSTGRES_URL``, else the one that the
tests start. Figures:

contended   20 transactions at once that read and change one row, over the same one after the other;
            first without a conflict before (at most 3.5), then right after one (at most 1.5).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from database_mix import postgres_url
from sqlalchemy import Column, Integer, select
from sqlalchemy.ext.asyncio import AsyncSession

from modframe.database import get_database_base
from modframe.parts.database import contention
from modframe.parts.database.databases import Databases

AT_ONCE = 20
ROUNDS = 9

Base = get_database_base("bench")


class Counter(Base):
    """The row that all of them change."""

    __tablename__ = "counters"
    id = Column(Integer, primary_key=True)
    number = Column(Integer, nullable=False)


async def add_one(session: AsyncSession) -> None:
    """Read the row and write it, as a route does."""
    row = (await session.scalars(select(Counter))).one()
    row.number += 1


async def seconds(work: Callable[[], Awaitable[Any]]) -> float:
    """Return how long something took."""
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun


async def contended(folder: Path, url: str) -> None:
    """20 read-modify-writes of one row at once, over 20 one after the other."""
    async with Databases(folder, url=url) as databases:
        await databases.apply("bench", Base.metadata)
        async with databases.transaction("bench", "begin") as session:
            session.add(Counter(number=0))

        async def one() -> None:
            await databases.transaction("bench", "count", retry=8)(add_one)

        async def serial() -> None:
            for _ in range(AT_ONCE):
                await one()

        async def together() -> None:
            await asyncio.gather(*(one() for _ in range(AT_ONCE)))

        await serial()  # connections are made, statements are compiled
        await together()
        serially, cold, warm = [], [], []
        for _ in range(ROUNDS):
            await asyncio.sleep(contention.RECENT)
            alone = await seconds(serial)
            serially.append(alone)
            cold.append(await seconds(together) / alone)
            warm.append(await seconds(together) / alone)
        async with databases.session("bench", "look") as session:
            found = (await session.scalars(select(Counter.number))).one()
        wanted = AT_ONCE * (2 + 3 * ROUNDS)
        print(f"contended: {wanted - found} of {wanted} changes lost")
        print(f"  one after the other   {statistics.median(serially) * 1000:.0f} ms")
        for what, times in (("first conflict", cold), ("recent conflict", warm)):
            print(f"  at once, {what:<16}{statistics.median(times):.2f} x as long")


FIGURES: dict[str, Callable[[Path, str], Coroutine[Any, Any, None]]] = {"contended": contended}


def main() -> None:
    """Measure the figures that are named, by default all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figures", nargs="*", choices=[[], *FIGURES], metavar="figure")
    parser.add_argument("--url", default="duckdb", help="an engine, or the URL of a server")
    asked = parser.parse_args()
    with postgres_url(asked.url == "postgresql") as server:
        if asked.url == "postgresql" and not server:
            raise SystemExit("there is no PostgreSQL server, and no program of one to start")
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        for name in asked.figures or FIGURES:
            with tempfile.TemporaryDirectory() as folder:
                asyncio.run(FIGURES[name](Path(folder), server or asked.url))


if __name__ == "__main__":
    main()
