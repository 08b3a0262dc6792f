"""Module databases as a notebook uses them: sessions, SQL, and turns with a server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.kernels import Kernel, kernel

pytestmark = pytest.mark.kernel

IDLE = "0.1"
"""Seconds after which a file is given back: each turn waits for it."""
SHELF = """%%module shelf
from core.app_context import app_context
from core.database import get_database_base
from core.decorators import enforce_data_integrity
from fastapi import APIRouter
from modframe.decorators import module
from sqlalchemy import Column, Integer, String, select

DATABASE_NAME = "shelf"
Base = get_database_base(DATABASE_NAME)
router = APIRouter()


class Book(Base):
    __tablename__ = "books"
    id = Column(Integer, primary_key=True)
    name = Column(String(100), nullable=False)
    at = Column(Integer, default=0)


@router.get("/count")
async def count():
    return {"books": await app_context.get_service("shelf").count()}


@router.post("/books/{name}")
async def add(name: str):
    return {"id": await app_context.get_service("shelf").add(name)}


@enforce_data_integrity(strict_mode=True)
@module
class Shelf:
    async def add(self, name: str) -> int:
        async with app_context.database.integrity_session("shelf", "add") as session:
            book = Book(name=name)
            session.add(book)
            await session.commit()
            return book.id

    async def count(self) -> int:
        async with app_context.database.integrity_session("shelf", "count") as session:
            return len((await session.execute(select(Book))).all())

    async def forgets(self):
        async with app_context.database.integrity_session("shelf", "forgets") as session:
            session.add(Book(name="lost"))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture(scope="module")
def shelf(folder: Path) -> Iterator[Kernel]:
    with kernel(folder, MODFRAME_DATABASE_IDLE=IDLE) as shell:
        shell.run("%load_ext modframe")
        shell.run(SHELF)
        shell.run("shelf = app.get_service('shelf')")
        yield shell


def test_rows_are_kept_and_seen_by_sql(shelf: Kernel) -> None:
    """What a service commits, SQL sees: as rows, columns and a frame."""
    assert shelf.run("await shelf.add('Emma')").value == "1"
    shelf.run("rows = app.database.sql('SELECT id, name FROM shelf.books WHERE name = ?', 'Emma')")
    assert shelf.run("rows.rows, rows.columns").value == "([(1, 'Emma')], ('id', 'name'))"
    cell = shelf.run("%%sql\nSELECT name FROM shelf.books")
    assert "Emma" in cell.html
    assert "1 row in" in cell.html
    assert "text-align:right" in shelf.run("%%sql\nSELECT id FROM shelf.books").html
    shelf.run("%%sql kept <<\nSELECT count(*) AS n FROM shelf.books")
    assert shelf.run("kept.rows").value == "[(1,)]"


def test_names_complete(shelf: Kernel) -> None:
    """Tab offers databases, tables and columns, in a ``%%sql`` cell and in the text of a call."""
    for begun, rest in (
        ("%%sql\nSELECT name\nFROM sh|", "elf"),
        ("%%sql\nSELECT name\nFROM shelf.bo|", "oks"),
        ("%%sql\nSELECT na|\nFROM shelf.books", "me"),
        ("%%sql kept <<\nFROM shelf.books b WHERE b.na|", "me"),
        ("app.database.sql('FROM shelf.bo|')", "oks"),
        ("rows = app.database.sql('FROM shelf.books WHERE na|", "me"),
    ):
        assert shelf.complete(begun)[0] == begun.partition("|")[0] + rest, begun


def test_sql_only_reads(shelf: Kernel) -> None:
    """A statement that writes is refused, and says where writing belongs."""
    bad = shelf.run("app.database.sql('DELETE FROM shelf.books')", fails=True)
    assert bad.error == "QueryRefusedError"


