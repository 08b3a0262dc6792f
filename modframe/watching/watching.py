"""`Watching`: the task that follows saved files while an app runs; the engine makes it.

A burst of saves is scanned in a thread and applied as one transaction. A burst that touches a
change which is still running waits for it a moment, then takes its place; others run beside it.
Everything here runs on the app loop; `Watcher` is what a person holds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import ModframeError, NotRunningError, reason_of, same_fault
from ..html import row, state, tag
from ..load.reads import Reads
from ..observe import log_event, record_failure
from ..runtime.change.outcome import refusal
from ..runtime.change.swap import Swap
from ..runtime.loop.app_loop import AppLoop
from ..source import OnDisk
from ..source.watch import FileWatch
from ..wording import count
from .apply_burst import BurstResult, Change, apply_burst
from .scan import ScanResult, scan
from .seen_modules import SeenModules

GRACE = 0.3
"""Seconds in which a file that is gone or empty may come back: it may be the middle of a save."""
PATIENCE = 1.0
"""Seconds that a change gets to end before a newer text of the same module takes its place."""
_SCAN_AGAIN = 0.03
_log = logging.getLogger("modframe.watch")


class Watching:
    """Follows the files of one app.

    Attributes:
        report: Called with one line for each module that a burst changed or that failed, for a
            person who looks on; the log has its own.
        change: Runs a transaction; assign a function that wraps ``swap.change``.
    """

    def __init__(self, swap: Swap, disk: OnDisk, *, app_loop: AppLoop) -> None:
        self._swap, self._disk, self._app_loop = swap, disk, app_loop
        self.report: Callable[[str], None] = lambda _: None
        self.change: Change = swap.change
        self._files: FileWatch | None = None
        self._task: asyncio.Task[None] | None = None
        self._changes: dict[asyncio.Task[None], dict[str, object]] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._tried: dict[str, object] = {}
        self._refused: set[str] = set()
        self._folders: set[Path] = set()
        self._scanning = asyncio.Lock()
        self._swaps = 0

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    async def begin(self) -> Watcher:
        """Start to follow; what was saved since it was loaded counts as a first burst."""
        if not self.running:
            self._files = FileWatch()
            await self._follow()
            self._task = self._app_loop.spawn(self._run(self._files), name="modframe-watch")
        return Watcher(self, block=self._app_loop.wait)

    async def end(self) -> None:
        """Stop following; a change that is running comes to its end by itself."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        if self._files is not None:
            await asyncio.to_thread(self._files.close)

    def published(self, module_ids: Iterable[str]) -> None:
        """Follow the files that modules read which went live; the engine calls it at publish."""
        live = self._swap.live.generations
        if self.running:
            self._follow_new(live[key].reads for key in module_ids if key in live)

    def describe(self) -> str:
        """Return what it follows and how many swaps it made, for a repr."""
        if not self.running:
            return f"stopped, {count(self._swaps, 'swap')}"
        return f"{self.places}: {count(self._swaps, 'swap')}"

    @property
    def places(self) -> str:
        return ", ".join(map(str, [self._disk.modules, *self._disk.notebooks]))

    # -- what to watch --------------------------------------------------------------------

    async def _follow(self) -> bool:
        """Watch texts and the files that modules read; return whether that is more than before."""
        if self._files is None:
            return False
        folders = {notebook.parent for notebook in self._disk.notebooks}
        for _, all_reads in self._seen().reads():
            folders |= {folder for reads in all_reads for folder in reads.folders}
        modules = self._disk.modules
        self._folders = self._outside(folders) | (set() if modules.is_dir() else {modules.parent})
        return await self._files.follow(trees=[modules], folders=self._folders)

    def _outside(self, folders: set[Path]) -> set[Path]:
        """Return the folders that aren't below the folder of modules, which is watched anyway."""
        return {folder for folder in folders if not folder.is_relative_to(self._disk.modules)}

    async def _follow_reads(self) -> None:
        if await self._follow():
            await self._handle(frozenset())  # files may have changed before they were watched

    def _seen(self) -> SeenModules:
        live, records = self._swap.live.generations, self._swap.records
        return SeenModules(live, records, disk=self._disk, tried=self._tried)

    # -- bursts ---------------------------------------------------------------------------

    async def _run(self, files: FileWatch) -> None:
        from_disk = [key for key, live in self._seen().live() if self._disk.holds(live)]
        await self._follow_burst(frozenset(), also=from_disk)
        async for paths in files.bursts():
            await self._follow_burst(paths)

    async def _follow_burst(self, paths: frozenset[Path], *, also: Iterable[str] = ()) -> None:
        try:
            await self._follow()
            await self._handle(paths, also=also)
        except Exception as error:  # noqa: BLE001  # one burst that goes wrong must not end the watch
            _log.exception("a burst of %d saves was not followed: %s", len(paths), error)

    async def _handle(self, paths: frozenset[Path], *, also: Iterable[str] = ()) -> None:
        """Scan a burst and start the change that it asks for."""
        async with self._scanning:
            burst = await self._scan(paths, {*also, *self._refused})
            if outdated := self._outdated(burst):
                await asyncio.wait(outdated, timeout=PATIENCE)
                ids = {key for task in outdated for key in self._cancel(task)}
                burst = await self._scan(paths, {*also, *self._refused, *ids})
                self._outdated(burst)
            self._report_faults(burst)
            task = self._spawn(self._apply(burst))
            self._changes[task] = burst.marks
            task.add_done_callback(lambda ended: self._changes.pop(ended, None))
            # Most changes end at once, and the next burst is then compared with their outcome.
            await asyncio.wait({task}, timeout=PATIENCE)

    def _outdated(self, burst: ScanResult) -> list[asyncio.Task[None]]:
        """Return running changes that build older texts; take out of the burst what is the same."""
        outdated = []
        for task, marks in self._changes.items():
            both = burst.marks.keys() & marks.keys()
            same = {key for key in both if burst.marks[key] == marks[key]}
            for key in same:
                del burst.sources[key], burst.marks[key]
            if both - same:
                outdated.append(task)
        return outdated

    def _cancel(self, task: asyncio.Task[None]) -> set[str]:
        """Cancel a change that builds older texts; return its modules, to be scanned again."""
        ids = set(self._changes.pop(task, ()))
        if not task.done():
            task.cancel()
            names = ", ".join(sorted(ids))
            self.report(f"{names}: a newer text takes the place of the one being built")
            for key in ids:
                log_event(key, "a newer text takes the place of the one being built")
        for key in ids:
            self._tried.pop(key, None)
        return ids

    async def _scan(self, paths: frozenset[Path], also: set[str]) -> ScanResult:
        """Scan a burst until nothing in it looks like the middle of a save, at most `GRACE`."""
        ends = self._app_loop.loop.time() + GRACE
        while True:
            step = partial(scan, self._disk, paths, self._seen(), also)
            burst = await asyncio.to_thread(step)
            if burst.doubts <= self._refused or self._app_loop.loop.time() >= ends:
                return burst
            await asyncio.sleep(_SCAN_AGAIN)

    async def _apply(self, burst: ScanResult) -> None:
        swap = self._swap
        for module_id in burst.forgotten:
            self._forget(module_id)
        if burst.reverted:
            self._report_result(
                await apply_burst(swap, burst.reverted, change=self.change, anew=False)
            )
        if burst.sources:
            self._tried |= burst.marks
            result = await apply_burst(swap, burst.sources, change=self.change, anew=True)
            for outcome in result.outcomes:
                self._tried.pop(outcome.module_id, None)
            self._report_result(result)
            # One of the files that a failed attempt read may be the reason.
            self._follow_new(swap.records[key].reads for key in result.failed)
        gone = [key for key in burst.gone if key in swap.live.generations]
        if gone:
            _ = self._spawn(self._unload(gone))  # so that the next save does not wait for the drain
        self._refused -= burst.sources.keys() | burst.reverted.keys()

    def _follow_new(self, all_reads: Iterable[Reads | None]) -> None:
        """Watch the files that modules read, if a folder of them is not watched yet."""
        folders = {folder for reads in all_reads if reads is not None for folder in reads.folders}
        if self._outside(folders) - self._folders:
            _ = self._spawn(self._follow_reads())

    def _spawn(self, coro: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._app_loop.spawn(coro, name="modframe-watch-burst")
        self._background.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, NotRunningError):
            _log.error("a burst of saves was not followed: %s", error, exc_info=error)

    # -- gone and failed ------------------------------------------------------------------

    async def _unload(self, module_ids: list[str]) -> None:
        """Stop modules whose text is gone: all together, or those that no other module needs."""
        try:
            outcomes = await self._swap.unload(module_ids)
        except NotRunningError:
            raise
        except ModframeError as error:
            if len(module_ids) == 1:
                self._refuse_unload(module_ids[0], error)
                return
            for module_id in module_ids:
                await self._unload([module_id])
            return
        self._refused -= set(module_ids)
        for outcome in outcomes:
            self.report(f"{outcome.module_id} stopped: its text is gone")
            log_event(outcome.module_id, "its text is gone, so it was stopped")

    def _refuse_unload(self, module_id: str, error: ModframeError) -> None:
        self._refused.add(module_id)
        record = self._swap.records[module_id]
        if not same_fault(record.error, error):
            record.error = error
            text = reason_of(error)
            log_event(module_id, f"its text is gone, and it stays: {text}", level=logging.WARNING)
            self.report(self._describe_failure(module_id, error))

    def _forget(self, module_id: str) -> None:
        """Drop the failure of a module that isn't live and whose text is gone."""
        record = self._swap.records.get(module_id)
        if record is None or record.draft is not None or record.building is not None:
            return
        if record.state == "FAILED_UNLOAD":
            return
        if record.number:
            record.state, record.error = "STOPPED", None
        else:
            del self._swap.records[module_id]

    def _report_faults(self, burst: ScanResult) -> None:
        """Record and report the texts that can't be read; each fault once."""
        for module_id, error in burst.faults.items():
            record = self._swap.records[module_id]
            if same_fault(record.error, error):
                continue
            record.error = error
            if module_id not in self._swap.live.generations:
                record.state, record.expected = "FAILED", True
            record_failure(module_id, reason_of(error), error)
            self.report(self._describe_failure(module_id, error))

    def _report_result(self, result: BurstResult) -> None:
        for outcome in result.outcomes:
            self._swaps += outcome.kind == "live"
            if outcome.kind != "superseded":
                self.report(str(outcome))
        for module_id, error in {**result.failed, **result.held}.items():
            self.report(self._describe_failure(module_id, error))
            if module_id in result.held:
                _log.warning("%s", error)

    def _describe_failure(self, module_id: str, error: BaseException) -> str:
        """Return ``standard.orders 3 stays live · api.py, line 7: ...``."""
        return f"{module_id} {refusal(self._swap.live.generations.get(module_id), error)}"


class Watcher:
    """Watches saved files for a person; ``block`` runs coroutines on the app loop and waits."""

    def __init__(
        self, watching: Watching, *, block: Callable[[Callable[[], Awaitable[object]]], object]
    ) -> None:
        self._watching = watching
        self._block = block

    @property
    def running(self) -> bool:
        """Whether saved files are still swapped to."""
        return self._watching.running

    def stop(self) -> None:
        """Watch no more; what is live stays, and a running swap comes to its end."""
        if self.running:
            self._block(self._watching.end)

    def __repr__(self) -> str:
        return f"<Watcher {self._watching.describe()}>"

    def _repr_html_(self) -> str:
        told = self._watching.describe().removeprefix("stopped")
        word = state("watching", "good") if self.running else state("stopped")
        return tag("div", row(word, " " if self.running else "", told))
