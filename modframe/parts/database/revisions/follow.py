"""Brings databases to a module's last revision, where nothing else may change them.

In come the module's databases and its folder; what was run goes to the log. The database part calls
it under ``modframe serve``, before the first phase.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from ....observe import get_framework_logger
from ..databases import Databases
from ..discover import DatabaseSpec
from .files import read_revisions
from .place import revision_files, revisions_folders
from .run import upgrade


async def follow_revisions(
    databases: Databases,
    specs: Sequence[DatabaseSpec],
    *,
    module_id: str,
    home: Path,
    wait: float,
) -> None:
    """Run the revisions of a module that were not run yet, of each of its databases.

    Args:
        databases: Where they are run.
        specs: The module's databases.
        home: The module's folder.
        wait: Seconds to wait for another process that runs revisions.

    Raises:
        RevisionError: If they can't be read or run; what one database had before stays so.
    """
    logger = get_framework_logger(module_id)
    folders = revisions_folders(home, specs)
    for spec in specs:
        folder = folders[spec.name]
        if not revision_files(folder):
            continue
        revisions = await asyncio.to_thread(
            read_revisions, module_id, spec.name, home=home, folder=folder
        )
        database = databases.database(spec.name, spec.engine)
        steps = await upgrade(database, revisions, wait=wait)
        if steps:
            names = ", ".join(map(str, steps))
            logger.info("database %r was upgraded by its revisions: %s", spec.name, names)
