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
from tempfile import TemporaryDirectory

from sqlalchemy import MetaData, Table, delete, func, select
from sqlalchemy import table as selectable
from sqlalchemy.exc import DataError, IntegrityError

from ....files import close_to_others, make_folder, new_folder, sync
from ....wording import one_line
from ..backend import Backend, Place
from ..database import Database
from ..errors import DatabaseBackupError
from ..schema.create import create
from ..waiting import finish
from .copying import OWN, copy_rows, own_tables
from .manifest import Backup, Saved, note, read, write

Models = Callable[[str], Sequence[Table]]
"""Database → the tables of live modules' models, those that others refer to first."""


async def back_up(
    databases: Iterable[Database], folder: Path, *, models: Models, default: Backend
) -> Backup:
    """Write each database as a file into a new folder, while sessions go on.

    Args:
        default: The engine that writes the rows of those that a server keeps.

    Raises:
        DatabaseBackupError: If there is such a folder, or a server has tables without models.
    """
    made = datetime.now(UTC).isoformat(timespec="seconds")
    folder, unfinished = await asyncio.to_thread(_new_folder, folder)
    try:
        saved = [
            await _save(database, unfinished)
            if database.backend.suffix
            else await _save_rows(database, unfinished, models(database.name), by=default)
            for database in databases
        ]
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
    try:
        make_folder(unfinished.parent)
        new_folder(unfinished)
    except OSError as exc:
        raise DatabaseBackupError(
            f"the folder {str(folder)!r} can't be made: {exc.strerror}",
            cure="name one whose parent can be written",
            database="",
            path=str(folder),
        ) from exc
    return folder, unfinished


def _finish(unfinished: Path, folder: Path) -> None:
    for lock in unfinished.glob("*.lock"):
        lock.unlink()
    for file in unfinished.iterdir():
        close_to_others(file)
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


async def _save_rows(
    database: Database, folder: Path, tables: Sequence[Table], *, by: Backend
) -> Saved:
    """Copy all rows, as they are at one moment, into a file of another engine."""
    file = folder / f"{database.name}{by.suffix}"
    kept = Database(f"{database.name}_saved", by, Place(file), idle=0)
    async with database.use() as engine, engine.connect() as rows:
        names = {name for name in await database.store.tables() if not name.startswith(OWN)}
        if unknown := sorted(names - {table.name for table in tables}):
            raise DatabaseBackupError(
                f"database {database.name!r} is not saved: no live module has models of "
                f"{', '.join(unknown)}",
                cure="load the modules that have them first",
                database=database.name,
                path=str(folder),
            )
        tables = [*tables, *await rows.run_sync(own_tables)]
        await rows.rollback()
        metadata = MetaData()
        for table in tables:
            table.to_metadata(metadata)
        by.adapt(metadata)
        try:
            await create(kept, metadata)
            async with kept.use() as target, target.begin() as connection:
                counts = await copy_rows(rows, connection, tables, backend=by)
        finally:
            await kept.aclose()
    return await asyncio.to_thread(
        lambda: note(
            database.name, file, written_by=by.name, engine=database.backend.name, tables=counts
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
            await _copy_back(file, database, models(saved.database), by=backend(saved.written_by))
    return backup


async def _refuse(saved: Saved, database: Database, *, models: Models, replace: bool) -> None:
    """Refuse a restore that would lose rows, or that has no models to put rows back by."""
    by_file = database.path is not None and database.backend.name == saved.written_by
    if not by_file:
        known = {table.key for table in models(saved.database)}
        filled = {name for name, count in saved.tables.items() if count}
        if unknown := sorted(name for name in filled - known if not name.startswith(OWN)):
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


async def _copy_back(
    file: Path, database: Database, tables: Sequence[Table], *, by: Backend
) -> None:
    """Replace all rows in one transaction by those of a file, of which a copy is opened.

    Raises:
        DatabaseBackupError: If they don't fit the tables; all rows stay.
    """
    with TemporaryDirectory(prefix="modframe-") as folder:
        copy = Path(folder) / file.name
        await asyncio.to_thread(shutil.copyfile, file, copy)
        kept = Database(f"{database.name}_restored", by, Place(copy), idle=0)
        try:
            await _replace_rows(kept, database, tables)
        except (IntegrityError, DataError) as error:
            raise DatabaseBackupError(
                f"database {database.name!r} is not restored: the rows of the backup don't fit the "
                f"tables as they are now: {one_line(error.orig)}; its rows stay as they were",
                cure="let the columns that came since be empty, by nullable=True and migrate(), "
                "and restore again",
                database=database.name,
                path="",
            ) from error
        finally:
            await kept.aclose()


async def _replace_rows(kept: Database, database: Database, tables: Sequence[Table]) -> None:
    async with (
        kept.use() as theirs,
        database.use() as ours,
        theirs.connect() as rows,
        ours.begin() as connection,
    ):
        own = await rows.run_sync(own_tables)
        for table in own:
            await connection.run_sync(table.create, checkfirst=True)
        tables = [*tables, *own]
        for table in reversed(tables):
            await connection.execute(delete(table))
        await copy_rows(rows, connection, tables, backend=database.backend)
