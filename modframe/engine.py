"""`Engine`: the rooms wired together on one app loop. The app context's verbs are calls of it.

It makes the parts, the swap, the log and the databases, and hands each room what it needs from
above. Everything async here runs on the app loop.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from .config import FrameworkSettings
from .context import CoreContext, ModuleContext
from .desk.drafts import Drafts
from .desk.find_source import SourceFinder
from .desk.rollback import Rollbacks
from .errors import (
    ExportError,
    ModframeError,
    ModuleNotFoundInWorkspaceError,
    NotRunningError,
    ServiceUnavailableError,
    WorkspaceError,
    reason_of,
)
from .names import folder_of
from .observe import EventLog, Watchdog, log_event, log_print, record_failure
from .parts.children import ChildrenPart
from .parts.database.part import DatabasePart, LazyDatabases
from .parts.log_handlers import LogHandlersPart
from .parts.metrics import MetricsPart
from .parts.pools import PoolsPart
from .parts.resources import ResourcesPart
from .parts.service import ServicePart
from .parts.sessions import SessionsPart
from .parts.settings import SettingsPart
from .parts.tasks import TasksPart
from .parts.threads import ThreadsPart
from .parts.timers import TimersPart
from .parts.web.part import WebPart
from .runtime.bounds import Limits
from .runtime.breaking import LoopBreaker
from .runtime.calls.handle import Find
from .runtime.calls.handles import Handles, not_found_error
from .runtime.calls.overrides import Overrides
from .runtime.change.ending import Ending
from .runtime.change.outcome import Outcome, StopReport
from .runtime.change.swap import Swap
from .runtime.finder import PLAIN_NAMES
from .runtime.forgotten import ForgottenAwaits
from .runtime.garbage import collecting_rarely
from .runtime.generation import Generation
from .runtime.live import Live
from .runtime.loop import AppLoop, Progress
from .runtime.output import make_printer
from .runtime.ownership import place_of
from .runtime.part import Part, Parts
from .runtime.record import Records
from .source import OnDisk, Source, find_modules, read_folder
from .source.folder_change import finish_changes
from .source.text_folders import TextFolders
from .spec import module_id_of, module_of_service
from .trial import Trials
from .view.collect import Collector
from .view.refresh import Refresher
from .view.snapshot import Snapshot
from .watching import Watching
from .wording import near, one_line

if TYPE_CHECKING:
    from .parts.database.crossing import AppDatabase
    from .server import Server
    from .server.site import Site
    from .ship import ExportRecord, ExportReport
    from .view.widgets import Inspector

_log = logging.getLogger("modframe.engine")
CORE_MODULES = Path(__file__).parent / "core_modules"
"""Holds ``core/<name>/``, laid out like a workspace's ``modules/``."""


