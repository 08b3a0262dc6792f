"""`Backend` and `Store`: all that an engine of databases does for modframe; the wings implement it.

Comes in: the name of a database and where it is. Goes out: SQLAlchemy's engine for it, and answers
to what differs between engines. Nothing above the wings knows which engine it talks to. A new
engine is a folder beside `duckdb`, and its name in `ENGINES`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from sqlalchemy import Connection, MetaData, Table
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ...files import make_folder, replace_file
from .errors import DatabaseEngineError, DatabaseNameError
from .home import Home

if TYPE_CHECKING:
    from .alterations import Alterations

FaultKind = Literal["conflict", "race", "integrity", "locked", "full", "lost", "other"]
"""What an engine's error means: another session was first; the rows break a constraint, because
another session was first; they break a constraint; another program holds a lock; no room is left;
the connection or file is gone; anything else."""


@dataclass(frozen=True, slots=True)
class BackendOptions:
    """What the framework's settings say to engines.

    Attributes:
        lock_wait: Seconds to wait for what another process holds.
        memory_limit: The memory that DuckDB may use, for example ``"2GB"``.
        threads: How many threads DuckDB may use.
        synchronous: ``FULL`` if a commit to SQLite waits for the disk.
        files: The folders below which DuckDB may read and write files; ``None`` for any.
        spill: Where DuckDB puts what doesn't fit into memory; ``None`` for a folder of its own.
    """

    lock_wait: float = 5.0
    memory_limit: str | None = None
    threads: int | None = None
    synchronous: str = "NORMAL"
    files: tuple[Path, ...] | None = None
    spill: Path | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database is: in a file, at a server's URL, or, with neither, in memory.

    Attributes:
        temporary: Whether nothing may be left of it when it is closed, as for one in memory.
    """

    path: Path | None = None
    url: URL | None = None
    temporary: bool = False


@dataclass(frozen=True, slots=True)
class Remark:
    """What an engine says about a table or column of models; its text is a sentence.

    Attributes:
        column: Empty if it is about the table.
        refused: Whether the engine can't do it, and not only in its own way.
    """

    table: str
    column: str
    text: str
    refused: bool = True

    def __str__(self) -> str:
        where = f"{self.table}.{self.column}" if self.column else self.table
        return f"{where}: {self.text}"


class Store(Protocol):
    """One database, as its engine keeps it. Used on the app loop; it never blocks that.

    Attributes:
        path: Its file; ``None`` in memory and on a server.
        gives_back: Whether it is released when nobody has used it for a while, so that another
            process can have the file.
    """

    path: Path | None
    gives_back: bool

    async def open(self) -> AsyncEngine:
        """Open it, making it if it doesn't exist; ``release`` ends it. Cancelling is safe.

        Raises:
            DatabaseLockedError: If another process holds it for longer than the wait.
            DatabaseOpenError: If it can't be opened.
        """

    async def release(self, engine: AsyncEngine) -> None:
        """Give it back: connections are closed, then the file. No session uses it."""

    async def cut_off(self, engine: AsyncEngine | None) -> None:
        """Close it for good, even while sessions use it: what they run is interrupted."""

    async def tables(self) -> tuple[str, ...]:
        """Return the names of its tables, while it is open."""

    def check(self) -> None:
        """Check that it is still the one that was opened; called before each transaction.

        Raises:
            DatabaseFileLostError: If its file was deleted or replaced.
        """

    @property
    def lost(self) -> bool:
        """Whether it is not where it was opened any more."""

    def begin_anew(self) -> None:
        """Let the next ``open`` make or open what is there, after it was lost."""

    # -- what moves to another engine need --

    async def hold(self) -> None:
        """Keep other processes from writing to it, until `set_aside` or `let_go`.

        Raises:
            DatabaseMoveError: If it may not be set aside, or another process moves it.
            DatabaseBusyError: If another process writes to it for longer than the wait.
        """

    async def let_go(self) -> None:
        """End `hold`; it stays what it is."""

    async def set_aside(self, engine: str) -> Path | str | None:
        """Give it another name, which is returned, when it was moved to an engine and is closed."""

    async def receive(self) -> None:
        """Begin to take the rows of a move, in place of what is there without rows.

        Until `received` it counts as one that isn't there, also if the process is killed.

        Raises:
            DatabaseMoveError: If rows are there that would be lost, or another process moves it.
        """

    async def received(self) -> None:
        """Let it count: all rows are there."""

    async def discard(self) -> None:
        """Remove what `receive` began, when it is closed."""


