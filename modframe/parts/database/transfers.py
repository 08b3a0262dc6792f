"""`Transfers`: rows in and out of the databases of an app, for what its live modules declare.

Comes in: the verbs of `AppDatabase` and of modules, on the app loop. Goes out: what `transfer`
does, given the models of the live generations. Made by the engine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...wording import near
from .lazy import LazyDatabases

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncSession

    from .discover import DatabaseSpec
    from .transfer.manifest import Backup
    from .transfer.moving import Moved


class Transfers:
    """Bulk inserts, backups and moves; ``databases`` are the app's."""

    def __init__(self, databases: LazyDatabases) -> None:
        self._databases = databases

    async def insert(
        self,
        table: str,
        data: Any,
        session: AbstractAsyncContextManager[AsyncSession] | None = None,
    ) -> int:
        """Insert rows in bulk into ``<database>.<table>``, in one transaction; return how many.

        ``session`` is that of the caller; by default, one of these databases.

        Raises:
            DatabaseNameError: If no live module has a model of that table.
            DatabaseRowsError: If a column or value doesn't fit the model; nothing was written.
        """
        from .transfer.inserting import insert_rows

        spec, model = self._model_of(table)
        purpose = f"insert into {table}"
        async with session or self._databases.session_here(
            spec.name, purpose, engine=spec.engine
        ) as opened:
            backend = self._databases.here.get().database(spec.name, spec.engine).backend
            count = await insert_rows(opened, model, data, backend=backend)
            await opened.commit()
        return count

    async def back_up(self, folder: Path) -> Backup:
        """Write all databases into a new folder, while sessions go on."""
        return await self._databases.get().back_up(folder)

    async def restore(self, folder: Path, *, replace: bool) -> Backup:
        """Put back the databases of a backup; what live models have besides is added to them."""
        backup = await self._databases.get().restore(folder, replace=replace)
        restored = {saved.database for saved in backup.databases}
        for _, spec in self._databases.declared():
            if spec.name in restored:
                await self._databases.get().apply(spec.name, spec.metadata, engine=spec.engine)
        return backup

    async def move(
        self, database: str, to: str, reload: Callable[[list[str]], Awaitable[Any]]
    ) -> Moved:
        """Move a database to another engine, and load the modules that have its models again.

        Args:
            to: The engine, or the URL of a server.
            reload: Loads modules again by their ids, in one change.
        """
        declared = list(self._databases.declared_of(database))
        if not declared:
            raise self._databases.unknown(database)
        known = [name for _, spec in declared for name in spec.metadata.tables]
        databases = self._databases.get()
        move = await databases.begin_move(database, to, known=known)
        try:
            await reload([module_id for module_id, _ in declared])
        except BaseException:
            await databases.end_move(move, done=False)
            raise
        return await databases.end_move(move, done=True)

    def _model_of(self, table: str) -> tuple[DatabaseSpec, Table]:
        """Return the table of a live module's models by its name, ``<database>.<table>``.

        Raises:
            DatabaseNameError: If there is none.
        """
        known = {
            f"{spec.name}.{name}": (spec, model)
            for _, spec in self._databases.declared()
            for name, model in spec.metadata.tables.items()
        }
        if (found := known.get(table)) is None:
            from .errors import DatabaseNameError

            raise DatabaseNameError(
                f"no live module has a model of table {table!r}",
                cure=near(table, known).rstrip() or "name it <database>.<table>",
                database=table.partition(".")[0],
            )
        return found
