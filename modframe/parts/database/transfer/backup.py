"""`back_up` and `restore`: all databases into a folder, and back; called by `Databases`.

Files are written beside their place and renamed, so that a killed process leaves the old or the new
one. Modules stay live: their sessions wait while a file is exchanged.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Table, delete, func, select
from sqlalchemy import table as selectable

from ..backend import Backend, Place
from ..database import Database
from ..errors import DatabaseBackupError
from ..file import sync
from ..waiting import finish
from .copying import copy_rows
from .manifest import Backup, Saved, note, read, write

Models = Callable[[str], Sequence[Table]]
"""Database → the tables of live modules' models, those that others refer to first."""


async def back_up(databases: Iterable[Database], folder: Path) -> Backup:
    """Write each database as a file into a new folder, while sessions go on.

    Raises:
        DatabaseBackupError: If there is such a folder, or an engine has no files.
    """
    made = datetime.now(UTC).isoformat(timespec="seconds")
    folder, unfinished = await asyncio.to_thread(_new_folder, folder)
    try:
        saved = [await _save(database, unfinished) for database in databases]
        backup = Backup(folder, made, tuple(saved))
        await asyncio.to_thread(write, backup, unfinished)
        await asyncio.to_thread(_finish, unfinished, folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return backup


def _new_folder(folder: Path) -> tuple[Path, Path]:
    """Return where a backup goes, and the folder beside it in which it is made."""
    folder = folder.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DatabaseBackupError(
            f"there is something at {str(folder)!r} already",
            cure="give the backup a folder of its own",
            database="",
            path=str(folder),
        )
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    return folder, unfinished


def _finish(unfinished: Path, folder: Path) -> None:
    for file in unfinished.iterdir():
        sync(file)
    if folder.is_dir():
        folder.rmdir()
    unfinished.rename(folder)
    sync(folder.parent)


async def _save(database: Database, folder: Path) -> Saved:
    backend = database.backend
    file = folder / f"{database.name}{backend.suffix}"
    async with database.use() as engine:
        tables = await backend.save(database.name, engine, file)
    return await asyncio.to_thread(
        lambda: note(
            database.name, file, written_by=backend.name, engine=backend.name, tables=tables
        )
    )


# -- and back --------------------------------------------------------------------------------


async def restore(
    folder: Path,
    find: Callable[[str], Database],
    *,
    models: Models,
    backend: Callable[[str], Backend],
    replace: bool,
    wait: float,
) -> Backup:
    """Put back each database of a backup: its file, or its rows where there is no file.

    Args:
        find: Name → the database as it is kept now.
        backend: Name → engine.
        replace: Whether rows that are there may be lost.
        wait: Seconds for open sessions to end.

    Raises:
        DatabaseBackupError: If the backup is damaged, or rows are there; nothing was changed.
        DatabaseBusyError: If sessions are open for longer than the wait.
    """
    backup = await asyncio.to_thread(read, folder)
    targets = [(saved, find(saved.database)) for saved in backup.databases]
    for saved, database in targets:
        await _refuse(saved, database, models=models, replace=replace)
    for saved, database in targets:
        file = backup.path / saved.file
        if database.path is not None and database.backend.name == saved.written_by:
            async with database.set_aside(wait):
                await finish(database.backend.put_back(file, database.path))
        else:
            kept = Database(
                f"{database.name}_restored", backend(saved.written_by), Place(file), idle=0
            )
            await _copy_back(kept, database, models(saved.database))
    return backup


async def _refuse(saved: Saved, database: Database, *, models: Models, replace: bool) -> None:
    """Refuse a restore that would lose rows, or that has no models to put rows back by."""
    by_file = database.path is not None and database.backend.name == saved.written_by
    if not by_file:
        known = {table.key for table in models(saved.database)}
        if unknown := sorted(name for name, n in saved.tables.items() if n and name not in known):
            raise _refused(saved, f"no live module has models of {', '.join(unknown)}",
                           cure="load the modules that have them first")  # fmt: skip
    if not replace and (rows := await _rows(database)):
        raise _refused(saved, f"it has rows: {rows}",
                       cure="restore(path, replace=True) replaces them")  # fmt: skip


async def _rows(database: Database) -> str:
    """Return the tables that have rows, with their numbers."""
    if database.path is not None and not database.attached and not database.path.exists():
        return ""
    counts = {}
    async with database.use() as engine, engine.connect() as connection:
        for name in await database.store.tables():
            counts[name] = await connection.scalar(
                select(func.count()).select_from(selectable(name))
            )
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count)


def _refused(saved: Saved, why: str, *, cure: str) -> DatabaseBackupError:
    return DatabaseBackupError(
        f"database {saved.database!r} is not restored: {why}; nothing was changed",
        cure=cure,
        database=saved.database,
        path="",
    )


async def _copy_back(kept: Database, database: Database, tables: Sequence[Table]) -> None:
    """Replace all rows in one transaction."""
    try:
        async with (
            kept.use() as theirs,
            database.use() as ours,
            theirs.connect() as rows,
            ours.begin() as connection,
        ):
            for table in reversed(tables):
                await connection.execute(delete(table))
            await copy_rows(rows, connection, tables, backend=database.backend)
    finally:
        await kept.aclose()
