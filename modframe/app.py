"""`AppContext`: the verbs a person uses, one line each; `start` makes it run in this process.

Long for its docstrings alone, which are what help() shows; what a verb does is a room's to know.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from .config import FrameworkSettings, read_settings
from .engine import Engine
from .errors import (
    NotRunningError,
    StartConflictError,
    StartError,
)
from .html import section
from .module import Module, Modules
from .runtime.change.outcome import refuse_superseded
from .runtime.loop import AppLoop
from .source import Source, SourceFile
from .source.parse_sources import parse_sources
from .source.workspace import data_folder, find_workspace
from .spec import module_id_of

if TYPE_CHECKING:
    from types import TracebackType

    from .errors import Finding
    from .parts.database.crossing import AppDatabase
    from .runtime.change.outcome import Outcome, StopReport
    from .runtime.change.plan import Plan
    from .runtime.part import Part
    from .server import Server
    from .view.snapshot import Snapshot
    from .view.widgets import Inspector
    from .watching import Watcher

T = TypeVar("T")

_lock = threading.RLock()
_running: AppContext | None = None


def current_app() -> AppContext | None:
    """The app that runs in this process, if one does."""
    return _running


def running_app() -> AppContext:
    """The app that runs in this process.

    Raises:
        NotRunningError: If none does.
    """
    if _running is None:
        raise NotRunningError("modframe is not running", cure="call modframe.start() first")
    return _running


def start(
    workspace: str | Path | None = None,
    modules: Sequence[str] | None = None,
    data: str | Path | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    strict: bool = False,
    parts: Sequence[Part[Any]] = (),
) -> AppContext:
    """Start modframe in this process, or give the app that runs already.

    Args:
        workspace: The folder with ``modules/``; by default the nearest one upward.
        modules: ``None`` loads all below ``modules/``; a list loads those and what they require;
            ``[]`` loads the core modules only.
        data: The folder of databases, logs and preferences; by default ``<workspace>/data``.
            ``":memory:"`` keeps nothing.
        settings: Module id → settings, the highest source.
        strict: Whether a module that fails stops everything and raises.
        parts: Parts of your own that modules get beside modframe's; CONTRIBUTING.md has an
            example. They are entered before the module is made, and left once it has stopped.

    Raises:
        StartConflictError: If an app runs that was started with other arguments.
        StartError: Under ``strict``, if a module failed.
    """
    given: dict[str, Any] = {
        "workspace": workspace,
        "modules": modules,
        "data": data,
        "settings": settings,
    }
    given["parts"] = tuple(parts) or None
    with _lock:
        if _running is not None:
            _running._refuse_other(given)
            return _running
        app = begin(AppLoop.start(), given)
        try:
            app._app_loop.wait(lambda: app._engine.start(modules))
        except BaseException:
            app._shut_down()
            raise
    if strict and (errors := app._errors()):
        app.stop()
        raise StartError(errors)
    return app


def begin(app_loop: AppLoop, given: Mapping[str, Any]) -> AppContext:
    """Make the process's one app, not started yet, on a loop.

    Raises:
        StartConflictError: If there is one.
    """
    global _running
    with _lock:
        if _running is not None:
            raise StartConflictError(
                f"modframe runs in this process already, in {_running._engine.workspace}",
                cure="stop it first: one process has one app",
            )
        try:
            _running = AppContext(app_loop, given)
        except BaseException:
            app_loop.close()
            raise
        return _running


def forget(app: AppContext) -> None:
    """Let the process have another app."""
    global _running
    with _lock:
        if _running is app:
            _running = None


class AppContext:
    """What a person reaches the framework through; bound as ``app`` and ``app_context``.

    Its verbs block; on the app loop they raise `OnAppLoopError`, which says what to do instead.
    """

    def __init__(self, app_loop: AppLoop, given: Mapping[str, Any]) -> None:
        self._given = dict(given)
        workspace = find_workspace(given["workspace"])
        self._engine = Engine(
            app_loop,
            workspace=workspace,
            data=data_folder(given["data"], workspace),
            given_settings=given["settings"] or {},
            config=read_settings(),
            notebooks=given.get("notebooks") or (),
            parts=given.get("parts") or (),
        )
        self._app_loop = app_loop
        self._report: StopReport | None = None
        self.modules = Modules(self._engine)
        setattr(self, "get_service", self._engine.handles.get)  # noqa: B010  # no hop in between

    # -- running things -------------------------------------------------------------------

    def run(self, awaitable: Awaitable[T]) -> T:
        """Run an awaitable on the app loop and wait for it here; Ctrl-C interrupts it."""
        __tracebackhide__ = True

        async def run() -> T:
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
    def load(
        self, source: Any, *, id: str | None = None, force: bool = False, test: bool = False
    ) -> Any:
        """Load a module, or swap it if it is live.

        Args:
            source: An id found below ``modules/`` or known from cells, a folder, a
                ``{file: text}`` mapping with ``id=``, or a list of ids, folders and
                ``(id, mapping)`` pairs: one transaction.
            id: The id of a mapping.
            force: Whether equal text is loaded anew, and what live modules use of a service may
                be taken away from them.
            test: Whether the modules' own tests must pass before they go live; equal text is then
                loaded anew as well.

        Returns:
            The `Module`, or a list of them for a list.

        Raises:
            LoadError: If it can't be loaded; nothing live has changed. A `ContractError` says that
                live modules use what would be taken away.
            GraphError: If what it requires is missing or goes in circles.
            SupersededError: If a newer text came while it waited for its turn.
        """
        __tracebackhide__ = True
        self._app_loop.refuse_here("app.load()")
        swap = self._engine.swap
        sources = parse_sources(source, id, self._engine.source_finder.given)
        trial = self._engine.trials.make(one.module_id for one in sources) if test else None
        outcomes = self._app_loop.block(
            "app.load()",
            lambda: swap.change(sources, anew=force or test, force=force, trial=trial),
        )
        refuse_superseded(outcomes)
        modules = [Module(self._engine, one.module_id) for one in sources]
        return modules if isinstance(source, list | tuple) else modules[0]

    def plan(self, source: Any, *, id: str | None = None) -> Plan:
        """What `load` would do with the same arguments; nothing changes.

        The texts are loaded for it, so the bodies of their files run; no phase does.

        Args:
            source: As for `load`.
            id: The id of a mapping.

        Returns:
            The `Plan`: module by module what would start, swap, be rebuilt, stay or be refused, and
            why; errors stand in it and aren't raised.
        """
        __tracebackhide__ = True
        self._app_loop.refuse_here("app.plan()")
        sources = parse_sources(source, id, self._engine.source_finder.given)
        return self._app_loop.block("app.plan()", lambda: self._engine.swap.plan(sources))

    def check(self, name: str) -> tuple[Finding, ...]:
        """Everything that can be said about a module, live or not; as ``modframe compliance``."""
        from .ship import check

        self._app_loop.refuse_here("app.check()")
        source = self._engine.source_finder.to_check(module_id_of(name))
        return check(source, modules=self._engine.modules_folder)

    def watch(self) -> Watcher:
        """Swap modules when their files are saved, until ``.stop()`` or the end of the app."""
        __tracebackhide__ = True
        return self._app_loop.block("app.watch()", self._engine.watching.begin)

    # -- drafts ---------------------------------------------------------------------------

    def draft(self, module_id: str, file: str, content: SourceFile) -> Source:
        """Put a text into a module's draft, which begins as what is live; try nothing."""
        return self._engine.drafts.put(module_id_of(module_id), file, content)

    def try_draft(
        self,
        module_id: str,
        *,
        outer_names: Container[str] = (),
        force: bool = False,
        test: bool = False,
    ) -> Outcome | tuple[str, ...]:
        """Swap to a module's whole draft.

        Args:
            module_id: Whose draft.
            outer_names: Names of the notebook, which module code does not see.
            force: As for `load`.
            test: Whether the module's own tests must pass first.

        Returns:
            What came of it; or, while nothing is live, the files the draft still waits for.

        Raises:
            LoadError: If it fails; what is live is untouched, and the draft stays.
        """
        __tracebackhide__ = True
        drafts, key = self._engine.drafts, module_id_of(module_id)
        trial = self._engine.trials.make([key]) if test else None
        return self._app_loop.block(
            "app.try_draft()",
            lambda: drafts.attempt(key, outer_names, force=force, trial=trial),
        )

    def plan_draft(
        self, module_id: str, file: str, content: SourceFile, *, outer_names: Container[str] = ()
    ) -> Plan | tuple[str, ...]:
        """What `draft` and `try_draft` would do; the draft stays as it is, too.

        Args:
            module_id: Whose draft.
            file: The file that the text would be put in as.
            content: The text.
            outer_names: Names of the notebook, which module code does not see.

        Returns:
            The plan; or, while nothing is live, the files the draft would wait for.
        """
        __tracebackhide__ = True
        drafts = self._engine.drafts
        draft = drafts.with_text(module_id_of(module_id), file, content)
        return self._app_loop.block("app.plan_draft()", lambda: drafts.plan(draft, outer_names))

    def drop(self, module_id: str, file: str | None = None) -> Source | None:
        """Take a file, or the whole draft, out of what cells work on; what is left of it."""
        return self._engine.drafts.drop(module_id_of(module_id), file)

    # -- services -------------------------------------------------------------------------

    if TYPE_CHECKING:

        @overload
        def get_service(self, name: type[T]) -> T: ...
        @overload
        def get_service(self, name: str) -> Any: ...
        def get_service(self, name: Any) -> Any:
            """A handle, by name or by class: ``"orders"``, ``"standard.orders.service"``."""

    @contextmanager
    def override(self, name: str | type, replacement: T) -> Iterator[T]:
        """Let callers of a service have something else in its place, for the length of a block.

        It outlasts swaps, and the snapshot shows it. The module's own ``self`` stays what it is.

        Args:
            name: As `get_service` takes it.
            replacement: Any object that has the methods which are called.

        Raises:
            ServiceNotFoundError: If no live module has such a service.
        """
        __tracebackhide__ = True
        overrides = self._engine.overrides
        override = self._app_loop.block(
            "app.override()", lambda: overrides.begin(name, replacement)
        )
        try:
            yield replacement
        finally:
            if not self._app_loop.closing:
                self._app_loop.wait(lambda: overrides.end(override))

    @property
    def database(self) -> AppDatabase:
        """The module databases: ``sql(...)`` and ``integrity_session(...)``."""
        return self._engine.people_database

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

    def serve(
        self, host: str = "127.0.0.1", port: int = 8000, *, token: str | None = None
    ) -> Server:
        """Serve the API from the app loop, in this process.

        Args:
            host: Where to listen; an address that isn't loopback needs a token.
            port: 0 picks a free one.
            token: What a caller from elsewhere must bring.

        Raises:
            ServeError: If the port is taken, a token is missing, or it serves elsewhere already.
        """
        __tracebackhide__ = True
        site = self._engine.site
        return self._app_loop.block("app.serve()", lambda: site.serve(host, port, token=token))

    def test_client(self) -> Any:
        """An `httpx.AsyncClient` into the API, on the app loop, without a port."""
        from .server.client import test_client

        return test_client(self._engine.site.asgi, self._app_loop)

    # -- seeing ---------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Everything that runs, as frozen plain data; ``to_json()`` makes text of it."""
        return self._engine.snapshot()

    def inspect(self, id: str | None = None) -> Inspector:
        """The widget view of everything, or of one module; it follows every change by itself.

        Raises:
            ModuleNotFoundInWorkspaceError: If there is no such module.
        """
        return self._engine.inspector(None if id is None else self.modules[id].id)

    # -- the end --------------------------------------------------------------------------

    def stop(self) -> StopReport:
        """Stop everything in order: server, modules from dependents down, databases, log.

        A first Ctrl-C while it waits forces what hangs; the report says what took how long. A
        stopped app gives its report again.
        """
        __tracebackhide__ = True
        if self._report is None:
            try:
                self._report = self._app_loop.block("app.stop()", self._engine.stop)
            except KeyboardInterrupt:
                self._report = self._app_loop.block("app.stop()", self._engine.force_stop)
            finally:
                self._shut_down()
        return self._report

    def _shut_down(self) -> None:
        self._app_loop.close()
        forget(self)

    def _errors(self) -> dict[str, BaseException]:
        return {key: one.error for key, one in self._engine.records.items() if one.error}

    def _refuse_other(self, given: Mapping[str, Any]) -> None:
        other = [
            f"{name}={value!r} (it runs with {self._given.get(name)!r})"
            for name, value in given.items()
            if value is not None and value != self._given.get(name)
        ]
        if other:
            raise StartConflictError(
                f"modframe runs in this process already, with other arguments: {', '.join(other)}",
                cure="call app.stop() first, or start() without them",
            )

    def __enter__(self) -> AppContext:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        states = self._engine.records.readiness()
        live = sum(state == "LIVE" for state in states.values())
        url = f", {self._engine.url}" if self._engine.url else ""
        return f"<modframe: {live} of {len(states)} modules live{url}>"

    def _repr_html_(self) -> str:
        return section(self._engine.url or "not served", self.modules._repr_html_())
