"""Which engine keeps a module's database: its file, the environment, what is there already."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import DatabaseNameError, LoadError
from modframe.finding import Finding
from modframe.parts.database.databases import Databases
from tests.parts.database.support import held_by_another

MODULE = """
    from modframe.database import get_database_base
    from modframe.decorators import module
    from sqlalchemy import ARRAY, Column, Integer, Numeric, String, func, select
    from core.app_context import app_context

    DATABASE_NAME = "{name}"
    {declared}
    Base = get_database_base(DATABASE_NAME)


    class Row(Base):
        __tablename__ = "rows"
        id = Column(Integer, primary_key=True)
        {extra}


    @module
    class {title}:
        async def add(self):
            async with app_context.database.integrity_session(DATABASE_NAME, "add") as session:
                session.add(Row())
                await session.commit()
                return await session.scalar(select(func.count()).select_from(Row))
"""

Start = Callable[[], AbstractContextManager[AppContext]]


def module(name: str = "orders", engine: str = "", extra: str = "") -> dict[str, str]:
    """Return a module with one table, in a database of its own name."""
    declared = f"DATABASE_ENGINE = {engine!r}" if engine else ""
    filled = dedent(MODULE).format(name=name, title=name.title(), declared=declared, extra=extra)
    return {"api.py": filled}


@pytest.fixture
def start(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start an app in the workspace, whose data stay."""
    monkeypatch.delenv("MODFRAME_DATABASE_URL", raising=False)

    @contextmanager
    def started() -> Iterator[AppContext]:
        with modframe.start(workspace=workspace, data=workspace / "data", modules=[]) as app:
            yield app

    return started


@pytest.fixture
def files(workspace: Path) -> Callable[[], list[str]]:
    """Return the names of the databases' files, once all are closed."""

    def names() -> list[str]:
        folder = workspace / "data" / "databases"
        return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")

    return names


def engine_findings(app: AppContext, name: str = "orders") -> list[Finding]:
    """Return what a live module's findings say about its engine."""
    return [one for one in app.modules[name].findings if one.rule == "database-engine"]


def test_the_file_says_sqlite(start: Start, files: Callable[[], list[str]]) -> None:
    """`DATABASE_ENGINE` makes a SQLite file, and the rows are there after a new start."""
    for expected in (1, 2):
        with start() as app:
            app.load(module(engine="sqlite"), id="orders")
            assert app.get_service("orders").add().result() == expected
            assert engine_findings(app) == []
        assert files() == ["orders.sqlite"]


