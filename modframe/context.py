"""`ModuleContext`: what a module reaches the framework through, bound to one generation of it.

It leads to the module's own generation for its own names and to Live for all others, so an answer
is wholly old or wholly new. Nothing on it loads, serves or stops.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import (
    AbstractAsyncContextManager,
    _AsyncGeneratorContextManager,
    _GeneratorContextManager,
)
from functools import cached_property
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from .arguments import TIMES, check_session
from .errors import NotRunningError, TaskError
from .observe import RecordedErrors, get_framework_logger
from .parts.database.part import declared_engine
from .parts.jobs import Task
from .parts.pools import PoolTasks
from .parts.sessions import SessionsPart
from .parts.settings import SettingsPart
from .runtime.app import App
from .runtime.calls.handle import Find
from .runtime.generation import Generation
from .spec import module_id_of
from .tasks import MAX_RESTARTS, Overlap, Restart, current_run, read_task

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel
    from sqlalchemy.ext.asyncio import AsyncSession

    from .parts.database.sessions.transaction import Transaction
    from .parts.events import ModuleEvents
    from .parts.settings import ModuleSettings, SettingsChanges
    from .runtime.calls.handles import Handles

T = TypeVar("T")
P = ParamSpec("P")


class ModuleContext:
    """The ``app_context`` of one generation of a module.

    Attributes:
        config: The framework's settings, read-only.
    """

    def __init__(self, generation: Generation, find: Find, app: App) -> None:
        self._generation = generation
        self._app = app
        self.module_id = generation.module_id
        self.config = app.config
        self._find = find

    # Made when they are first asked for: many modules use none of them.

    @cached_property
    def database(self) -> ModuleDatabase:
        """Sessions on the module databases."""
        return ModuleDatabase(self._generation, self._app)

    @cached_property
    def tasks(self) -> ModuleTasks:
        """Runs functions as named tasks, in threads and in child processes."""
        return ModuleTasks(self._generation, self._app)

    @cached_property
    def events(self) -> ModuleEvents:
        """Publishes events to the methods of all modules that are subscribed to them."""
        from .parts.events import ModuleEvents

        return ModuleEvents(self._app.events, self._app.app_loop)

    @cached_property
    def _handles(self) -> Handles:
        generation, find = self._generation, self._find

        def find_for_me(module_id: str) -> Generation | None:
            return generation if module_id == generation.module_id else find(module_id)

        return self._app.handles.for_module(find_for_me, self.module_id)

    @property
    def path(self) -> Path:
        """The folder where the module's data files lie; the same from cells and files."""
        folder = self._app.text_folders.path_of(self._generation.source)
        if self._app.text_folders.is_temporary(folder):
            self._generation.reads.exclude(folder)  # the watch follows files that people save
        return folder

    @overload
    def get_service(self, name: type[T]) -> T: ...
    @overload
    def get_service(self, name: str) -> Any: ...
    def get_service(self, name: Any) -> Any:
        """The handle of a service, by name or by class.

        Raises:
            ServiceNotFoundError: If no module has such a service; with the nearest names.
            ServiceUnavailableError: If its module isn't live; with the reason.
        """
        return self._handles.get(name)

    def get_logger(self, module_id: str | None = None) -> logging.Logger:
        """The logger of a module, by default this one; its lines go to ``data/logs/app.log``."""
        return get_framework_logger(module_id or self.module_id)

    def register_pydantic_model(self, module_id: str, model: type[BaseModel]) -> None:
        """Register the module's settings model in phase 1; its values are resolved at once.

        Raises:
            SettingsError: If they don't validate, with all faults; the load then fails.
        """
        if module_id_of(module_id) != self.module_id:
            raise NotRunningError(
                f"{self.module_id} can't register settings for {module_id!r}",
                cure="each module registers its own model",
            )
        settings = SettingsPart.of(self._generation)
        if settings is None:
            raise NotRunningError(
                f"{self.module_id} is not being started, so it can't register settings",
                cure="register the model in the phase-1 method",
            )
        settings.register(model)

    @property
    def settings(self) -> Any:
        """The module's settings, an instance of its model; ``None`` before it registered one."""
        settings = SettingsPart.of(self._generation)
        return settings.value if settings is not None else None

    @overload
    def resource(
        self, factory: Callable[P, _AsyncGeneratorContextManager[T]], *args: P.args, **kw: P.kwargs
    ) -> Awaitable[T]: ...
    @overload
    def resource(
        self, factory: Callable[P, _GeneratorContextManager[T]], *args: P.args, **kw: P.kwargs
    ) -> T: ...
    @overload
    def resource(
        self, factory: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kw: P.kwargs
    ) -> Awaitable[T]: ...
    @overload
    def resource(self, factory: Callable[P, T], *args: P.args, **kw: P.kwargs) -> T: ...
    def resource(self, factory: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        """What a factory makes, kept over swaps: a loaded model, a client, a pool.

        The old and the new generation get the same object while the factory's text and the
        arguments are the same; it is closed (``aclose``, ``close``, ``shutdown`` or ``dispose``)
        when the last generation that asked for it has ended. What the factory calls is not looked
        at: a change there, or of a global, counts once the factory's own text or an argument
        changes. An instance of a class of the module's own is not shared, for each generation has
        that class anew. Ask for it while the module starts: a file that is only imported, as in a
        test of yours, is not started.

        Args:
            factory: A function or class, or a partial of one. One decorated with
                ``@contextmanager`` or ``@asynccontextmanager`` gives what it yields, and is left
                at the end; it keeps the namespace it was written in alive until then.
            args: Its arguments, and those by name; plain values, or what can be pickled.

        Returns:
            The object; of an ``async def``, or an async context, something to await, as often as
            you like. It is made once, even if two ask at the same time.

        Raises:
            ResourceError: If the factory or an argument can't be told from others, or this
                generation has ended. What the factory raises goes out as it is.
        """
        return self._app.resources.get(self._generation, factory, args, kw)

    def __repr__(self) -> str:
        return f"<app_context of {self.module_id}, generation {self._generation.number}>"


class ServiceAttributes:
    """What the framework sets on a service before its ``__init__`` runs; `mypy_plugin` reads it."""

    app_context: ModuleContext
    settings: Any


class CoreContext(ModuleContext):
    """The context of a core module: it may also look at the whole, and change preferences."""

    def __init__(self, generation: Generation, find: Find, app: App) -> None:
        super().__init__(generation, find, app)
        self.snapshot = app.snapshot
        self.services = app.services
        self.preferences: SettingsChanges = app.settings_changes

    @property
    def errors(self) -> RecordedErrors:
        """The failures that were recorded; reading them takes its time, so do it on a thread."""
        return self._app.log.errors

    def module_settings(self, module_id: str) -> ModuleSettings:
        """The settings of any module; before it is live, of the one that is being built.

        Raises:
            ServiceNotFoundError: If there is no such module.
        """
        wanted = module_id_of(module_id)
        generation = self._find(wanted) or self._app.directory.building(wanted)
        settings = SettingsPart.of(generation)
        if settings is None:
            raise self._app.directory.explain(module_id)
        return settings


class ModuleDatabase:
    """Database sessions, as strict as the module's ``@enforce_data_integrity`` says."""

    def __init__(self, generation: Generation, app: App) -> None:
        self._generation = generation
        self._app = app

    def integrity_session(
        self, database: str, purpose: str
    ) -> AbstractAsyncContextManager[AsyncSession]:
        """A session: commit it yourself; an error rolls it back.

        Args:
            database: The ``DATABASE_NAME``.
            purpose: What it is for; named in warnings and errors.
        """
        check_session("app_context.database.integrity_session()", database, purpose)
        session: AbstractAsyncContextManager[AsyncSession] = self._app.session(
            database,
            purpose,
            strict=self._strict,
            engine=declared_engine(self._generation, database),
            opened=SessionsPart.of(self._generation),
            user=self._generation.package_name,
        )
        return session

    async def insert(self, table: str, data: Any) -> int:
        """Insert rows in bulk, in one transaction; return how many.

        Args:
            table: ``<database>.<table>``, of a live module's models.
            data: A pandas or polars DataFrame, an Arrow table or stream, the path of a Parquet
                file, or a list of mappings. Its columns are the model's; an index is left out.

        Raises:
            DatabaseRowsError: If a column or value doesn't fit the model; it names column and row.
        """
        session = self.integrity_session(table.partition(".")[0], f"insert into {table}")
        return await self._app.insert(table, data, session)

    def transaction(self, database: str, purpose: str, *, retry: int = 0) -> Transaction:
        """A transaction that commits by itself: of a function, or of an ``async with`` block.

        ``await app_context.database.transaction("orders", "buy", retry=8)(buy)`` gives ``buy`` a
        session, commits when it returns, and returns what it returned. After a conflict with
        another session it runs again with a fresh session. An error rolls back and is raised.

        Args:
            database: The ``DATABASE_NAME``.
            purpose: What it is for; named in warnings and errors.
            retry: How often the function is run again after a conflict; a block can't be.
        """
        verb = "app_context.database.transaction()"
        check_session(verb, database, purpose, retry=(retry, TIMES))
        made: Transaction = self._app.transaction(
            database,
            purpose,
            retry=retry,
            strict=self._strict,
            engine=declared_engine(self._generation, database),
            opened=SessionsPart.of(self._generation),
            user=self._generation.package_name,
        )
        return made

    @property
    def _strict(self) -> bool:
        """Whether changes that a session leaves uncommitted are an error."""
        return bool(self._generation.loaded and self._generation.spec.integrity.strict_mode)

    def __repr__(self) -> str:
        return f"<databases, for {self._generation.module_id}>"


class ModuleTasks(PoolTasks):
    """Runs functions of a module as named tasks, in threads and in child processes."""

    def __init__(self, generation: Generation, app: App) -> None:
        super().__init__(generation, app.pools)
        self._app = app

    def start(
        self,
        function: Callable[..., Any],
        *args: Any,
        name: str = "",
        every: float | None = None,
        cron: str | None = None,
        zone: str = "UTC",
        overlap: Overlap = "skip",
        restart: Restart = "never",
        max_restarts: int = MAX_RESTARTS,
    ) -> Task:
        """Run a function as a named task of this generation; from any thread.

        What is started while the module starts begins once it is live, and the task of that name
        of the old generation has ended. With ``every`` or ``cron`` it runs at those times, as a
        call; with neither it runs at once, and is cancelled when the generation is replaced.

        Args:
            function: An ``async def``; a plain ``def`` runs in a thread.
            args: Its arguments.
            name: What it is called in ``app.tasks``, after the module's id; by default the
                function's name.
            every: Seconds between two runs; the first one comes after so many.
            cron: When it runs: minute, hour, day of the month, month, day of the week.
            zone: The time zone of ``cron``, such as ``"Europe/Berlin"``.
            overlap: What happens to a time that comes while the last run goes on.
            restart: Whether it begins again, after pauses that double from 0.1 s to a minute: if
                it fails, or, a task without times, also if it returns. A periodic task that failed
                runs at its next time in any case.
            max_restarts: How many failures in a row it is restarted after.

        Raises:
            TaskError: If an argument makes no sense, or a task of that name goes on.
            NotRunningError: If this generation has ended.
        """
        options = {
            "name": name, "every": every, "cron": cron, "zone": zone, "overlap": overlap,
            "restart": restart, "max_restarts": max_restarts,
        }  # fmt: skip
        spec = read_task("tasks.start", options, error=TaskError)
        jobs = self._app.jobs
        return Task(jobs, self._app.app_loop, jobs.start(self._generation, function, args, spec))

    def progress(self, done: float, total: float | None = None, text: str = "") -> None:
        """Say how far the task is that calls this; nothing, if no task does.

        Args:
            done: How much is done.
            total: How much there is to do, if that is known.
            text: What is counted, or what it does now.
        """
        run = current_run.get()
        if run is not None:
            run.report(done, total, text)
