"""`AppContext`: the verbs a person uses; `process.py` makes the one of this process.

Each verb parses its arguments and calls the `Engine`, which does the work. The file is long because
of the docstrings, which are what help() shows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from .arguments import (
    FLAG,
    MODULE_IDS,
    ORIGINS,
    TEXT,
    TOKEN,
    WHOLE_NUMBER,
    check_arguments,
    instance_of,
    optional,
)
from .config import FrameworkSettings, StartOptions
from .desk.waiting import Waiting
from .engine import Engine
from .errors import LoopStuckError, StartConflictError
from .masking import mask
from .module import Module, Modules
from .parts.jobs import AppTasks
from .runtime.calls.not_awaited import refuse_unawaitable
from .runtime.change.outcome import refuse_superseded
from .runtime.traces import hide_frames, shorten_traceback
from .source import Source, SourceFile
from .source.source import parse_sources
from .spec import module_id_of
from .surrounded import Surrounded

if TYPE_CHECKING:
    from .cockpit.widget import Cockpit
    from .finding import Finding
    from .parts.database.crossing import AppDatabase
    from .parts.events import AppEvents
    from .parts.health import HealthReport
    from .runtime.change.outcome import Outcome, StopReport
    from .runtime.change.plan import Plan
    from .server import Server
    from .server.surroundings import Surroundings
    from .view.catalogue import Services
    from .view.snapshot import Snapshot
    from .watching import Watcher

T = TypeVar("T")
_SOURCE_FILE = instance_of(SourceFile)
_STUCK = 10.0
"""Seconds for which something may keep the app loop while `AppContext.stop` waits."""


class AppContext(Surrounded):
    """What a person controls modframe with; bound as ``app`` and ``app_context``.

    Its verbs block. On the app loop they raise `OnAppLoopError`, which says what to do instead.
    """

    def __init__(
        self, engine: Engine, options: StartOptions, *, close: Callable[[StopReport | None], None]
    ) -> None:
        self._engine, self._app_loop = engine, engine.app_loop
        self._close = close
        self._options = options
        self._report: StopReport | None = None
        self.modules, self.tasks = Modules(engine), AppTasks(engine.jobs, engine.app_loop)
        engine.app = self
        setattr(self, "get_service", engine.handles.get)  # noqa: B010  # saves a call

    # -- running things -------------------------------------------------------------------

    @hide_frames
    def run(self, awaitable: Awaitable[T]) -> T:
        """Run an awaitable on the app loop and return its result; Ctrl-C interrupts it.

        Raises:
            NotAwaitableError: If it is none.
        """

        async def run() -> T:
            refuse_unawaitable(awaitable)
            return await awaitable

        return self._app_loop.block("app.run()", run)

    # -- modules --------------------------------------------------------------------------

    @overload
    def load(
        self,
        source: str | Path | Mapping[str, str],
        *,
        id: str | None = None,
        force: bool = False,
        test: bool = False,
    ) -> Module: ...
    @overload
    def load(
        self, source: Sequence[Any], *, force: bool = False, test: bool = False
    ) -> list[Module]: ...
    @hide_frames
    def load(
        self, source: Any, *, id: str | None = None, force: bool = False, test: bool = False
    ) -> Any:
        """Load a module, or swap it if it is live.

        Args:
            source: An id of a module below ``modules/`` or in cells, a folder, a
                ``{file: text}`` mapping with ``id=``, or a list of ids, folders and
                ``(id, mapping)`` pairs, which is one transaction.
            id: The id of a mapping.
            force: Whether to load unchanged text again, and to remove what other live modules use
                of the service.
            test: Whether the modules' own tests must pass before they go live; unchanged text is
                then loaded again as well.

        Returns:
            The `Module`, or a list of them for a list.

        Raises:
            LoadError: If it can't be loaded; nothing live has changed. It is a `ContractError` if
                live modules use what the change would remove.
            GraphError: If required modules are missing or require each other in a circle.
            SupersededError: If a newer text came while this one waited.
        """
        self._app_loop.refuse_here("app.load()")
        swap = self._engine.swap
        sources = parse_sources(source, id, self._engine.source_finder.find)
        trial = self._engine.trials.make(source.module_id for source in sources) if test else None
        outcomes = self._app_loop.wait(
            lambda: swap.change(sources, anew=force or test, force=force, trial=trial)
        )
        refuse_superseded(outcomes)
        modules = [Module(self._engine, loaded.module_id) for loaded in sources]
        return modules if isinstance(source, list | tuple) else modules[0]

    @hide_frames
    def plan(self, source: Any, *, id: str | None = None, force: bool = False) -> Plan:
        """Find out what `load` would do with the same arguments; nothing changes.

        The files are executed for it, but no phase runs.

        Returns:
            The `Plan`: for each module whether it would start, swap, be rebuilt, stay or be
            refused, and why. Errors are part of it and aren't raised.
        """
        self._app_loop.refuse_here("app.plan()")
        sources = parse_sources(source, id, self._engine.source_finder.find)
        swap = self._engine.swap
        return self._app_loop.wait(lambda: swap.plan(sources, anew=force, force=force))

    @hide_frames
    def check(self, name: str) -> tuple[Finding, ...]:
        """Return all findings about a module, live or not, as ``modframe compliance`` does."""
        from .ship import check

        self._app_loop.refuse_here("app.check()")
        source = self._engine.source_finder.to_check(module_id_of(name))
        return check(source, modules=self._engine.modules_folder)

    @hide_frames
    def watch(self) -> Watcher:
        """Swap modules when their files are saved, until ``.stop()`` is called or the app stops."""
        return self._app_loop.block("app.watch()", self._engine.watching.begin)

    # -- drafts ---------------------------------------------------------------------------

    @hide_frames
    def draft(self, module_id: str, file: str, content: SourceFile) -> Source:
        """Put a text into a module's draft, which begins as the live source; load nothing."""
        check_arguments("app.draft()", file=(file, TEXT), content=(content, _SOURCE_FILE))
        return self._engine.drafts.put(module_id_of(module_id), file, content)

    @hide_frames
    def try_draft(
        self,
        module_id: str,
        *,
        outer_names: Container[str] = (),
        force: bool = False,
        keep: bool = False,
        notebook: Path | None = None,
        test: bool = False,
    ) -> Outcome | Waiting:
        """Swap to a module's whole draft; ``force`` and ``test`` are those of `load`.

        Args:
            outer_names: Names of the notebook, which module code does not see.
            keep: Whether files in the module's folder stay whose cells were not run yet.
            notebook: Where the module's cells are, if that is known.

        Returns:
            The outcome; or the files that the draft waits for: those that it lacks while nothing
            is live, and those whose cells are to be run while the module is live from its folder.

        Raises:
            LoadError: If it fails; nothing live has changed, and the draft stays.
        """
        drafts, key = self._engine.drafts, module_id_of(module_id)
        trial = self._engine.trials.make([key]) if test else None
        return self._app_loop.block(
            "app.try_draft()",
            lambda: drafts.attempt(
                key, outer_names, force=force, keep=keep, notebook=notebook, trial=trial
            ),
        )

    @hide_frames
    def plan_draft(
        self,
        module_id: str,
        file: str,
        content: SourceFile,
        *,
        outer_names: Container[str] = (),
        notebook: Path | None = None,
    ) -> Plan | Waiting:
        """Find out what `draft` and `try_draft` would do; the draft does not change either.

        Returns:
            The plan; or the files that the draft would wait for.
        """
        drafts = self._engine.drafts
        draft = drafts.with_text(module_id_of(module_id), file, content)
        return self._app_loop.block(
            "app.plan_draft()",
            lambda: drafts.plan(draft, outer_names, file=file, notebook=notebook),
        )

    @hide_frames
    def drop(self, module_id: str, file: str | None = None) -> Source | None:
        """Remove a file from a module's draft, or the whole draft; return the remaining draft."""
        return self._engine.drafts.drop(module_id_of(module_id), file)

    # -- services -------------------------------------------------------------------------

    if TYPE_CHECKING:

        @overload
        def get_service(self, name: type[T]) -> T: ...
        @overload
        def get_service(self, name: str) -> Any: ...
        def get_service(self, name: Any) -> Any:
            """Return a handle, by name (``"orders"``, ``"standard.orders.service"``) or class."""

    @contextmanager
    def override(self, name: str | type, replacement: T) -> Iterator[T]:
        """Replace a service for all its callers, for the length of a ``with`` block.

        The replacement stays in place when modules are swapped, and the snapshot shows it. The
        module's own ``self`` is not replaced.

        Args:
            name: A service, as `get_service` takes it.
            replacement: Any object that has the methods which are called.

        Raises:
            ServiceNotFoundError: If no live module has such a service.
        """
        overrides = self._engine.overrides
        try:
            override = self._app_loop.block(
                "app.override()", lambda: overrides.begin(name, replacement)
            )
        except BaseException as error:
            shorten_traceback(error)
            raise
        try:
            yield replacement
        finally:
            if not self._app_loop.closing:
                self._app_loop.wait(lambda: overrides.end(override))

    @property
    def database(self) -> AppDatabase:
        """The module databases: ``sql(...)``, ``integrity_session(...)``, ``migrate(...)``."""
        return self._engine.people_database

    @property
    def events(self) -> AppEvents:
        """The events of modules: ``publish(...)``, ``settled()``, and ``dead`` letters."""
        from .parts.events import AppEvents

        return AppEvents(self._engine.events, self._engine.app_loop)

    # -- serving --------------------------------------------------------------------------

    @property
    def config(self) -> FrameworkSettings:
        """The framework's own settings."""
        return self._engine.config

    @property
    def url(self) -> str:
        """Where the API is served; empty if it isn't."""
        return self._engine.url

    @property
    def serving(self) -> bool:
        """Whether the API is served from this process."""
        return self._engine.server is not None

    @property
    def asgi(self) -> Any:
        """The ASGI application, guard included; works without a lifespan while the app runs."""
        return self._engine.site.asgi

    @property
    def surroundings(self) -> Surroundings:
        """What stands around all modules: origins, middleware, handlers, static files."""
        return self._engine.surroundings

    @hide_frames
    def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 8000,
        *,
        token: str | None = None,
        cors: Sequence[str] | None = None,
        public: Sequence[str] | None = None,
        mcp: bool | None = None,
    ) -> Server:
        """Serve the API from the app loop, in this process.

        Args:
            host: Where to listen; an address that isn't loopback needs a token.
            port: 0 picks a free one.
            token: The token that requests from elsewhere need.
            cors: Origins of web pages that may use the API, such as ``http://localhost:5173``.
            public: Ids of modules whose routes need no token from elsewhere; ``*`` is all. Both
                this and ``cors`` can be changed while it serves, by calling this again.
            mcp: Whether assistants may call the live services, at ``/mcp`` and with the token; by
                default if ``MODFRAME_MCP`` says so.

        Raises:
            ServeError: If the port is taken, a token is missing, or it already serves elsewhere.
        """
        check_arguments(
            "app.serve()",
            host=(host, TEXT),
            port=(port, WHOLE_NUMBER),
            token=(token, TOKEN),
            cors=(cors, optional(ORIGINS)),
            public=(public, optional(MODULE_IDS)),
            mcp=(mcp, optional(FLAG)),
        )
        if public is not None:
            self._engine.site.access.let_everyone_use(public)
        if cors is not None:
            self.surroundings.allow_origins(cors)
        site = self._engine.site
        return self._app_loop.block(
            "app.serve()", lambda: site.serve(host, port, token=token, mcp=mcp)
        )

    def test_client(self) -> Any:
        """Return an `httpx.AsyncClient` that calls the API on the app loop, without a port."""
        from .parts.web.client import async_client

        return async_client(self._engine.site.asked_here, self._app_loop)

    # -- seeing ---------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Return everything that runs, as frozen plain data; ``to_json()`` makes JSON of it."""
        return self._engine.snapshot()

    def services(self, tag: str | None = None, text: str | None = None) -> Services:
        """Return the live services with what their methods say, as a frozen list of them.

        Args:
            tag: Only methods with this tag, and their services; upper and lower case are the same.
            text: Only methods in whose words, or their service's, all these words occur.
        """
        return self._engine.services(tag, text)

    @hide_frames
    def inspect(self, module: str | None = None, tab: str | None = None) -> Cockpit:
        """Return the cockpit as a widget; it follows every change while it is displayed.

        Args:
            module: The module to open; by default it shows all of them first.
            tab: The tab to open, such as ``"history"`` or ``"data"``.

        Raises:
            ModuleNotFoundInWorkspaceError: If there is no such module.
        """
        opened = None if module is None else self.modules[module].id
        return self._engine.inspector(opened, tab)

    @hide_frames
    def health(self, *, wait: bool = False) -> HealthReport:
        """Return module id → its `Health`, as far as it is known; no check is run for it.

        With ``wait``, wait until each check has run once.
        """
        if wait:
            self._app_loop.block("app.health()", self._engine.health.wait)
        return self._engine.health.report()

    # -- the end --------------------------------------------------------------------------

    @hide_frames
    def stop(self) -> StopReport:
        """Stop everything in order: the server, modules (dependents first), databases, the log.

        Ctrl-C while it waits stops what hangs by force. The report says how long each module took;
        an app that was stopped before returns the same report. If module code keeps the app loop
        and can't be broken out of, the rest is given up after ten seconds, and the report names it.
        """
        if self._report is None:
            self._app_loop.refuse_here("app.stop()")
            self._engine.hasten()
            try:
                self._report = self._stop()
            finally:
                self._close(self._report)
        return self._report

    def _stop(self) -> StopReport:
        __tracebackhide__ = True
        block = partial(self._app_loop.block, "app.stop()", patience=_STUCK)
        try:
            try:
                return block(self._engine.stop)
            except KeyboardInterrupt:
                return block(self._engine.force_stop)
        except LoopStuckError as error:
            return self._engine.abandon(str(error))

    def refuse_other(self, options: StartOptions) -> None:
        """Check that a start asks for nothing else than what this app was started with.

        Raises:
            StartConflictError: If it does.
        """
        differing = [
            self._engine.secrets.mask(f"{field.name}={mask(value)!r} (it runs with {mask(own)!r})")
            for field in fields(options)
            if (value := getattr(options, field.name)) is not None
            and value != (own := getattr(self._options, field.name))
        ]
        if differing:
            raise StartConflictError(
                "modframe runs in this process already, with other arguments: "
                f"{', '.join(differing)}",
                cure="call app.stop() first, or start() without them",
            )

    def __enter__(self) -> AppContext:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        states = self._engine.records.readiness()
        live = sum(state == "LIVE" for state in states.values())
        url = f", {self._engine.url}" if self._engine.url else ""
        return f"<modframe: {live} of {len(states)} modules live{url}>"

    def _repr_html_(self) -> str:
        return self.modules._repr_html_()
