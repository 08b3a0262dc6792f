"""`Chooser`: says which engine keeps a database, and where; called by `Registry` and `check`.

Comes in: the database's name and the ``DATABASE_ENGINE`` of the file that declares it. Goes out: a
frozen `Choice` with its source. ``MODFRAME_DATABASE_URL_<NAME>`` wins over
``MODFRAME_DATABASE_URL``, and both over the file; then the file on disk decides, and then the
default, DuckDB.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from ...files import replace_file
from .backend import ENGINES, SUFFIXES, Place
from .errors import DatabaseOpenError, DatabaseURLError
from .file import is_whole
from .names import is_name

DEFAULT = "duckdb"
ALL = "MODFRAME_DATABASE_URL"
MOVED = "moved.json"
"""The file beside the databases that says which were moved to another engine: name → engine."""
_SCHEMES = {"postgres": "postgresql"}


@dataclass(frozen=True, slots=True)
class Choice:
    """Which engine keeps a database, where it is, and what said so.

    Attributes:
        source: The variable of the environment, ``"DATABASE_ENGINE"``, ``"moved"``, ``"file"``
            (there is one) or ``"default"``.
    """

    engine: str
    place: Place
    source: str

    def overrules(self, declared: str | None) -> str:
        """Return what to know if the file declares another engine; empty if it doesn't."""
        if declared is None or declared == self.engine:
            return ""
        return (
            f"the file says DATABASE_ENGINE = {declared!r}, and {self.source} says "
            f"{self.engine!r}, which wins"
        )