def test_the_environment_says_sqlite_for_all(
    start: Start, files: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`MODFRAME_DATABASE_URL=sqlite` keeps all databases beside where DuckDB's would be."""
    monkeypatch.setenv("MODFRAME_DATABASE_URL", "sqlite")
    with start() as app:
        app.load([("orders", module()), ("depot", module("depot"))])
        assert app.get_service("orders").add().result() == 1
        assert app.get_service("depot").add().result() == 1
        assert engine_findings(app) == []
    assert files() == ["depot.sqlite", "orders.sqlite"]


def test_the_environment_names_a_folder_and_a_file(
    start: Start, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URL is a folder for all, and a file for one; the one wins."""
    monkeypatch.setenv("MODFRAME_DATABASE_URL", f"sqlite:///{workspace}/elsewhere")
    monkeypatch.setenv("MODFRAME_DATABASE_URL_ORDERS", f"sqlite:///{workspace}/one/file.db")
    with start() as app:
        app.load([("orders", module()), ("depot", module("depot"))])
        for name in ("orders", "depot"):
            assert app.get_service(name).add().result() == 1
    found = sorted(str(path.relative_to(workspace)) for path in workspace.glob("[eo]*/*"))
    assert found == ["elsewhere/depot.sqlite", "one/file.db"]


@pytest.mark.parametrize("name", ["MODFRAME_DATABASE_URL", "MODFRAME_DATABASE_URL_ORDERS"])
def test_databases_in_a_folder_that_the_environment_names_are_found(
    start: Start, workspace: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """SQL and backups have them also while no session holds their files."""
    place = "elsewhere" if name.endswith("URL") else "elsewhere/orders.sqlite"
    monkeypatch.setenv(name, f"sqlite:///{workspace / place}")
    with start() as app:
        app.load(module(), id="orders")
        app.get_service("orders").add().result()
    with start() as app:
        assert app.database.sql("SELECT id FROM orders.rows").rows == [(1,)]
        (saved,) = app.database.backup(workspace / "backup").databases
        assert saved.tables["rows"] == 1


def test_the_environment_wins_and_says_so(
    start: Start, files: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that declares another engine gets a finding with both, live and in a check."""
    monkeypatch.setenv("MODFRAME_DATABASE_URL_ORDERS", "duckdb")
    with start() as app:
        app.load(module(engine="sqlite"), id="orders")
        (finding,) = engine_findings(app)
        assert (finding.level, finding.file) == ("warning", "api.py")
        assert finding.message == (
            "the file says DATABASE_ENGINE = 'sqlite', and MODFRAME_DATABASE_URL_ORDERS says "
            "'duckdb', which wins"
        )
        assert "unset MODFRAME_DATABASE_URL_ORDERS" in finding.cure
        assert finding in app.check("orders")
    assert files() == ["orders.duckdb"]


def test_rows_of_another_engine_are_said(start: Start) -> None:
    """A database that changes its engine begins empty; its old rows are named, if there are any."""
    with start() as app:
        app.load([("orders", module()), ("depot", module("depot"))])
        app.get_service("orders").add().result()
    with start() as app:
        app.load([("orders", module(engine="sqlite")), ("depot", module("depot", "sqlite"))])
        assert app.get_service("orders").add().result() == 1
        (finding,) = engine_findings(app)
        assert "is kept by sqlite (DATABASE_ENGINE), and the rows in" in finding.message
        assert "orders.duckdb are not in use" in finding.message
        assert 'app.database.move("orders", to="sqlite")' in finding.cure
        assert engine_findings(app, "depot") == []


def notes(app: AppContext, name: str) -> list[Finding]:
    """Return what is to be known of a module's databases."""
    return [each for each in app.modules[name].findings if each.rule == "database-note"]


def test_two_modules_with_two_engines_for_one_database(start: Start, monkeypatch: Any) -> None:
    """Each has rows of its own, so both are named, and which of them a person's verbs take."""
    monkeypatch.setenv("MODFRAME_DATABASE_IDLE", "600")
    with start() as app:
        app.load(module(engine="duckdb"), id="orders")
        app.load(module(engine="sqlite"), id="depot")
        (finding,) = notes(app, "depot")
        assert (finding.level, finding.file) == ("warning", "api.py")
        assert finding.message == (
            "database 'orders' is kept by sqlite for standard.depot and by duckdb for "
            "standard.orders, so that each has rows of its own; app.database.sql() and "
            "app.database.backup() take those of the module that was loaded last, now sqlite"
        )
        assert "the same DATABASE_ENGINE" in finding.cure
        assert app.get_service("depot").add().result() == 1
        assert app.get_service("orders").add().result() == 1
        assert app.get_service("orders").add().result() == 2
        assert app.database.sql("SELECT count(*) FROM orders.rows").rows == [(1,)]
        assert app.get_service("orders").add().result() == 3
        app.load(module(engine="duckdb", extra="more = Column(String)"), id="orders")
        (finding,) = notes(app, "orders")
        assert "by duckdb for standard.orders and by sqlite for standard.depot" in finding.message
        assert finding.message.endswith("now duckdb")
        app.load(module(engine="duckdb"), id="depot")
        assert notes(app, "depot") == []


def test_rows_are_those_of_the_engine_that_a_swap_chose(start: Start, monkeypatch: Any) -> None:
    """A query doesn't wait until the file of the old one is given back; sessions of it end first."""
    monkeypatch.setenv("MODFRAME_DATABASE_IDLE", "600")
    with start() as app:
        app.load(module(engine="duckdb"), id="orders")
        assert app.get_service("orders").add().result() == 1
        app.load(module(engine="sqlite"), id="orders")
        assert notes(app, "orders") == []
        assert app.database.sql("SELECT count(*) FROM orders.rows").rows == [(0,)]
        app.load(module(engine="duckdb"), id="orders")
        assert app.database.sql("SELECT count(*) FROM orders.rows").rows == [(1,)]


def test_a_database_in_memory_is_not_closed_for_a_query(app: AppContext) -> None:
    """Its rows would be lost, so that of another engine can't be read."""
    app.load(module(engine="duckdb"), id="orders")
    assert app.get_service("orders").add().result() == 1
    app.load(module(engine="sqlite"), id="depot")
    with pytest.raises(DatabaseNameError, match="DuckDB has a database of that name in memory"):
        app.database.sql("SELECT count(*) FROM orders.rows")
    assert app.get_service("orders").add().result() == 2


def test_two_modules_that_share_an_engine_share_rows(start: Start, monkeypatch: Any) -> None:
    """Whoever says so: then there is nothing to say but that the environment wins."""
    monkeypatch.setenv("MODFRAME_DATABASE_URL", "sqlite")
    with start() as app:
        app.load(module(engine="duckdb"), id="orders")
        app.load(module(), id="depot")
        assert engine_findings(app, "depot") == notes(app, "depot") == []


def test_rows_of_the_live_engine_are_said_when_another_one_is_declared(start: Start) -> None:
    """Each time: also where the file was without rows when it was looked at before."""
    with start() as app:
        for engine, left in (("duckdb", 0), ("sqlite", 1), ("duckdb", 1), ("sqlite", 1)):
            app.load(module(engine=engine), id="orders")
            assert len(engine_findings(app)) == left
            app.get_service("orders").add().result()


def test_a_database_of_another_module_is_not_left_behind(start: Start) -> None:
    """Two modules may keep one name on two engines; neither disturbs the other."""
    with start() as app:
        app.load(module(engine="duckdb"), id="theirs")
        assert app.get_service("theirs").add().result() == 1
        app.load(module(engine="sqlite"), id="own")
        assert app.get_service("own").add().result() == 1
        assert engine_findings(app, "own") == []
        assert app.get_service("theirs").add().result() == 2


async def test_a_file_that_another_process_holds_counts_as_one_with_rows(folder: Path) -> None:
    """It can't be looked into, and silence could hide rows."""
    with held_by_another(folder / "shop.duckdb"):
        async with Databases(folder, lock_wait=0.05) as databases:
            (left,) = await databases.left_behind("shop", "sqlite")
            assert left.engine == "duckdb"


def test_without_a_word_the_file_that_is_there_decides(
    start: Start, files: Callable[[], list[str]]
) -> None:
    """A database that SQLite keeps goes on in it when no engine is named any more."""
    with start() as app:
        app.load(module(engine="sqlite"), id="orders")
        assert app.get_service("orders").add().result() == 1
    with start() as app:
        app.load(module(), id="orders")
        assert app.get_service("orders").add().result() == 2
    assert files() == ["orders.sqlite"]


def test_an_app_that_keeps_nothing_keeps_it_for_as_long_as_it_runs(
    app: AppContext, workspace: Path
) -> None:
    """`data=":memory:"` works on SQLite, over a swap too, and no file is made in the workspace."""
    app.load(module(engine="sqlite"), id="orders")
    assert app.get_service("orders").add().result() == 1
    app.load(module(engine="sqlite", extra="name = Column(String)"), id="depot")
    assert app.get_service("orders").add().result() == 2
    assert not list(workspace.rglob("*.sqlite*"))


def test_what_the_engine_cant_do_is_refused_at_load_and_by_check(
    start: Start, workspace: Path
) -> None:
    """Arrays on SQLite are refused with what to use instead, and nothing is made."""
    said = r"rows\.tags: SQLite has no arrays: use JSON, or a table of its own"
    arrays = "tags = Column(ARRAY(String))"
    with start() as app:
        with pytest.raises(LoadError, match=said):
            app.load(module(engine="sqlite", extra=arrays), id="orders")
        app.load(module(extra=arrays), id="orders")
    folder = workspace / "modules" / "standard" / "orders"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(module(engine="sqlite", extra=arrays)["api.py"])
    with start() as app:
        assert any(re.search(said, finding.message) for finding in app.check("orders"))


def test_what_the_engine_does_in_its_own_way_is_noted(app: AppContext) -> None:
    """A number without precision loses digits on DuckDB, which a load and a check say."""
    app.load(module(extra="price = Column(Numeric)"), id="orders")
    for findings in (app.modules["orders"].findings, app.check("orders")):
        (note,) = [one for one in findings if one.rule == "database-note"]
        assert "write Numeric(precision, scale)" in note.message
