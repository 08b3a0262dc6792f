"""`App`: what the rooms below the engine may ask of the app they belong to.

`Engine` implements it. Changes, module contexts and trials take it as an argument, so that none of
them imports the engine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

from ..config import FrameworkSettings
from ..masking import KnownSecrets
from ..observe import EventLog, Numbers
from ..source import Disabled, Source
from ..source.text_folders import TextFolders
from .calls.handle import Find
from .calls.handles import Handles
from .directory import Directory
from .generation import Generation
from .live import Live
from .loop.app_loop import AppLoop
from .loop.bounds import Limits
from .part import Parts
from .record import Records


class App(Protocol):
    """One running app, seen from below.

    Attributes:
        app_loop: The loop that module code runs on.
        config: The framework's settings.
        limits: How long the steps of a change may take.
        modules_folder: The workspace's ``modules/``.
        disabled: Which modules are kept out.
        text_folders: Where module code finds the text files of its source.
        parts: What each generation is made of, in the order they are entered.
        live: What runs. ``records``: what is known of each module beside it.
        directory: Finds modules, generations and services by name.
        handles: The service handles that people get.
        resources: The part that keeps what the generations of a module share.
        settings_changes: Changes preferences, and makes what is live follow them.
        events: The queues of the events that modules publish.
        jobs: The named tasks of modules.
        log: The events and the failures that were recorded.
        numbers: What is counted and measured.
        pools: The part that runs module functions in threads and child processes.
        secrets: The secrets of the settings of all modules.
    """

    app_loop: AppLoop
    config: FrameworkSettings
    limits: Limits
    modules_folder: Path
    disabled: Disabled
    text_folders: TextFolders
    parts: Parts
    live: Live
    records: Records
    directory: Directory
    handles: Handles
    log: EventLog
    numbers: Numbers
    resources: Any
    pools: Any
    settings_changes: Any
    events: Any
    jobs: Any
    secrets: KnownSecrets

    # -- for changes ----------------------------------------------------------------------

    def context_for(self, generation: Generation, find: Find) -> Any:
        """Make the ``app_context`` of a generation, which sees what ``find`` gives."""

    def printer_for(self, module_id: str) -> Callable[..., None]:
        """Make the ``print`` of a module."""

    def source_on_disk(self, module_id: str) -> Source | None:
        """Return the source of a module that is required and not live, if there is one."""

    def published(self, module_ids: Iterable[str]) -> None:
        """Tell everything that follows Live that it has changed."""

    def building(self, generation: Generation) -> None:
        """Tell what answers for a module that isn't live that it is being built."""

    # -- for module contexts --------------------------------------------------------------

    def insert(
        self,
        table: str,
        data: Any,
        session: AbstractAsyncContextManager[Any] | None = None,
        /,
    ) -> Awaitable[int]:
        """Insert rows in bulk into a table of a database, on the app loop; return how many."""

    def session(
        self, database: str, purpose: str, **options: Any
    ) -> AbstractAsyncContextManager[Any]:
        """Open a database session on the app loop."""

    def transaction(self, database: str, purpose: str, **options: Any) -> Any:
        """Make a database transaction, which runs on the app loop."""

    def snapshot(self) -> Any:
        """Return everything that runs, as frozen plain data."""

    def services(self, tag: str | None = None, text: str | None = None) -> Any:
        """Return the services with what their methods say, as frozen plain data."""

    # -- for trials -----------------------------------------------------------------------

    def asgi_over(self, live: Live) -> Any:
        """Return the ASGI application as it would be if other generations were live."""