class Chooser:
    """Chooses engines for the databases of one folder.

    Args:
        folder: Where the files are; ``None`` keeps all in memory, and on servers only for a while,
            whatever ``url`` says.
        url: Where all databases are: an engine's name, ``sqlite:///<folder>`` or a server's URL.
        urls: The same for one: name, in lower case, → engine, ``sqlite:///<file>`` or URL.
    """

    def __init__(
        self, folder: Path | None, *, url: str | None = None, urls: Mapping[str, str] | None = None
    ) -> None:
        self._folder = folder
        self._url = url
        self._urls = dict(urls or {})
        self._moved: dict[str, str] | None = None
        self._turned: dict[str, Choice] = {}

    def choose(self, database: str, declared: str | None = None) -> Choice:
        """Return the engine and the place of a database; ``declared`` is its ``DATABASE_ENGINE``.

        Raises:
            DatabaseURLError: If a variable of the environment holds no URL that can be used.
        """
        return self._turned.get(database) or self._said(database, declared)

    def _said(self, database: str, declared: str | None) -> Choice:
        """Return what a start of the app would choose."""
        if (text := self._urls.get(database.lower())) is not None:
            return self._from_url(database, text, f"{ALL}_{database.upper()}", one=True)
        if self._url is not None:
            return self._from_url(database, self._url, ALL, one=False)
        if declared is not None:
            return Choice(declared, self._file(database, declared), "DATABASE_ENGINE")
        if (moved := self.moved().get(database)) is not None:
            return Choice(moved, self._file(database, moved), "moved")
        for engine in ENGINES:
            if is_whole(path := self._file(database, engine).path):
                return Choice(engine, Place(path), "file")
        return Choice(DEFAULT, self._file(database, DEFAULT), "default")

    def goal(self, database: str, to: str) -> Choice:
        """Return where a move would bring a database; ``to`` is an engine, or a server's URL.

        Raises:
            DatabaseURLError: If it is a URL that can't be used.
        """
        if "://" in to:
            return self._from_url(database, to, "the argument `to`", one=True)
        for text in filter(None, (self._urls.get(database.lower()), self._url)):
            said = self._from_url(database, text, ALL, one=False)
            if said.engine == to and said.place.url is not None:
                return replace(said, source="moved")
        return Choice(to, self._file(database, to), "moved")

    def turn(self, database: str, choice: Choice | None) -> None:
        """Let a choice win over all that is said, in this process; ``None`` ends that."""
        if choice is None:
            self._turned.pop(database, None)
        else:
            self._turned[database] = replace(choice, source="moved")

    def turned(self, database: str) -> Choice | None:
        """Return the choice that `turn` set."""
        return self._turned.get(database)

    def unsaid(self, database: str, declared: str | None) -> str:
        """Return the variable that the next start needs to choose the same; empty if none."""
        now, later = self.choose(database, declared), self._said(database, declared)
        if (now.engine, now.place) == (later.engine, later.place):
            return ""
        value = now.engine if now.place.url is None else "<the URL of the server>"
        return f"{ALL}_{database.upper()}={value}"

    def moved(self) -> dict[str, str]:
        """Return where databases were moved to: name → engine; read once.

        Raises:
            DatabaseOpenError: If the file that says it can't be read.
        """
        if self._moved is None:
            self._moved = _read_moved(self._folder / MOVED) if self._folder is not None else {}
        return self._moved

    def keep_moved(self, database: str, engine: str) -> None:
        """Remember for good that a database was moved to an engine."""
        self.moved()[database] = engine
        if self._folder is not None:
            text = json.dumps(self.moved(), indent=2)
            replace_file(self._folder / MOVED, f"{text}\n".encode())

    def beside(self, database: str, engine: str) -> list[Choice]:
        """Return the files of a database that other engines than the chosen one keep."""
        return [
            Choice(other, place, "file")
            for other in ENGINES
            if other != engine and is_whole((place := self._file(database, other)).path)
        ]

    def existing(self) -> dict[str, str]:
        """Return the databases that have a file: name → engine."""
        found: dict[str, str] = {}
        folders = dict.fromkeys(filter(None, (self._folder, self._folder_of_all())))
        for engine, folder in product(ENGINES, folders):
            if suffix := SUFFIXES.get(engine):
                stems = (path.stem for path in folder.glob(f"*{suffix}") if is_whole(path))
                found |= {stem: engine for stem in stems if is_name(stem) and stem not in found}
        for name in self._urls:
            choice = self.choose(name)
            if is_whole(choice.place.path):
                found.setdefault(name, choice.engine)
        return found

    def _folder_of_all(self) -> Path | None:
        """Return the folder that the variable for all databases names, if it names one."""
        if self._url is None:
            return None
        place = self._from_url("x", self._url, ALL, one=False).place
        return place.path.parent if place.path is not None else None

    def folders(self) -> set[Path]:
        """Return the folders that databases with files may be in."""
        paths = (self.choose(name).place.path for name in self._urls)
        folders = {path.parent for path in paths if path is not None}
        return folders | set(filter(None, (self._folder, self._folder_of_all())))

    def _file(self, database: str, engine: str) -> Place:
        suffix = SUFFIXES.get(engine)
        if self._folder is None or not suffix:
            return Place(temporary=self._folder is None)
        return Place(self._folder / f"{database}{suffix}")

    def _from_url(self, database: str, text: str, source: str, *, one: bool) -> Choice:
        if text in ENGINES and SUFFIXES.get(text):
            return Choice(text, self._file(database, text), source)
        url = _parse(text, source)
        engine = url.get_backend_name()
        engine = _SCHEMES.get(engine, engine)
        if engine not in ENGINES:
            raise _url_error(source, f"names the engine {engine!r}, which modframe doesn't have")
        suffix = SUFFIXES.get(engine)
        if not suffix:
            return Choice(engine, Place(url=url, temporary=self._folder is None), source)
        if not url.database:
            return Choice(engine, self._file(database, engine), source)
        if self._folder is None:
            return Choice(engine, Place(temporary=True), source)
        path = Path(url.database)
        return Choice(engine, Place(path if one else path / f"{database}{suffix}"), source)


def _read_moved(file: Path) -> dict[str, str]:
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(facts, dict) or not set(facts.values()) <= set(ENGINES):
            raise ValueError("it names no engines")  # the same fault
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as exc:
        raise DatabaseOpenError(
            f"{file} can't be read: {exc}",
            cure='it says where databases were moved to, such as {"orders": "sqlite"}; mend it, '
            "or delete it so that each database is where its file is",
            database="",
            path=str(file),
        ) from exc
    return facts


@lru_cache(maxsize=32)
def _parse(text: str, source: str) -> URL:
    """Parse a URL; each session asks for its database's."""
    try:
        return make_url(text)
    except (ArgumentError, ValueError):
        raise _url_error(source, "is no URL of a database") from None


def _url_error(source: str, what: str) -> DatabaseURLError:
    """Make an error that doesn't repeat the URL, for it may hold a password."""
    return DatabaseURLError(
        f"{source} {what}",
        cure=f"give it one of: {', '.join(ENGINES)}; sqlite:///folder; "
        "postgresql://user:password@host/database",
        database="",
    )
