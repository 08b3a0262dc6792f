"""Keeps databases at a module's last revision, where nothing else may change them.

In come the module's databases and its folder; what was run goes to the log. The database part calls
it under ``modframe serve``: `follow_revisions` before the module's first phase, `refuse_lacking`
in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from ....observe import get_framework_logger
from ..databases import Databases
from ..discover import DatabaseSpec
from ..schema.steps import compare
from .errors import RevisionMissingError
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


async def refuse_lacking(databases: Databases, spec: DatabaseSpec, module_id: str) -> None:
    """Check that a database has all that adding would bring; it is not changed.

    Raises:
        RevisionMissingError: If it lacks something: no revision makes it.
    """
    database = databases.database(spec.name, spec.engine)
    database.backend.adapt(spec.metadata)
    async with database.use() as engine, engine.connect() as connection:
        steps = await connection.run_sync(compare, spec.metadata, database.backend.alterations)
    lacking = tuple(step.name for step in steps if step.adds or step.needed)
    if lacking:
        raise RevisionMissingError(
            f"{module_id} has revisions, so that nothing else changes database {spec.name!r} here, "
            f"and none of them does what its models need: {', '.join(lacking)}",
            cure=f"run 'modframe db revision {module_id} -m \"...\"', look at the file, and start "
            "again",
            database=spec.name,
            module_id=module_id,
            differences=lacking,
        )