class Backend(ABC):
    """One engine of databases; each app has at most one object of it.

    Attributes:
        name: As in ``DATABASE_ENGINE``.
        title: Its name in sentences.
        savepoints: Whether ``session.begin_nested()`` works.
        enforces_references: Whether the engine itself checks foreign keys.
        ends_reads_later: Whether a connection can take back a transaction that has only read
            without a wait: whatever uses the connection next comes after it.
        takes_scripts: Whether one call of the driver runs several statements, which saves time.
        reads_arrow: Whether a statement can read an Arrow table, by `show_arrow`.
        isolation: The isolation level that ``transaction()`` asks for, where by default one session
            overwrites what another changed since it was read; ``None`` where it doesn't.
        reserved: How the names begin that it keeps for itself; empty if it keeps none.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    savepoints: ClassVar[bool] = True
    enforces_references: ClassVar[bool] = True
    ends_reads_later: ClassVar[bool] = False
    takes_scripts: ClassVar[bool] = False
    reads_arrow: ClassVar[bool] = False
    isolation: ClassVar[str | None] = None
    reserved: ClassVar[str] = ""

    def __init__(self, options: BackendOptions, home: Home) -> None:
        """Make nothing yet, neither on disk nor on a server."""
        self.options = options
        self.home = home

    @property
    def suffix(self) -> str:
        """How the names of its files end; empty if it keeps none."""
        return SUFFIXES.get(self.name, "")

    @abstractmethod
    def store(self, database: str, place: Place) -> Store:
        """Return a database that is at a place; nothing is opened or made yet."""

    @cached_property
    def alterations(self) -> Alterations:
        """How it alters tables, from ``alterations`` in its folder; imports alembic."""
        module = import_module(f"{type(self).__module__.rpartition('.')[0]}.alterations")
        made: Alterations = module.ALTERATIONS(references=self.enforces_references)
        return made

    def check_name(self, database: str) -> None:
        """Check that it doesn't keep a database's name for itself.

        Raises:
            DatabaseNameError: If it does.
        """
        if self.reserved and database.startswith(self.reserved):
            raise DatabaseNameError(
                f"{database!r} can't be a database's name in {self.title}, which keeps all names "
                f"that begin with {self.reserved!r} for itself",
                cure="choose another name",
                database=database,
            )

    def adapt(self, metadata: MetaData) -> None:
        """Let models say what this engine needs, before their tables are made or used."""
        _ = metadata

    @asynccontextmanager
    async def references_later(
        self, connection: AsyncConnection, tables: Sequence[Table]
    ) -> AsyncIterator[None]:
        """Check the references of tables at the end, and not with each row that is written.

        What is left to check is checked by the commit. By default nothing is done: the engine
        checks none.
        """
        _ = connection, tables
        yield

    def continue_keys(self, connection: Connection, table: Table, after: int = 0) -> None:
        """Let a counted key go on after the keys that were written; for engines that don't.

        It goes on after the number ``after`` as well.
        """
        _ = connection, table, after

    def last_key(self, connection: Connection, table: Table) -> int:
        """Return the number that a counted key gave last; 0 if it gave none, or isn't counted.

        The models of ``table`` may be adapted to another engine.
        """
        _ = connection, table
        return 0

    async def save(self, database: str, engine: AsyncEngine, path: Path) -> dict[str, int]:
        """Write what is committed now into a new file, while sessions go on; for those with files.

        Return table → how many rows the file has.
        """
        raise NotImplementedError

    async def put_back(self, file: Path, place: Path) -> None:
        """Make a saved file what a closed database's own file is, in one step."""

        def work() -> None:
            make_folder(place.parent)
            replace_file(place, file)

        await asyncio.to_thread(work)

    def show_arrow(self, connection: Connection, name: str, rows: Any) -> None:
        """Let the statements of a connection read an Arrow table by a name; ``None`` ends that.

        Raises:
            NotImplementedError: If the engine doesn't read Arrow.
        """
        raise NotImplementedError

    def remarks(self, metadata: MetaData) -> Iterator[Remark]:
        """Yield what this engine can't do of what models say, and what it does in its own way."""
        _ = metadata
        yield from ()

    @abstractmethod
    def fault(self, error: DBAPIError) -> FaultKind:
        """Return what an error of the driver means."""

    @asynccontextmanager
    async def alone(self, connection: AsyncConnection) -> AsyncIterator[None]:
        """Keep other processes from changing the tables of a connection's database meanwhile.

        What is open on the connection is rolled back. By default nothing is done: the file is this
        process's alone.
        """
        _ = connection
        yield

    async def existing(self, url: URL) -> tuple[str, ...]:
        """Return the names of the databases at a server's URL that modframe made; it may wait."""
        _ = url
        return ()

    async def aclose(self) -> None:
        """Close what all its databases share; they are closed already."""
        return


ENGINES = {"duckdb": "duckdb", "sqlite": "sqlite", "postgresql": "postgres"}
"""The engines: name, as in ``DATABASE_ENGINE``, → the folder of this room with its `Backend`."""
SUFFIXES = {"duckdb": ".duckdb", "sqlite": ".sqlite"}
"""The engines that keep files: name → suffix; known without an import of the driver."""


def backend_class(engine: str) -> type[Backend]:
    """Return an engine's class; its driver is imported now.

    Raises:
        DatabaseEngineError: If there is no such engine, or its driver isn't installed.
    """
    folder = ENGINES.get(engine)
    if folder is None:
        raise DatabaseEngineError(
            f"there is no database engine {engine!r}",
            cure=f"choose one of: {', '.join(ENGINES)}",
            database="",
            engine=engine,
        )
    try:
        module = import_module(f"{__package__}.{folder}.backend")
    except ModuleNotFoundError as exc:
        raise DatabaseEngineError(
            f"the engine {engine!r} needs {exc.name}, which isn't installed",
            cure=f'run `pip install "modframe[{engine}]"`',
            database="",
            engine=engine,
        ) from exc
    backend: type[Backend] = module.BACKEND
    return backend
