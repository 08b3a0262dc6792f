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
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from ....wording import count, one_line
from ..backend import Backend
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
        old: Where its former file is now; on a server, the name of its former schema.
        needs: The variable of the environment that the next start needs to find it; empty if none.
    """

    database: str
    engine: str
    tables: dict[str, int]
    old: Path | str | None
    needs: str = ""

    def __repr__(self) -> str:
        rows = count(sum(self.tables.values()), "row")
        kind = "schema" if isinstance(self.old, str) else "file"
        needs = f"; set {self.needs} for the next start" if self.needs else ""
        return f"<{self.database} is in {self.engine}: {rows}; the old {kind} is {self.old}{needs}>"


class Move:
    """A database whose rows are copied to another engine.

    Attributes:
        target: The same database there; the source until `Databases.begin_move` has made it.
        before: What `Chooser.turn` said before.
        counts: Table → how many rows were carried over.
        users: The generations that are loaded on the new engine.
    """

    def __init__(self, source: Database, engine: str, *, before: Choice | None) -> None:
        self.source = self.target = source
        self.engine = engine
        self.before = before
        self.counts: dict[str, int] = {}
        self.users: set[str] = set()
        self._turn = asyncio.Lock()

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

    async def carry(self, target: Database, tables: Sequence[Table]) -> None:
        """Copy the rows of tables that were made on the new engine, and compare them.

        Raises:
            DatabaseMoveError: If a table has other rows there than here, or they can't be written.
        """
        written = ""
        try:
            async with (
                self._turn,  # modules that share the database are loaded at the same time
                self.source.use() as theirs,
                target.use() as ours,
                theirs.connect() as rows,
                ours.begin() as connection,
                target.backend.references_later(connection, tables),
            ):
                models = [table for table in tables if table.key not in self.counts]
                own = [] if self.counts else await rows.run_sync(own_tables)
                for table in own:
                    await connection.run_sync(table.create)
                for table in (*models, *own):
                    written = table.key
                    await self._carry_table(rows, connection, target, table)
                written = ""  # what is left is to check references
        except (StatementError, OverflowError) as exc:
            reason = one_line(str(getattr(exc, "orig", None) or exc))
            raise DatabaseMoveError(
                f"database {target.name!r} is not moved: {target.backend.title} doesn't take the "
                f"rows{f' of table {written}' if written else ''}: {reason}; nothing was changed",
                cure="change these values; docs/databases.md says what each engine keeps",
                database=target.name,
            ) from exc

    async def _carry_table(
        self, rows: AsyncConnection, connection: AsyncConnection, target: Database, table: Table
    ) -> None:
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
        last = await rows.run_sync(self.source.backend.last_key, table)
        await connection.run_sync(target.backend.continue_keys, table, last)
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


def refuse_move(database: str, choice: Choice, goal: Choice, backend: Backend) -> None:
    """Refuse a move that can't last, before anything is copied.

    Args:
        backend: The engine of ``goal``.

    Raises:
        DatabaseMoveError: If the file or the environment fixes the engine, if it is there already,
            if nothing says where a server is, or if nothing would be kept.
    """
    fixed = choice.source not in ("moved", "file", "default")
    on_server = choice.place.url is not None
    if choice.engine == goal.engine:
        why, cure = f"it is in {goal.engine} already", ""
    elif choice.place.temporary or goal.place.temporary:
        why = "the databases of this app are in memory"
        cure = "start it with a folder for its data"
    elif fixed and not on_server:
        why = f"{choice.source} says that it is in {choice.engine}"
        cure = f"take {choice.source} away, load the module again, and move it then"
    elif not backend.suffix and goal.place.url is None:
        why = "nothing says where the server is"
        cure = f'give its URL: to="{goal.engine}://user:password@host/database"'
    elif backend.suffix and goal.source != "moved":
        why = "the file of a move is in the folder of the data"
        cure = f'name the engine alone: to="{goal.engine}"'
    else:
        return
    raise DatabaseMoveError(
        f"database {database!r} is not moved to {goal.engine}: {why}", cure=cure, database=database
    )


def rows_there(database: str, engine: str, what: str) -> DatabaseMoveError:
    """Make the error for a move to where rows are, which it would have to mix with its own."""
    return DatabaseMoveError(
        f"database {database!r} is not moved to {engine}: {what}; nothing was changed",
        cure="if nobody needs these, take them away, and move it then",
        database=database,
    )
