"""`Backup`: what a backup's folder holds; read and checked before anything is restored.

``manifest.json`` is written last: a folder without one, or whose files are not as it says, is no
backup.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path

from ....files import write_new
from ..errors import DatabaseBackupError

MANIFEST = "manifest.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Saved:
    """One database in a backup.

    Attributes:
        file: Its file in the folder. ``written_by``: the engine that reads that file.
        engine: The engine that kept the database.
        tables: Table → how many rows.
        size: Of the file, in bytes. ``sha256``: its hash.
    """

    database: str
    file: str
    written_by: str
    engine: str
    tables: dict[str, int]
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup in a folder.

    Attributes:
        made: When it was begun, in UTC, as ISO text.
    """

    path: Path
    made: str
    databases: tuple[Saved, ...]

    def __repr__(self) -> str:
        rows = sum(sum(saved.tables.values()) for saved in self.databases)
        names = ", ".join(saved.database for saved in self.databases) or "no database"
        return f"<Backup {self.path} of {self.made}: {names}; {rows} rows>"


def note(
    database: str, file: Path, *, written_by: str, engine: str, tables: dict[str, int]
) -> Saved:
    """Return the entry of a file that was written."""
    size, digest = _measured(file)
    return Saved(database, file.name, written_by, engine, tables, size, digest)


def write(backup: Backup, folder: Path) -> None:
    """Write the manifest of a backup into a folder."""
    facts = {
        "format": FORMAT,
        "made": backup.made,
        "databases": list(map(asdict, backup.databases)),
    }
    write_new(folder / MANIFEST, f"{json.dumps(facts, indent=2)}\n".encode())


def read(folder: Path) -> Backup:
    """Read a backup, and check each of its files.

    Raises:
        DatabaseBackupError: If it is none, is not complete, or was changed since.
    """
    folder = folder.absolute()
    try:
        facts = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if facts["format"] != FORMAT:
            raise _damaged(folder, f"it has format {facts['format']!r}, and this reads {FORMAT}")
        backup = Backup(folder, facts["made"], tuple(Saved(**one) for one in facts["databases"]))
    except FileNotFoundError:
        raise _damaged(folder, f"it has no {MANIFEST}, so it is none or was not finished") from None
    except (ValueError, KeyError, TypeError, OSError) as exc:
        raise _damaged(folder, f"its {MANIFEST} can't be read: {exc}") from exc
    for saved in backup.databases:
        file = folder / saved.file
        if Path(saved.file).name != saved.file or not file.is_file():
            raise _damaged(folder, f"the file {saved.file!r} is missing")
        if _measured(file) != (saved.size, saved.sha256):
            raise _damaged(folder, f"the file {saved.file!r} is not as it was written")
    return backup


def _measured(file: Path) -> tuple[int, str]:
    with file.open("rb") as opened:
        return file.stat().st_size, file_digest(opened, "sha256").hexdigest()


def _damaged(folder: Path, why: str) -> DatabaseBackupError:
    return DatabaseBackupError(
        f"{str(folder)!r} is no backup that can be restored: {why}; nothing was changed",
        cure="take another backup",
        database="",
        path=str(folder),
    )
