"""Where the revisions of a module's databases are, and what the table is that records them.

Revisions of the module's main database lie in ``migrations/versions/`` in the module's folder;
those of each further one in a folder there that has the database's name. Called by whatever reads
revisions; nothing is read here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ....names import DEFAULT_TYPE, folder_of
from ....source import Source
from ....source.folder import REVISIONS
from ..discover import DatabaseSpec

VERSIONS = (REVISIONS, "versions")
MODELS = "db_models.py"
"""The file that declares a module's main database, where it declares one."""
_LONGEST = 63
"""Characters that PostgreSQL keeps of a name."""


def home_of(source: Source, modules: Path) -> Path:
    """Return a module's folder: the one it was read from, else its place below ``modules``."""
    if source.origin == "folder":
        return Path(source.place)
    return folder_of(modules, source.module_id)


def revisions_folders(home: Path, specs: Sequence[DatabaseSpec]) -> dict[str, Path]:
    """Return database → the folder of its revisions, for the databases of one module."""
    versions = home.joinpath(*VERSIONS)
    ordered = sorted(specs, key=lambda spec: spec.file != MODELS)
    return {
        spec.name: versions if number == 0 else versions / spec.name
        for number, spec in enumerate(ordered)
    }


def has_revisions(home: Path) -> bool:
    """Return whether a module's folder has a revision, of any of its databases."""
    versions = home.joinpath(*VERSIONS)
    return versions.is_dir() and any(map(is_revision, versions.rglob("*.py")))


def revision_files(folder: Path) -> list[Path]:
    """Return the revision files in a folder, by name."""
    return sorted(filter(is_revision, folder.glob("*.py"))) if folder.is_dir() else []


def revised(home: Path, specs: Sequence[DatabaseSpec]) -> set[str]:
    """Return the databases of one module that have revisions."""
    folders = revisions_folders(home, specs)
    return {name for name, folder in folders.items() if revision_files(folder)}


def is_revision(path: Path) -> bool:
    """Return whether a Python file among the revisions is one: not hidden, no ``__init__.py``."""
    return not path.name.startswith((".", "__"))


def version_table(module_id: str) -> str:
    """Return the table that records a module's revision, in the database that it is of.

    >>> version_table("standard.orders"), version_table("extensions.orders")
    ('modframe_version_orders', 'modframe_version_extensions__orders')
    """
    kind, _, name = module_id.partition(".")
    table = f"modframe_version_{name if kind == DEFAULT_TYPE else f'{kind}__{name}'}"
    if len(table) <= _LONGEST:
        return table
    mark = hashlib.sha256(module_id.encode()).hexdigest()[:8]
    return f"{table[: _LONGEST - 9]}_{mark}"
