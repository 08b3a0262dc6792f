"""`ArrowSource`: how an engine hands its tables to DuckDB for people's queries, as Arrow.

Comes in: the tables and columns that a query names. Goes out: streams of Arrow, from a connection
that can't write. Each wing whose databases DuckDB can't attach has a file ``arrow.py`` with
``async def source(engine)``, which `source_of` finds; `sql.query` uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from .backend import Backend
from .errors import DatabaseEngineError

Types = Mapping[str, Mapping[str, str]]
"""What the models say: table → column → type of DuckDB."""


@dataclass(frozen=True, slots=True)
class ArrowTable:
    """One table as a query sees it.

    Attributes:
        stream: Its rows: an object with ``__arrow_c_stream__``, which may be called repeatedly.
        select: The query that gives them their names and types, with ``{source}`` for the stream.
    """

    stream: Any
    select: str


class ArrowSource(Protocol):
    """What reads one database, for one query, on the query's thread; never on the app loop."""

    def open(self) -> None:
        """Connect, so that nothing can be written."""

    def tables(self) -> tuple[str, ...]:
        """Return the names of the tables."""

    def read(self, wanted: Mapping[str, str | None], types: Types) -> dict[str, ArrowTable]:
        """Return tables as they are at one moment.

        Args:
            wanted: Name → the query's text in lower case: columns whose names aren't in it may be
                empty. ``None`` asks for all of them.
            types: What the models say; the database's catalogue says the others.
        """

    def interrupt(self) -> None:
        """End early what runs; called on another thread."""

    def close(self) -> None:
        """Close the connection, and delete what was made for it."""


async def source_of(backend: Backend, engine: AsyncEngine) -> ArrowSource:
    """Return what reads an open database of an engine.

    Raises:
        DatabaseEngineError: If the driver that hands over Arrow isn't installed.
    """
    try:
        wing = import_module(f"{type(backend).__module__.rpartition('.')[0]}.arrow")
    except ModuleNotFoundError as exc:
        package = str(exc.name).replace("_", "-")
        raise DatabaseEngineError(
            f"sql() reads databases on {backend.title} with {package}, which isn't installed",
            cure=f"run `pip install {package}`",
            database="",
            engine=backend.name,
        ) from exc
    source: ArrowSource = await wing.source(engine)
    return source


def is_wanted(column: str, text: str | None) -> bool:
    """Return whether a query may read a column: if its name is anywhere in the text."""
    return text is None or column.lower() in text
