"""`Instance`: the app's one DuckDB instance, on a thread of its own; owned by `Databases`.

Module databases are attached to it, one catalog each. DuckDB is opened with the first job.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import duckdb

from ..errors import DatabaseClosedError
from ..names import literal
from .foreign import ForeignTables
from .worker import DatabaseWorker

T = TypeVar("T")

_instances: weakref.WeakSet[Instance] = weakref.WeakSet()


def _never_close() -> None:
    """In a forked child, keep the parent's instances open: closing one would wait for threads that
    the child doesn't have, and write into the parent's file."""
    for instance in list(_instances):
        instance.immortalize()


os.register_at_fork(after_in_child=_never_close)


class Instance:
    """DuckDB, opened with the first job; by default it may use 80 % of the machine's memory.

    It reads and writes files below the folders ``files`` alone, for modules' sessions too, and no
    statement can change that. What doesn't fit into memory goes to ``spill``, which DuckDB makes
    then, if the folder above is there, else to a folder of its own.
    """

    def __init__(
        self,
        *,
        memory_limit: str | None,
        threads: int | None,
        files: tuple[Path, ...] | None = None,
        spill: Path | None = None,
    ) -> None:
        self._files = files
        self._spill = spill
        self._own_folder: TemporaryDirectory[str] | None = None
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "python_enable_replacements": False  # else SQL reads variables of modframe's own
        }
        if memory_limit is not None:
            self._config["memory_limit"] = memory_limit
        if threads is not None:
            self._config["threads"] = threads
        self.foreign = ForeignTables()
        self._worker = DatabaseWorker("instance")
        self._root: duckdb.DuckDBPyConnection | None = None
        _instances.add(self)

    @property
    def root(self) -> duckdb.DuckDBPyConnection:
        """The connection that attaches files, and that cursors for other threads are made of."""
        if self._root is None:
            raise DatabaseClosedError("DuckDB isn't open", cure="start the app", database="")
        return self._root

    async def run(self, work: Callable[[], T], *, interrupt: Callable[[], None] | None = None) -> T:
        """Run a job on the instance's thread, opening DuckDB first if it isn't open."""

        def job() -> T:
            if self._root is None:
                self._root = self._open()
            return work()

        return await self._worker.run(job, interrupt=interrupt)

    def _open(self) -> duckdb.DuckDBPyConnection:
        root = duckdb.connect(":memory:", config=self._config)
        # At Python's prompt, and in other processes without a main file, DuckDB would draw a bar
        # into the output while a file takes long to open or to close; cursors never draw one.
        root.execute("SET enable_progress_bar = false")
        root.execute(f"SET temp_directory = {literal(str(self._spill_folder()))}")
        if self._files is not None:
            # The folders first: they can't be named any more once access is taken away. They are
            # folders and not files, since a checkpoint makes files beside the database's own.
            folders = ", ".join(literal(str(folder.resolve())) for folder in self._files)
            root.execute(f"SET allowed_directories = [{folders}]")
            root.execute("SET enable_external_access = false")
        return root

    def _spill_folder(self) -> Path:
        if self._spill is not None and self._spill.parent.is_dir():
            return self._spill
        self._own_folder = TemporaryDirectory(prefix="modframe-sql-", ignore_cleanup_errors=True)
        return Path(self._own_folder.name) / ".spill"

    async def aclose(self) -> None:
        """Close DuckDB and end the thread."""
        root = self._root
        if root is not None:
            await self._worker.run(root.close)
            self._root = None
        if self._own_folder is not None:
            self._own_folder.cleanup()
        self._worker.close()

    def immortalize(self) -> None:
        """Keep DuckDB's destructor from running in this process."""
        if self._root is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._root))
