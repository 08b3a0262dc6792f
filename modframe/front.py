"""`Front`: what one app shows over HTTP: its site and its surroundings, its assistants, its token.

`Engine` inherits it and has the attributes that it needs; `hosted` and the verbs of the app context
ask for them. FastAPI is imported with the first site.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cockpit.facts import Facts as CockpitFacts
from .cockpit.follow import Follower
from .config import FrameworkSettings
from .errors import ModframeError
from .masking import KnownSecrets
from .observe import EventLog, Numbers, Watchdog
from .parts.database.lazy import LazyDatabases
from .parts.health import Overview
from .parts.web.path_table import PathTable
from .runtime.calls.handles import Handles
from .runtime.directory import Directory
from .runtime.live import Live
from .runtime.loop.app_loop import AppLoop
from .runtime.part import Parts
from .runtime.record import Records
from .view.collect import Collector
from .view.snapshot import Snapshot
from .watching import Watching

if TYPE_CHECKING:
    from .cockpit.displayed import Displayed
    from .cockpit.page import Page
    from .cockpit.widget import Cockpit
    from .desk.exports import Exports
    from .desk.find_source import SourceFinder
    from .server import Server
    from .server.mcp.assistants import Assistants
    from .server.site import Site
    from .server.surroundings import Surroundings


class Front:
    """The HTTP side of an engine, which has the attributes below.

    Attributes:
        app: The `AppContext` over the engine, once there is one.
    """

    app_loop: AppLoop
    workspace: Path
    data: Path | None
    config: FrameworkSettings
    secrets: KnownSecrets
    live: Live
    records: Records
    directory: Directory
    paths: PathTable
    numbers: Numbers
    log: EventLog
    watchdog: Watchdog
    health: Overview
    handles: Handles
    seen: Collector
    parts: Parts
    databases: LazyDatabases
    watching: Watching
    follower: Follower
    source_finder: SourceFinder
    exports: Exports
    app: Any = None
    _site: Site | None = None
    _assistants: Assistants | None = None

    @cached_property
    def surroundings(self) -> Surroundings:
        """What stands around all modules, as the workspace declares it; verbs change it.

        Raises:
            SurroundingsError: If the workspace declares something that is wrong.
        """
        from .server.surroundings import read_declared

        return read_declared(self.workspace, self.config)

    @cached_property
    def token(self) -> str:
        """The token of this app, kept in its data folder for everything on this machine."""
        from .server.tokens import kept_token

        return kept_token(self.data)

    @property
    def site(self) -> Site:
        """The application behind HTTP. The first access makes it, and imports FastAPI."""
        if self._site is None:
            self._site = self._site_over(self.live, self.paths, self.numbers, mcp=self.config.mcp)
        return self._site

    @cached_property
    def shown(self) -> CockpitFacts:
        """What the cockpit shows, and what it may ask."""
        return CockpitFacts(
            app=lambda: self.app,
            app_loop=self.app_loop,
            asgi=lambda: self.site.asked_here,
            live=self.live,
            records=self.records,
            seen=self.seen,
            parts=self.parts,
            snapshot=self.snapshot,
            health=self.health,
            numbers=self.numbers,
            log=self.log,
            watchdog=self.watchdog,
            secrets=self.secrets,
            current=self.source_finder.current,
            plan_export=self.exports.plan,
            databases=self.databases,
            watching=lambda: self.watching.running,
            url=lambda: self.url,
            workspace=str(self.workspace),
            data=str(self.data) if self.data else ":memory:",
        )

    @cached_property
    def displayed(self) -> Displayed:
        """The cockpits that cells of a notebook display."""
        from .cockpit.displayed import Displayed

        return Displayed()

    @cached_property
    def page(self) -> Page:
        """The cockpit over HTTP."""
        from .cockpit.page import Page

        return Page(self.shown, follower=self.follower)

    def inspector(self, module_id: str | None, tab: str | None = None) -> Cockpit:
        """Return the cockpit for a notebook, opened at a module and a tab. It imports anywidget.

        Raises:
            ModframeError: If anywidget isn't installed.
        """
        try:
            from .cockpit.widget import Cockpit
        except ModuleNotFoundError as error:
            if error.name not in ("anywidget", "ipywidgets"):
                raise
            raise ModframeError(
                f"app.inspect() needs {error.name}, which isn't installed where this kernel runs",
                cure=f"install it with %pip install {error.name}, and restart the kernel; or look "
                "at the same cockpit in a browser: app.serve() prints its address",
            ) from None

        return Cockpit(
            self.shown, follower=self.follower, displayed=self.displayed, module=module_id, tab=tab
        )

    @property
    def assistants(self) -> Assistants:
        """What assistants see and call. The first access makes it, and imports the SDK.

        Raises:
            ServeError: If the `mcp` package isn't installed.
        """
        if self._assistants is None:
            from .server.mcp import Facts, open_to_assistants

            self._assistants = open_to_assistants(
                Facts(
                    live=self.live,
                    records=self.records,
                    view=self.seen.module,
                    snapshot=self.snapshot,
                    get_service=self.handles.get,
                    log=self.log,
                    secrets=self.secrets,
                    spawn=self.app_loop.spawn,
                )
            )
        return self._assistants

    def _site_over(
        self, live: Live, paths: PathTable, numbers: Numbers | None = None, *, mcp: bool = False
    ) -> Site:
        """Return the application over a Live; without ``numbers`` its requests aren't counted."""
        from .server.site import Site

        return Site(
            live,
            paths=paths,
            numbers=numbers,
            log=self.log,
            watchdog=self.watchdog,
            rows=self.seen.rows,
            readiness=lambda: (self.records.ready, self.records.readiness()),
            health=self.health.report,
            absent=self.directory.absent,
            stale=self.records.stale_reason,
            shows_stale=lambda: self.config.stale_header and self.watching.running,
            surroundings=self.surroundings,
            config=self.config,
            token=self.token,
            secrets=self.secrets,
            app=self.app,
            block=self.app_loop.wait,
            apps=self.page.apps,
            assistants=lambda: self.assistants,
            mcp=mcp,
        )

    def asgi_over(self, live: Live) -> Any:
        """Return the ASGI application as it would be if other generations were live."""
        return self._site_over(live, self.paths.over(live.generations)).asked_here

    @property
    def server(self) -> Server | None:
        """The running server, if there is one."""
        return self._site.server if self._site is not None else None

    @property
    def url(self) -> str:
        """Where the API is served; empty if it isn't."""
        return self.server.url if self.server else ""

    def snapshot(self) -> Snapshot:
        """Return everything that runs, as frozen plain data; from any thread, without waiting."""
        return self.seen.snapshot(self.url)