class Engine:
    """The rooms of one app. It implements `App`, which the rooms below see of it.

    Args:
        app_loop: The loop that module code runs on.
        workspace: The folder with ``modules/``.
        data: The folder of databases and logs; ``None`` keeps everything in memory.
        given_settings: Module id → settings given at start.
        config: The framework's own settings.
        notebooks: Notebooks whose ``%%module`` cells are modules too.
        parts: Parts that generations get beside modframe's own.
    """

    def __init__(
        self,
        app_loop: AppLoop,
        *,
        workspace: Path,
        data: Path | None,
        given_settings: Mapping[str, Mapping[str, Any]],
        config: FrameworkSettings,
        notebooks: Sequence[Path] = (),
        parts: Sequence[Part[Any]] = (),
    ) -> None:
        self.app_loop = app_loop
        app_loop.progress = self._progress
        self.workspace, self.data, self.config = workspace, data, config
        self.given_settings = given_settings
        self.modules_folder = workspace / "modules"
        self.disk = OnDisk(self.modules_folder, notebooks)
        self.text_folders = TextFolders(self.modules_folder)
        self.databases = LazyDatabases(data, config, self._all_generations)
        self.session = self.databases.session_here
        self._hurry = asyncio.Event()
        self.resources = ResourcesPart(app_loop)
        self.pools = PoolsPart(workspace)
        self.parts = self._make_parts(parts)
        self.limits = Limits.from_settings(config)
        self.live = Live()
        self.records = Records(self.live)
        self.ending = Ending(self, hurry=self._hurry)
        self.swap = Swap(self, self.ending)
        self.handles = Handles(app_loop, self.find, explain=self.explain, names=self.live_names)
        self.overrides = Overrides(self.live, self.records, self.handles, self.published)
        self.log = _event_log(data, config)
        thread_id = app_loop.thread_id
        self._breaker = LoopBreaker(app_loop.loop, thread_id, config.stall_timeout)
        self.watchdog = Watchdog(
            app_loop.loop, thread_id, name=self._name_code, break_out=self._breaker
        )
        app_loop.stall = lambda: self.watchdog.stall
        self._site: Site | None = None
        self._stopped = False
        self._forgotten_awaits = ForgottenAwaits(self._all_generations)
        self.watching = Watching(self.swap, self.disk, app_loop=app_loop)
        self.swap.listeners.append(lambda source, _: self.text_folders.refresh(source))
        self.drafts = Drafts(self.swap, self._exported_files)
        self.trials = Trials(self)
        self.watching.change = self._change_saved
        self.rollbacks = Rollbacks(self.swap, data)
        self.log.listeners.append(self.rollbacks.note_event)
        self.source_finder = SourceFinder(
            self.disk, self.live, self.records, last=self.rollbacks.last, workspace=workspace
        )
        self.refresher = Refresher()
        self.seen = Collector(
            self.live,
            self.records,
            self.parts,
            log=self.log,
            watchdog=self.watchdog,
            workspace=str(workspace),
            data=str(data) if data else ":memory:",
        )

    def _make_parts(self, more: Sequence[Part[Any]]) -> Parts:
        """Make the parts of every generation, in the order they are prepared and entered.

        They are left in reverse, so a part stands below those that it may use. At an end, the
        routes go and the module stops first; then its tasks, timers, threads and sessions, which
        may run until that stop. With no session open, a failed load's additions to the database
        are taken back. Resources and log handlers are settled last: all others may use them.

        Args:
            more: Further parts; what module code runs may use them to its end.
        """
        given = {module_id_of(key): values for key, values in self.given_settings.items()}
        parts: tuple[Part[Any], ...] = (
            LogHandlersPart(),
            MetricsPart(self._live_generations),
            self.resources,
            ChildrenPart(),
            self.pools,
            DatabasePart(self.databases),
            *more,
            SessionsPart(),
            ThreadsPart(self.resources.holds),
            TimersPart(),
            TasksPart(self.app_loop),
            SettingsPart(given),
            ServicePart(self._hurry, SettingsPart.of),
            WebPart(),
        )
        return Parts(parts)

    # -- start and stop -------------------------------------------------------------------

    async def start(self, modules: Sequence[str] | None) -> list[Outcome]:
        """Load the core modules and those asked for; the records keep the failed ones."""
        self.log.open()
        self._forgotten_awaits.install()
        self.watchdog.start()
        PLAIN_NAMES.resolvers.insert(0, self.package_of)
        try:
            if self.data is not None:
                finish_changes(self.data)  # those of modules/ are finished when it is read
            with collecting_rarely():
                core = [read_folder(folder) for folder in find_modules(CORE_MODULES).values()]
                names = self.disk.ids() if modules is None else modules
                with self.disk.reading() as read:
                    sources = [*core, *filter(None, (self._read(name, read) for name in names))]
                outcomes = await self.swap.change(sources, keep_going=True)
        except BaseException:
            await self.stop()
            raise
        for name in {module_id_of(key) for key in self.given_settings} - self.records.ids():
            _log.warning(
                "settings were given for %r, and there is no such module; %s",
                name, near(name, self.records.ids()) or "they count once it is loaded",
            )  # fmt: skip
        return outcomes

    def _read(self, name: str, read: Callable[[str], Source | None]) -> Source | None:
        """Return the source of a module; if it can't be read, note that the module has failed."""
        try:
            return self.source_finder.find(name, read=read)
        except ModuleNotFoundInWorkspaceError:
            raise
        except WorkspaceError as error:
            record = self.records[module_id_of(name)]
            record.state, record.error, record.expected = "FAILED", error, True
            record_failure(record.module_id, reason_of(error), error)
            return None

    async def stop(self) -> StopReport:
        """Stop the server, all modules, dependents first, then the databases and the log.

        A step that raises doesn't keep the next ones from running; the report names it.
        """
        began = time.perf_counter()
        self._stopped = True
        outcomes: list[Outcome] = []
        faults: list[str] = []

        async def stop_modules() -> None:
            outcomes.extend(await self.swap.stop())

        await self._guarded(self.watching.end, "the watch", faults)
        if self._site is not None:
            await self._guarded(self._site.close, "the server", faults)
        await self._guarded(stop_modules, "the modules", faults)
        if self.package_of in PLAIN_NAMES.resolvers:
            PLAIN_NAMES.resolvers.remove(self.package_of)
        PLAIN_NAMES.forget(self.records)
        await self._guarded(self.databases.aclose, "the databases", faults)
        await self._guarded(self.rollbacks.aclose, "the history", faults)
        return self._report(began, outcomes, faults)

    @staticmethod
    async def _guarded(stop: Callable[[], Awaitable[object]], what: str, faults: list[str]) -> None:
        try:
            await stop()
        except Exception as error:  # noqa: BLE001  # what comes next has to stop as well
            faults.append(f"{what} did not stop: {type(error).__name__}: {error}")
            record_failure("modframe.engine", faults[-1], error)

    def _report(self, began: float, outcomes: Iterable[Outcome], faults: list[str]) -> StopReport:
        self.text_folders.close()
        self._forgotten_awaits.remove()
        self.watchdog.stop()
        self.log.close()
        faults += (
            f"{record.module_id}: {fault}"
            for record in self.records.values()
            for fault in record.unsettled
            if not fault.persons
        )
        return StopReport(tuple(outcomes), time.perf_counter() - began, tuple(faults))

    def abandon(self, why: str) -> StopReport:
        """Give up a stop, from another thread, because the app loop stands still."""
        self._stopped = True
        _log.error("%s", why)
        return self._report(time.perf_counter(), (), [why])

    def hasten(self) -> None:
        """Break out of what keeps the app loop soon, since a stop is to come; from any thread."""
        self._breaker.hasten()

    def hurry(self) -> None:
        """Let a stop, now or later, wait for no graceful end; must be called on the app loop."""
        self._hurry.set()

    def wait_at_most(self, seconds: float) -> None:
        """Let a stop, now or later, wait at most ``seconds`` for calls that are inside."""
        self.ending.at_most(seconds)

    async def force_stop(self) -> StopReport:
        """Stop without waiting for graceful ends."""
        self._hurry.set()
        return await self.stop()

    async def _change_saved(self, sources: Sequence[Source], *, anew: bool) -> list[Outcome]:
        """Swap to saved sources, after the modules' own tests if the settings ask for them."""
        trial = self.trials.make() if self.config.watch_test else None
        return await self.swap.change(sources, anew=anew, trial=trial)

    # -- for the rooms below --------------------------------------------------------------

    def find(self, module_id: str) -> Generation | None:
        """Return the live generation of a module."""
        return self.live.generations.get(module_id)

    def _name_code(self, frame: FrameType) -> tuple[str, str] | None:
        """Return the module whose code runs in a frame or has called it, and the place there."""
        place = place_of(frame)
        if place is None:
            return None
        sources = (
            one.source for one in self._all_generations() if one.package_name == place.package
        )
        content = next((source.files.get(place.file) for source in sources), None)
        return place.module_id, place.text(content.cell if content else "")

    def _live_generations(self) -> Iterable[Generation]:
        return self.live.generations.values()

    def package_of(self, module_id: str) -> str | None:
        """Return the private package that a module's plain name leads to."""
        generation = self.find(module_id)
        return generation.package_name if generation else None

    def published(self, module_ids: Iterable[str]) -> None:
        """Tell everything that follows Live that it has changed."""
        PLAIN_NAMES.forget(module_ids)
        self.handles.refresh(module_ids)
        self.watching.published(module_ids)
        self.refresher.wake()

    def building(self, module_id: str) -> Generation | None:
        """Return the generation of a module that is being built."""
        record = self.records.get(module_id)
        return record.building if record else None

    def context_for(self, generation: Generation, find: Find) -> ModuleContext:
        """Make the ``app_context`` of a generation, which sees what ``find`` gives."""
        generation.reads.exclude(self.data)
        is_core = generation.module_id.startswith("core.")
        return (CoreContext if is_core else ModuleContext)(generation, find, self)

    def printer_for(self, module_id: str) -> Callable[..., None]:
        """Make the ``print`` of a module."""
        return make_printer(module_id, log_print)

    def source_on_disk(self, module_id: str) -> Source | None:
        """Return the source of a module in its folder or in a notebook, if there is one."""
        return self.disk.source(module_id)

    def live_names(self) -> list[str]:
        """Return the name of each live service, and the id of each live module without one."""
        services = {key: one.spec.service for key, one in self.live.generations.items()}
        return [service.name if service else key for key, service in services.items()]

    def _progress(self) -> Iterator[Progress]:
        """Yield what keeps the app loop, and what changes do with each module; from any thread."""
        if (stall := self.watchdog.stall) is not None and stall.module_id:
            text = f"{stall.place}, which keeps the app loop from everything else; an interrupt"
            yield Progress(
                f"{text} ends the wait, a restart of the process what never ends", own=True
            )
        for record in list(self.records.values()):
            generation = record.building or self.find(record.module_id)
            if generation is not None and (text := generation.progress):
                yield Progress(text, own=generation.step is not None)

    def known_names(self) -> set[str]:
        """Return the names of all modules and services there are, live or not."""
        return {*self.disk.ids(), *self.records.ids(), *self.live_names()}

    def explain(self, name: str) -> ModframeError:
        """Make the error for a name that leads to no service: not live and why, or unknown."""
        if self._stopped:
            return NotRunningError(
                f"modframe was stopped, and with it the run that {name!r} was looked up in",
                cure="start modframe and call get_service() again",
            )
        module_id = module_of_service(name)
        record = self.records.get(module_id)
        if record is None or (record.state == "DRAFT" and record.draft is None):
            return not_found_error(name, self.live_names())
        if record.state == "DRAFT":
            return ServiceUnavailableError(
                f"{module_id} is a draft and not live yet",
                cure="run its cells; the last one says what it waits for",
                module_id=module_id,
                state=record.state,
            )
        reason = f": {reason_of(record.error)}" if record.error else ""
        return ServiceUnavailableError(
            f"{module_id} is {record.state}{reason}",
            cure="" if record.error else f"load it with app.load({module_id!r})",
            module_id=module_id,
            state=record.state,
        )

    # -- databases and server -------------------------------------------------------------

    @cached_property
    def people_database(self) -> AppDatabase:
        """The databases for cells: every call crosses over to the app loop."""
        from .parts.database.crossing import AppDatabase

        return AppDatabase(self.app_loop, self.databases)

    @property
    def site(self) -> Site:
        """The application behind HTTP. The first access makes it, and imports FastAPI."""
        if self._site is None:
            self._site = self._site_over(self.live)
        return self._site

    def _site_over(self, live: Live) -> Site:
        from .server.site import Site

        return Site(
            live,
            rows=self.seen.rows,
            readiness=lambda: (self.records.ready, self.records.readiness()),
            degraded=self.records.degraded,
            absent=self._absent,
            stale=self.records.stale_reason,
            allowed_hosts=self.config.allowed_hosts,
            block=self.app_loop.wait,
        )

    def asgi_over(self, live: Live) -> Any:
        """Return the ASGI application as it would be if other generations were live."""
        return self._site_over(live).asgi

    @property
    def server(self) -> Server | None:
        """The running server, if there is one."""
        return self._site.server if self._site is not None else None

    @property
    def url(self) -> str:
        """Where the API is served; empty if it isn't."""
        return self.server.url if self.server else ""

    def _absent(self, module_id: str) -> tuple[str, str] | None:
        record = self.records.get(module_id)
        if record is None or (record.removed and not self._stopped):
            return None
        # The text of an exception is not for everyone who can send a request.
        why = "the log and the status page say why" if record.error is not None else ""
        return self.records.state(module_id), why

    def _all_generations(self) -> list[Generation]:
        """Return the generations that are live or being built."""
        building = (record.building for record in list(self.records.values()))
        return [*self.live.generations.values(), *filter(None, building)]

    # -- verbs that need several rooms ----------------------------------------------------

    @cached_property
    def _export_record(self) -> ExportRecord:
        from .ship import ExportRecord

        return ExportRecord(self.data)

    def _exported_files(self, module_id: str) -> set[str]:
        """Return the files that modframe wrote into a module's folder."""
        folder = folder_of(self.modules_folder, module_id)
        digests = self._export_record.digests(folder)
        return {path.relative_to(folder).as_posix() for path in digests}

    def export(self, module_id: str, to: str, *, force: bool = False) -> ExportReport:
        """Write the live source of a module below a folder, which is relative to the workspace.

        Raises:
            ExportError: If nothing is live, or the export is refused; nothing was written.
        """
        from .ship import export

        self.app_loop.refuse_here("export()")
        with self._refusal_logged(module_id, "was not exported"):
            generation = self.find(module_id)
            if generation is None:
                state = self.records.state(module_id)
                raise ExportError(
                    f"{module_id} is {state}, and only what is live is exported",
                    cure="mend it until it goes live, then export it",
                    findings=(),
                )
            report = export(
                generation.source,
                self.workspace / to,
                workspace=self.workspace,
                record=self._export_record,
                draft=self.records[module_id].draft,
                settings=self.given_settings,
                force=force,
            )
        log_event(module_id, f"exported · {report.line}", generation=generation.number)
        return report

    def unload(self, module_id: str) -> None:
        """Stop a module and remove it.

        Raises:
            ModframeError: If a live module requires it.
        """
        with self._refusal_logged(module_id, "stays live"):
            self.app_loop.block("unload()", lambda: self.swap.unload([module_id]))

    @contextmanager
    def _refusal_logged(self, module_id: str, what: str) -> Iterator[None]:
        """Log the error with which the block refuses what a person asked for."""
        try:
            yield
        except ModframeError as error:
            text = one_line(reason_of(error))
            log_event(module_id, f"{what} · {text}", level=logging.WARNING)
            raise

    def inspector(self, module_id: str | None) -> Inspector:
        """Return the widget view of everything, or of one module."""
        from .view.verbs import make_verbs, while_running
        from .view.widgets import Inspector

        verbs = make_verbs(self.app_loop, get_service=self.handles.get, asgi=lambda: self.site.asgi)
        return Inspector(
            while_running(self.app_loop, self.snapshot),
            verbs,
            refresher=self.refresher,
            module_id=module_id,
        )

    # -- views ----------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Return everything that runs, as frozen plain data; from any thread, without waiting."""
        return self.seen.snapshot(self.url)


def _event_log(data: Path | None, config: FrameworkSettings) -> EventLog:
    return EventLog(
        data / "logs" if data else None,
        level=config.log_level,
        max_bytes=config.log_max_bytes,
        backups=config.log_backups,
    )
