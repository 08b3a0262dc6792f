"""`Engine`: the rooms wired together on one app loop. The app context's verbs are calls of it.

It makes the parts, the swap, the log and the databases, and hands each room what it needs from
above. Everything async here runs on the app loop.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cockpit.follow import Follower
from .config import FrameworkSettings
from .context import CoreContext, ModuleContext
from .desk.drafts import Drafts
from .desk.exports import Exports
from .desk.find_source import SourceFinder
from .desk.rollback import Rollbacks
from .errors import ModuleNotFoundInWorkspaceError, WorkspaceError, reason_of
from .front import Front
from .masking import KnownSecrets
from .observe import (
    NAMED_AFTER,
    Event,
    EventLog,
    LostErrors,
    Numbers,
    Stall,
    Watchdog,
    log_print,
    record_failure,
)
from .parts.database.lazy import LazyDatabases
from .parts.database.part import declared_by
from .parts.database.transfers import Transfers
from .parts.events import Events
from .parts.health import Overview
from .parts.in_order import make_parts
from .parts.jobs import Jobs
from .parts.pools import PoolsPart
from .parts.resources import ResourcesPart
from .parts.settings import Preferences, SettingsChanges, SettingsSources
from .parts.web.path_table import PathTable
from .runtime.calls.handle import Find
from .runtime.calls.handles import Handles
from .runtime.calls.overrides import Overrides
from .runtime.change.ending import Ending
from .runtime.change.outcome import Outcome, StopReport
from .runtime.change.swap import Swap
from .runtime.directory import Directory
from .runtime.finder import PLAIN_NAMES
from .runtime.forgotten import ForgottenAwaits
from .runtime.garbage.collecting import collecting_rarely
from .runtime.generation import Generation
from .runtime.live import Live
from .runtime.loop.app_loop import AppLoop
from .runtime.loop.bounds import Limits
from .runtime.loop.breaking import LoopBreaker
from .runtime.output import make_printer, print_to_console
from .runtime.part import Part
from .runtime.record import Records
from .source import Disabled, OnDisk, Source, find_modules, read_folder
from .source.folder_change import finish_changes
from .source.text_folders import TextFolders
from .source.workspace import close_data_folder
from .spec import module_id_of
from .trial import Trials
from .view.collect import Collector
from .watching import Watching

if TYPE_CHECKING:
    from .parts.database.crossing import AppDatabase

_log = logging.getLogger("modframe.engine")
CORE_MODULES = Path(__file__).parent / "core_modules"
"""Holds ``core/<name>/``, laid out like a workspace's ``modules/``."""


