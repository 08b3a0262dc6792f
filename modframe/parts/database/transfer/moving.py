"""`Move`: one database on its way to another engine, from when its sessions wait until they go on.

The modules that have its models are loaded again meanwhile, in one change: each makes its tables
on the new engine, and `Move.carry` copies their rows and compares them, before phase 1. So a module
goes live with its rows, or not at all. Called by `Databases`.
"""

from __future__ import annotations

import asyncio
import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from ....wording import count
from ..choice import Choice
from ..database import Database
from ..errors import DatabaseBusyError, DatabaseMoveError
from ..values import WIDE
from .copying import OWN, batches, copy_rows, own_tables


@dataclass(frozen=True, slots=True)
class Moved:
    """A database that was moved.

    Attributes:
        tables: Table → how many rows, compared one by one.
        old: Where its former file is now.
    """

    database: str
    engine: str
    tables: dict[str, int]
    old: Path | None

    def __repr__(self) -> str:
        rows = count(sum(self.tables.values()), "row")
        return f"<{self.database} is in {self.engine}: {rows}; the old file is {self.old}>"


class Move:
    """A database whose rows are copied to another engine.

    Attributes:
        counts: Table → how many rows were carried over.
    """

    def __init__(self, source: Database, engine: str) -> None:
        self.source = source
        self.engine = engine
        self.counts: dict[str, int] = {}

    async def begin(self, wait: float) -> None:
        """Let all sessions end; new ones wait until `end`.

        Raises:
            DatabaseBusyError: If sessions are open for longer than ``wait`` seconds.
        """
        await self.source.gate.acquire()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait
        while self.source.sessions:
            if loop.time() > deadline:
                self.source.gate.release()
                purposes = tuple(session.purpose for session in self.source.sessions)
                raise DatabaseBusyError(
                    f"database {self.source.name!r} can't be moved while sessions are open: "
                    f"{', '.join(map(repr, purposes))} (waited {wait:.1f} s)",
                    cure="let them end, then move it again",
                    database=self.source.name,
                    purposes=purposes,
                )
            await asyncio.sleep(0.01)

    def end(self) -> None:
        """Let sessions go on."""
        self.source.gate.release()

    async def refuse_unknown(self, known: Iterable[str]) -> None:
        """Refuse to leave tables behind that no live module has models of.

        Raises:
            DatabaseMoveError: If there are some.
        """
        async with self.source.use():
            tables = await self.source.store.tables()
        # engines that keep files ignore case
        names = {name.rpartition(".")[2].lower() for name in known}
        left = [name for name in tables if name.lower() not in names and not name.startswith(OWN)]
        if left:
            raise DatabaseMoveError(
                f"database {self.source.name!r} is not moved: no live module has models of "
                f"{', '.join(left)}",
                cure="load the modules that have them first, or drop the tables",
                database=self.source.name,
            )

    def refuse_unfit(self, differing: Mapping[str, Sequence[str]]) -> None:
        """Refuse to move tables that live models don't fit: module → the steps that these lack.

        Raises:
            DatabaseMoveError: If there are such models.
        """
        for module_id, steps in differing.items():
            raise DatabaseMoveError(
                f"database {self.source.name!r} is not moved: its tables were changed since "
                f"{module_id} was loaded, whose models ask for: {', '.join(steps)}",
                cure=f"load the module again first ({module_id}), with models that fit the tables, "
                "then move it",
                database=self.source.name,
            )

    async def carry(self, target: Database, tables: Iterable[Table]) -> None:
        """Copy the rows of tables that were made on the new engine, and compare them.

        Raises:
            DatabaseMoveError: If a table has other rows there than here.
        """
        async with (
            self.source.use() as theirs,
            target.use() as ours,
            theirs.connect() as rows,
            ours.begin() as connection,
        ):
            models = [table for table in tables if table.key not in self.counts]
            own = [] if self.counts else await rows.run_sync(own_tables)
            for table in own:
                await connection.run_sync(table.create)
            for table in (*models, *own):
                await copy_rows(rows, connection, [table], backend=target.backend)
                before, after = await checksum(rows, table), await checksum(connection, table)
                if before != after:
                    columns = await _differing(rows, connection, table)
                    raise DatabaseMoveError(
                        f"database {target.name!r} is not moved: table {table.key} has other rows "
                        f"in {target.backend.title} ({after[0]}) than here ({before[0]}); the "
                        f"values differ in {columns}; nothing was changed",
                        cure="change these values; docs/databases.md says what each engine keeps",
                        database=target.name,
                    )
                self.counts[table.key] = before[0]


async def checksum(connection: AsyncConnection, table: Table) -> tuple[int, int]:
    """Return how many rows a table has, and the sum of their hashes, in whichever order."""
    number, total = 0, 0
    async for rows in batches(connection, table):
        total += sum(_hash([_same(value) for value in row]) for row in rows)
        number += len(rows)
    return number, total % (1 << 128)


async def _differing(one: AsyncConnection, other: AsyncConnection, table: Table) -> str:
    """Return the columns whose values differ, for a person."""
    sums: list[list[int]] = []
    for connection in (one, other):
        totals = [0] * len(table.columns)
        async for rows in batches(connection, table):
            for row in rows:
                for place in range(len(totals)):
                    totals[place] += _hash(_same(row[place]))
        sums.append(totals)
    return ", ".join(
        column.name
        for column, here, there in zip(table.columns, *sums, strict=True)
        if here != there
    )


def _hash(value: object) -> int:
    digest = blake2b(repr(value).encode(), digest_size=16).digest()
    return int.from_bytes(digest, "big")


def _same(value: Any) -> Any:
    """Return a value so that equal ones of two engines are the same text."""
    match value:
        case Decimal():
            return format(value.normalize(WIDE), "f")
        case float():
            return value + 0.0  # -0.0 is 0.0 to SQLite
        case datetime.datetime() if value.tzinfo is not None:
            return value.astimezone(datetime.UTC)
        case bytes() | bytearray() | memoryview():
            return bytes(value)
        case dict() | list():
            return json.dumps(value, sort_keys=True, default=repr)
    return value


def refuse_move(database: str, choice: Choice, suffix: str, *, engine: str) -> None:
    """Refuse a move that can't last, before anything is copied.

    Raises:
        DatabaseMoveError: If the environment or the module fixes the engine, if it is there
            already, or if one of the two keeps no files.
    """
    fixed = choice.source not in ("moved", "file", "default")
    if choice.engine == engine:
        why, cure = f"it is in {engine} already", ""
    elif fixed:
        why = f"{choice.source} says that it is in {choice.engine}"
        cure = f"take {choice.source} away, load the module again, and move it then"
    elif choice.place.path is None or not suffix:
        why = "only databases in files can be moved, from one file to another"
        cure = "back it up, change MODFRAME_DATABASE_URL, and restore it there"
    else:
        return
    raise DatabaseMoveError(
        f"database {database!r} is not moved to {engine}: {why}", cure=cure, database=database
    )


def set_aside(file: Path | None, *, keep: bool) -> Path | None:
    """Give a closed database's file another name, which is returned, or delete it."""
    if file is None or not file.exists():
        return None
    if not keep:
        file.unlink()
        return None
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S-%f")
    return file.rename(file.with_name(f"{file.name}.moved-{stamp}"))
