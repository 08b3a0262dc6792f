"""The tab *Data*, its backups: `app.database.backup` and `restore`, in the workspace's folder.

A front end names a backup and no path, so that nothing outside of ``backups/`` is read or written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ..asks import Ask, Operation

FOLDER = "backups"
_UNFINISHED = ".unfinished"
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,80}$")]


def backups(ask: Ask) -> list[dict[str, str]]:
    """Return the backups in the workspace with when they were begun, the newest first."""
    found = [
        {"name": path.parent.name, "made": _made(path)}
        for path in (Path(ask.facts.workspace) / FOLDER).glob("*/manifest.json")
        if not path.parent.name.endswith(_UNFINISHED)
    ]
    return sorted(found, key=lambda backup: backup["made"], reverse=True)


def _made(manifest: Path) -> str:
    try:
        return str(json.loads(manifest.read_text(encoding="utf-8"))["made"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # `restorable` says what is wrong with it


def restorable(ask: Ask, name: Name) -> dict[str, Any]:
    """Return what a backup holds, once each of its files was checked."""
    from ...parts.database.transfer.manifest import read

    return _facts(read(_path(ask, name)))


def backup(ask: Ask, name: Name) -> dict[str, Any]:
    """Write all databases into a new backup."""
    return _facts(ask.app.database.backup(_path(ask, name)))


def restore(ask: Ask, name: Name, *, replace: bool = False) -> dict[str, Any]:
    """Put back the databases of a backup."""
    return _facts(ask.app.database.restore(_path(ask, name), replace=replace))


def _path(ask: Ask, name: str) -> Path:
    return Path(ask.facts.workspace) / FOLDER / name


def _facts(backup: Any) -> dict[str, Any]:
    return {
        "name": backup.path.name,
        "made": backup.made,
        "databases": [
            {
                "database": saved.database,
                "engine": saved.engine,
                "rows": sum(saved.tables.values()),
                "tables": len(saved.tables),
                "size": saved.size,
            }
            for saved in backup.databases
        ],
    }


OPERATIONS: Mapping[str, Operation] = {
    "backups": backups,
    "restorable": restorable,
    "backup": backup,
    "restore": restore,
}