class Engine(Front):
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
        self.app_loop, self.given_settings = app_loop, given_settings
        self.workspace, self.data, self.config = workspace, data, config
        self.secrets = KnownSecrets()
        self.modules_folder = workspace / "modules"
        self.disabled = Disabled(workspace, config.disabled)
        self.disk = OnDisk(self.modules_folder, notebooks)
        self.text_folders = TextFolders(self.modules_folder)
        self.live, self.numbers = Live(), Numbers()
        self.records = Records(self.live)
        self.directory = Directory(
            self.live, self.records, on_disk=self.disk.ids, stall=self._stall
        )
        app_loop.progress = self.directory.progress
        self._hurry = asyncio.Event()
        self.limits = Limits.from_settings(config)
        self.app: Any = None  # the `AppContext` over it, once there is one
        self._make_parts(parts)
        self._make_changes()
        self._make_observers()
        self._make_desk()
        self._make_views()

    def _make_parts(self, more: Sequence[Part[Any]]) -> None:
        """Make what generations are made of, and what of it belongs to the app."""
        app_loop, find = self.app_loop, self.directory.find
        self.databases = LazyDatabases(
            self.data,
            self.config,
            lambda: declared_by(self.directory.all_generations()),
            workspace=self.workspace,
            numbers=self.numbers,
        )
        self.session = self.databases.session_here
        self.transfers = Transfers(self.databases)
        self.insert = self.transfers.insert
        self.transaction = self.databases.transaction_here
        self.resources, self.pools = ResourcesPart(app_loop), PoolsPart(self.workspace)
        self.settings = SettingsSources(
            self.workspace,
            Preferences(self.data),
            session=self.given_settings,
            secrets=self.secrets,
        )
        self.events = Events(find, hurry=self._hurry, numbers=self.numbers)
        self.jobs = Jobs(app_loop, find, secrets=self.secrets, numbers=self.numbers)
        self.paths = PathTable()
        self.parts = make_parts(
            app_loop,
            live=self.directory.live_generations,
            databases=self.databases,
            resources=self.resources,
            pools=self.pools,
            events=self.events,
            jobs=self.jobs,
            paths=self.paths,
            settings=self.settings,
            secrets=self.secrets,
            numbers=self.numbers,
            hurry=self._hurry,
            more=more,
        )

    def _make_changes(self) -> None:
        """Make what changes what runs, and what callers reach it by."""
        self.ending = Ending(self, hurry=self._hurry)
        self.swap = Swap(self, self.ending)
        self.swap.listeners.append(lambda source, _: self.text_folders.refresh(source))
        self.settings_changes = SettingsChanges(
            self, self.settings, swap=self.swap, ending=self.ending
        )
        self.handles = Handles(
            self.app_loop,
            self.directory.find,
            explain=self.directory.explain,
            names=self.directory.live_names,
            numbers=self.numbers,
        )
        self.overrides = Overrides(self.live, self.records, self.handles, self.published)

    def _make_desk(self) -> None:
        """Make what stands above a change: the watch, drafts, exports, tests, history."""
        self.watching = Watching(self.swap, self.disk, app_loop=self.app_loop)
        self.watching.change = self._change_saved
        self.exports = Exports(
            self.live,
            self.records,
            workspace=self.workspace,
            data=self.data,
            settings=self.given_settings,
        )
        self.drafts = Drafts(self.swap, self.exports.files)
        self.trials = Trials(self)
        self.rollbacks = Rollbacks(self.swap, self.data)
        self.log.on_failure = self.rollbacks.count_error
        self.source_finder = SourceFinder(
            self.disk,
            self.live,
            self.records,
            last=self.rollbacks.last,
            workspace=self.workspace,
        )

    def _make_views(self) -> None:
        """Make what people see of it."""
        self.follower = Follower()
        self.log.listeners.append(self._wake_views)
        self.health = Overview(self.live, self.records, self.watchdog, mask=self.secrets.mask)
        self.seen = Collector(
            self.live,
            self.records,
            self.parts,
            log=self.log,
            watchdog=self.watchdog,
            numbers=self.numbers,
            secrets=self.secrets,
            workspace=str(self.workspace),
            data=str(self.data) if self.data else ":memory:",
        )
        self.services = self.seen.services

    def _make_observers(self) -> None:
        """Make what records and names what goes wrong; `start` lets it begin."""
        app_loop, config = self.app_loop, self.config
        self.log = EventLog.from_settings(self.data, config, mask=self.secrets.mask)
        self.log.number_of = self.directory.number_of
        self._breaker = LoopBreaker(app_loop.loop, app_loop.thread_id, config.stall_timeout)
        self.watchdog = Watchdog(
            app_loop.loop,
            app_loop.thread_id,
            name=self.directory.name_code,
            break_out=self._breaker,
            tick=self.numbers.tick,
        )
        self.watchdog.freezes.write_after(min(NAMED_AFTER, config.freeze_timeout))
        app_loop.stall = self._stall
        self._forgotten_awaits = ForgottenAwaits(self.directory.all_generations)
        self._lost_errors = LostErrors(
            lambda line: print_to_console(self.secrets.mask(line)),
            partial(self.directory.note_dead_thread, mask=self.secrets.mask),
        )

    # -- start and stop -------------------------------------------------------------------

    async def start(self, modules: Sequence[str] | None) -> list[Outcome]:
        """Load the core modules and those asked for; the records keep the failed ones."""
        self.log.open()
        self._forgotten_awaits.install()
        self._lost_errors.install()
        self.watchdog.start()
        PLAIN_NAMES.resolvers.insert(0, self.directory.package_of)
        try:
            if self.data is not None:
                close_data_folder(self.data)
                finish_changes(self.data)  # those of modules/ are finished when it is read
                self.exports.finish()
            await self.settings.preferences.open()
            with collecting_rarely():
                core = [read_folder(folder) for folder in find_modules(CORE_MODULES).values()]
                on_disk = self.disk.ids()
                names = on_disk if modules is None else modules
                with self.disk.reading() as read:
                    sources = [*core, *filter(None, (self._read(name, read) for name in names))]
                outcomes = await self.swap.change(sources, keep_going=True)
        except BaseException:
            await self.stop()
            raise
        known = {*self.records.ids(), *on_disk}
        self.settings.log_unclaimed(known)
        if unknown := self.disabled.named - known:
            _log.warning("%s is disabled, and there is no such module", ", ".join(sorted(unknown)))
        return outcomes

    def start_errors(self) -> dict[str, BaseException]:
        """Return module id → why it did not start, or that settings name it nearly."""
        known = self.records.ids()
        if self.settings.for_none(known):
            known.update(self.disk.ids())
        return {**self.records.errors(), **self.settings.misspelt(known)}

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
        self.directory.stopped = True
        outcomes: list[Outcome] = []
        faults: list[str] = []

        async def stop_modules() -> None:
            outcomes.extend(await self.swap.stop())

        await self._guarded(self.watching.end, "the watch", faults)
        if self._site is not None:
            self.page.close()
            await self._guarded(self._site.close, "the server", faults)
        await self._guarded(self.events.close, "the events", faults)
        await self._guarded(stop_modules, "the modules", faults)
        if self.directory.package_of in PLAIN_NAMES.resolvers:
            PLAIN_NAMES.resolvers.remove(self.directory.package_of)
        PLAIN_NAMES.forget(self.records)
        await self._guarded(self.databases.aclose, "the databases", faults)
        await self._guarded(self.settings.preferences.aclose, "the preferences", faults)
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
        self._lost_errors.remove()
        self.watchdog.stop()
        self.log.close()
        faults += (
            f"{record.module_id}: {fault}"
            for record in self.records.values()
            for fault in record.unsettled
            if not fault.persons
        )
        said = tuple(map(self.secrets.mask, faults))
        return StopReport(tuple(outcomes), time.perf_counter() - began, said)

    def abandon(self, why: str) -> StopReport:
        """Give up a stop, from another thread, because the app loop stands still."""
        self.directory.stopped = True
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

    def _wake_views(self, event: Event) -> None:
        """Show a failure at once; any thread may log one."""
        if event.is_failure:
            self.follower.wake()

    # -- for the rooms below --------------------------------------------------------------

    def _stall(self) -> Stall | None:
        return self.watchdog.stall

    def published(self, module_ids: Iterable[str]) -> None:
        """Tell everything that follows Live that it has changed."""
        PLAIN_NAMES.forget(module_ids)
        self.paths.published(module_ids, self.live.generations.get)
        self.handles.refresh(module_ids)
        self.events.published(module_ids)
        self.jobs.published(module_ids)
        self.watching.published(module_ids)
        self.settings_changes.published(module_ids)
        if self._assistants is not None:
            self._assistants.published(module_ids)
        self.follower.wake()

    def building(self, generation: Generation) -> None:
        """Tell what answers for a module that isn't live that it is being built."""
        if generation.module_id not in self.live.generations:
            self.paths.expect(generation)

    def context_for(self, generation: Generation, find: Find) -> ModuleContext:
        """Make the ``app_context`` of a generation, which sees what ``find`` gives."""
        generation.reads.exclude(self.data)
        is_core = generation.module_id.startswith("core.")
        return (CoreContext if is_core else ModuleContext)(generation, find, self)

    def printer_for(self, module_id: str) -> Callable[..., None]:
        """Make the ``print`` of a module."""
        return make_printer(module_id, log_print, self.secrets.mask)

    def source_on_disk(self, module_id: str) -> Source | None:
        """Return the source of a module in its folder or in a notebook, if there is one."""
        return self.disk.source(module_id)

    # -- databases and server -------------------------------------------------------------

    @cached_property
    def people_database(self) -> AppDatabase:
        """The databases for cells: every call crosses over to the app loop."""
        from .parts.database.crossing import AppDatabase

        return AppDatabase(self.app_loop, self.databases, self.transfers, reload=self._load_again)

    async def _load_again(self, module_ids: list[str]) -> None:
        """Load live modules again from what is live, in one change."""
        live = self.live.generations
        await self.swap.change([live[one].source for one in module_ids], anew=True, force=True)