def test_a_session_in_a_cell_crosses_over(shelf: Kernel) -> None:
    """``async with`` in a cell: add, flush, commit; an error rolls back."""
    shelf.run(
        "from modules.standard.shelf.api import Book\n"
        "async with app.database.integrity_session('shelf', 'from a cell') as session:\n"
        "    book = Book(name='Persuasion')\n    session.add(book)\n    await session.flush()\n"
        "    got = await session.get(Book, book.id)\n    await session.commit()\n"
    )
    assert shelf.run("got.name").value == "'Persuasion'"
    shelf.run(
        "async with app.database.integrity_session('shelf', 'fails') as session:\n"
        "    session.add(Book(name='Never'))\n    await session.flush()\n    1 / 0\n",
        fails=True,
    )
    assert (
        shelf.run("app.database.sql(\"FROM shelf.books WHERE name = 'Never'\").rows").value == "[]"
    )


def test_uncommitted_changes_are_an_error_under_strict_mode(shelf: Kernel) -> None:
    """Under strict mode a session left with changes raises and names database and purpose."""
    bad = shelf.run("await shelf.forgets()", fails=True)
    assert bad.error == "UncommittedChangesError"
    assert "'shelf'" in bad.traceback
    assert "forgets" in bad.traceback


def test_a_new_column_appears_with_the_swap(shelf: Kernel) -> None:
    """Adding a column to the model adds it to the table; the rows stay."""
    wider = SHELF.replace("    at = Column", "    author = Column(String)\n    at = Column")
    assert "live in" in shelf.run(wider).stdout
    assert shelf.run("app.database.sql('SELECT name, author FROM shelf.books').rows[0]").value == (
        "('Emma', None)"
    )


def test_a_failed_swap_takes_its_table_back(shelf: Kernel) -> None:
    """A table that a failed generation made, and nobody wrote to, is gone again."""
    bad = (
        SHELF.replace(
            "class Book(Base)",
            "class Extra(Base):\n    __tablename__ = 'extra'\n    id = Column(Integer, primary_key=True)\n\n\n"
            "class Book(Base)",
        )
        + "\n    async def initialize(self):\n        raise ValueError('not yet')\n"
    )
    shelf.run(bad, fails=True)
    tables = shelf.run(
        "app.database.sql(\"SELECT table_name FROM duckdb_tables() WHERE database_name = 'shelf'\").rows"
    )
    assert tables.value == "[('books',)]"
    shelf.run("%modframe drop shelf")


def test_a_notebook_and_a_server_take_turns(shelf: Kernel, folder: Path) -> None:
    """Idle, the kernel gives the file back; a server in another process writes; both see it all."""
    shelf.run("_ = app.modules['shelf'].export()")
    before = int(shelf.run("await shelf.count()").value)
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "modframe", "serve", "--port", "0"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": root, "MODFRAME_DATABASE_IDLE": IDLE},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        assert server.stdout is not None
        try:
            url = ""
            for line in server.stdout:
                if "http://" in line:
                    url = "http://" + line.partition("http://")[2].split()[0].rstrip("/.,")
                    break
            assert url, "the server ended"
            for number in range(3):
                answer = httpx.post(f"{url}/api/v1/shelf/books/by-server-{number}", timeout=30)
                assert answer.status_code == 200, answer.text
                shelf.run(f"await shelf.add('by-kernel-{number}')")
            assert int(shelf.run("await shelf.count()").value) == before + 6
            assert httpx.get(f"{url}/api/v1/shelf/count", timeout=30).json() == {
                "books": before + 6
            }
        finally:
            server.terminate()
            output = server.stdout.read()
        assert server.wait(timeout=30) == 0, output


def test_a_forgotten_commit_is_said_under_the_cell(shelf: Kernel) -> None:
    """What a cell's session leaves uncommitted is rolled back, and the cell says so."""
    cell = shelf.run(
        "from sqlalchemy import text\n"
        "async with app.database.integrity_session('shelf', 'forgetful') as session:\n"
        "    await session.execute(text(\"INSERT INTO books (name) VALUES ('gone')\"))\n"
    )
    assert "session 'forgetful' on database 'shelf' ended with uncommitted changes" in cell.stderr


def test_a_misspelt_database_makes_no_file(shelf: Kernel, folder: Path) -> None:
    """A name that nobody declares is an error with the nearest one."""
    bad = shelf.run("app.database.integrity_session('shelff', 'x')", fails=True)
    assert bad.error == "DatabaseNameError"
    assert "Did you mean 'shelf'?" in bad.traceback
    assert not (folder / "data" / "databases" / "shelff.duckdb").exists()
