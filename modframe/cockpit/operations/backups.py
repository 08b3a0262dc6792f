"""The tab *Data*, its backups: `app.database.backup` and `restore`, in the workspace's folder.

A front end names a backup and no path, so that nothing outside of ``backups/`` is read or written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ...wording import size
from .. import blocks as ui
from ..asks import Ask, Operation

FOLDER = "backups"
_UNFINISHED = ".unfinished"
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,80}$")]


def backups(ask: Ask, *, backup: str = "") -> ui.View:
    """Show the backups in the workspace, the newest first; ``backup`` is the name of the next."""
    new = backup or f"{datetime.now(UTC):%Y-%m-%d-%H-%M}"
    call = ui.Call("backup", {"backup": new})
    make = ui.Button("Back up all databases", call=call, style="primary", chosen=True)
    field = ui.Field("backup", "Name", new, title="Name", style="mono")
    found = [
        (path.parent.name, _made(path))
        for path in (Path(ask.facts.workspace) / FOLDER).glob("*/manifest.json")
        if not path.parent.name.endswith(_UNFINISHED)
    ]
    rows = sorted(found, key=lambda row: row[1], reverse=True)
    table = ui.Table(
        "Backups", (("backup", "mono"), "made"), rows, [_restore(row[0]) for row in rows]
    )
    none = ui.Empty("No backups yet", "Modules go on while one is written.")
    return ui.View([ui.Row((field, make)), table if rows else none])


def _restore(name: str) -> ui.Button:
    call, plan = ui.Call("restore", {"name": name}), ui.Call("restorable", {"name": name})
    return ui.Button("Restore", "restore", call, plan, title=f"Restore {name}", danger=True)


def _made(manifest: Path) -> str:
    try:
        return str(json.loads(manifest.read_text(encoding="utf-8"))["made"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # `restorable` says what is wrong with it


def restorable(ask: Ask, name: Name, *, replace: bool = False) -> ui.View:
    """Show what a backup holds, once each of its files was checked."""
    from ...parts.database.transfer.manifest import read

    sure = ui.Check("replace", "The rows that are there now may be lost", replace)
    return ui.View([_held(read(_path(ask, name))), sure])


def backup(ask: Ask, backup: Name) -> ui.View:
    """Write all databases into a new backup of that name."""
    made = ask.app.database.backup(_path(ask, backup))
    return ui.View([ui.Note(f"{FOLDER}/{made.path.name} was written.", "good")])


def restore(ask: Ask, name: Name, *, replace: bool = False) -> ui.View:
    """Put back the databases of a backup."""
    restored = ask.app.database.restore(_path(ask, name), replace=replace)
    said = ui.Note("The databases are as they were then.", "good")
    return ui.View([said, _held(restored)])


def _path(ask: Ask, name: str) -> Path:
    return Path(ask.facts.workspace) / FOLDER / name


def _held(backup: Any) -> ui.Table:
    rows = [
        (one.database, one.engine, len(one.tables), sum(one.tables.values()), size(one.size))
        for one in backup.databases
    ]
    columns = (("database", "mono"), "engine", "tables", "rows", "size")
    return ui.Table("What it holds", columns, rows)


OPERATIONS: Mapping[str, Operation] = {
    "backups": backups,
    "restorable": restorable,
    "backup": backup,
    "restore": restore,
}
