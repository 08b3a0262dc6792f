"""Files that modules' sessions on DuckDB may read and write: those below folders of a setting."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import modframe
from modframe.config import FrameworkSettings
from modframe.parts.database.databases import Databases

MODULE = """
from core.app_context import app_context
from core.database import get_database_base
from modframe.decorators import module
from sqlalchemy import text

DATABASE_NAME = "files"
Base = get_database_base(DATABASE_NAME)


@module
class Files:
    async def execute(self, statement: str):
        async with app_context.database.integrity_session("files", "files") as session:
            rows = (await session.execute(text(statement))).all()
            await session.rollback()
            return [tuple(row) for row in rows]
"""


async def run(databases: Databases, statement: str) -> object:
    async with databases.session("shop", "files") as session:
        result = await session.execute(text(statement))
        await session.commit()
        return result


async def test_sessions_reach_the_folders_and_nothing_else(tmp_path: Path) -> None:
    """CSV, Parquet and COPY work below the folders; elsewhere, and for SET, they are refused."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    (outside / "rows.csv").write_text("a\n1\n")
    async with Databases(tmp_path / "data" / "databases", files=[inside]) as databases:
        await run(databases, f"COPY (SELECT 1 AS a) TO '{inside}/rows.parquet' (FORMAT parquet)")
        await run(databases, f"CREATE TABLE items AS FROM '{inside}/rows.parquet'")
        for statement in (
            f"COPY items TO '{outside}/out.csv'",
            f"SELECT * FROM read_csv('{outside}/rows.csv')",
            f"SELECT * FROM read_csv('{inside}/../outside/rows.csv')",
            f"SELECT * FROM read_csv('{inside}/link/rows.csv')",
            f"ATTACH '{outside}/other.duckdb'",
            "SET enable_external_access = true",
            "SET allowed_directories = ['/']",
            "RESET allowed_directories",
        ):
            with pytest.raises(DBAPIError):
                await run(databases, statement)
        assert [path.name for path in outside.iterdir()] == ["rows.csv"]


async def test_databases_go_on_with_folders_set(tmp_path: Path) -> None:
    """Checkpoints, giving back, and opening again are not shut out with other files."""
    async with Databases(tmp_path / "data" / "databases", files=[], idle=0.0) as databases:
        await run(databases, "CREATE TABLE items AS SELECT range AS a FROM range(100000)")
        await run(databases, "INSERT INTO items SELECT range FROM range(100000)")
        async with databases.session("shop", "checkpoint") as session:
            await session.execute(text("CHECKPOINT shop"))
            await session.rollback()
    async with Databases(tmp_path / "data" / "databases", files=[]) as databases:
        assert (await databases.sql("SELECT count(*) FROM shop.items")).rows == [(200000,)]


async def test_a_database_elsewhere_is_reached(tmp_path: Path) -> None:
    """A file that the environment names may be outside all of the folders."""
    place = tmp_path / "elsewhere" / "orders.duckdb"
    urls = {"shop": f"duckdb:///{place}"}
    async with Databases(tmp_path / "data" / "databases", files=[], urls=urls) as databases:
        await run(databases, "CREATE TABLE items (a INTEGER)")
        await run(databases, "CHECKPOINT shop")
    assert place.is_file()


def test_the_workspace_is_the_default(
    workspace: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A module reads a file of the workspace; one outside of it only if a setting names the folder."""
    outside = tmp_path_factory.mktemp("outside")
    (workspace / "in.csv").write_text("a\n1\n")
    (outside / "out.csv").write_text("a\n2\n")
    app = modframe.start()
    try:
        app.load({"api.py": MODULE}, id="files")
        files = app.get_service("files")
        assert app.run(files.execute("FROM 'in.csv'")) == [(1,)]
        with pytest.raises(DBAPIError):
            app.run(files.execute(f"FROM '{outside}/out.csv'"))
    finally:
        app.stop()


def test_the_setting_is_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are separated by commas; the default is the workspace."""
    assert FrameworkSettings().database_files == (".",)
    monkeypatch.setenv("MODFRAME_DATABASE_FILES", "., /data/shared")
    assert FrameworkSettings().database_files == (".", "/data/shared")
