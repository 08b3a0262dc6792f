"""`Watching`: the task that follows saved files while an app runs; made by the engine, on its loop.

A burst is looked at in a thread and carried out as one transaction. One that touches a change that
is still under way waits for it a moment, then takes its place; others go beside it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import ModframeError, NotRunningError
from ..html import tag
from ..observe import log_exception
from ..runtime.change.swap import Swap
from ..runtime.loop import AppLoop
from ..source import OnDisk
from ..source.watch import FileWatch
from ..wording import count
from .apply_burst import Carried, Change, carry
from .scan import Found, look
from .seen_modules import SeenModules

GRACE = 0.3
"""Seconds that a file which is gone or empty gets to come back: it may be the middle of a save."""
PATIENCE = 1.0
"""Seconds that a change gets to end before a newer text of the same module takes its place."""
_LOOK_AGAIN = 0.03
_log = logging.getLogger("modframe.watch")


class Watching:
    """Follows the files of one app.

    Args:
        swap: Carries changes out.
        disk: Where the texts are.
        app_loop: The loop it all runs on.

    Attributes:
        say: Told what came of each burst, a line for each module.
        change: Carries a transaction out; to let something stand before the swap.
    """

    def __init__(self, swap: Swap, disk: OnDisk, *, app_loop: AppLoop) -> None:
        self._swap, self._disk, self._app_loop = swap, disk, app_loop
        self.say: Callable[[str], None] = _log.info
        self.change: Change = swap.change
        self._files: FileWatch | None = None
        self._task: asyncio.Task[None] | None = None
        self._under_way: dict[asyncio.Task[None], dict[str, object]] = {}
        self._behind: set[asyncio.Task[None]] = set()
        self._tried: dict[str, object] = {}
        self._refused: set[str] = set()
        self._folders: set[Path] = set()
        self._looking = asyncio.Lock()
        self._swaps = 0

    @property
    def running(self) -> bool:
        """Whether it follows."""
        return self._task is not None and not self._task.done()

    async def begin(self) -> Watcher:
        """Follow from now on; what was saved since it was loaded counts as a first burst."""
        if not self.running:
            self._files = FileWatch()
            await self._follow()
            self._task = self._app_loop.spawn(self._run(self._files), name="modframe-watch")
        return Watcher(self, block=self._app_loop.wait)

    async def end(self) -> None:
        """Follow no more; what is under way comes to its end by itself."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        if self._files is not None:
            await asyncio.to_thread(self._files.close)

    def published(self, module_ids: Iterable[str]) -> None:
        """Told what went live, however it did: it may have read files that nobody watches yet."""
        live = self._swap.live.generations
        read = (live[key].reads.folders for key in module_ids if key in live)
        if self.running and any(self._outside(one) - self._folders for one in read):
            _ = self._spawn(self._follow_reads())

    def describe(self) -> str:
        """What it does, for a repr."""
        if not self.running:
            return f"stopped, {count(self._swaps, 'swap')}"
        return f"{self.places}: {count(self._swaps, 'swap')}"

    @property
    def places(self) -> str:
        """Where it looks for texts."""
        return ", ".join(map(str, [self._disk.modules, *self._disk.notebooks]))

    # -- what to watch --------------------------------------------------------------------

    async def _follow(self) -> bool:
        """Watch where texts and the files they read are; whether there is more than before."""
        if self._files is None:
            return False
        folders = {one.parent for one in self._disk.notebooks}
        for _, reads in self._known().reads():
            folders |= {folder for one in reads for folder in one.folders}
        modules = self._disk.modules
        self._folders = self._outside(folders) | (set() if modules.is_dir() else {modules.parent})
        return await self._files.follow(trees=[modules], folders=self._folders)

    def _outside(self, folders: set[Path]) -> set[Path]:
        return {one for one in folders if not one.is_relative_to(self._disk.modules)}

    async def _follow_reads(self) -> None:
        if await self._follow():
            await self._take(frozenset())  # what changed before it was watched

    def _known(self) -> SeenModules:
        live, records = self._swap.live.generations, self._swap.records
        return SeenModules(live, records, disk=self._disk, tried=self._tried)

    # -- bursts ---------------------------------------------------------------------------

    async def _run(self, files: FileWatch) -> None:
        saved_before = [key for key, live in self._known().live() if self._disk.holds(live)]
        await self._follow_burst(frozenset(), also=saved_before)
        async for paths in files.bursts():
            await self._follow_burst(paths)

    async def _follow_burst(self, paths: frozenset[Path], *, also: Iterable[str] = ()) -> None:
        try:
            await self._follow()
            await self._take(paths, also=also)
        except Exception as error:  # noqa: BLE001  # one burst that goes wrong must not end the watch
            _log.exception("a burst of %d saves was not followed: %s", len(paths), error)

    async def _take(self, paths: frozenset[Path], *, also: Iterable[str] = ()) -> None:
        """Look at a burst, and set going what it comes to."""
        async with self._looking:
            found = await self._settled(paths, {*also, *self._refused})
            if older := self._older(found):
                await asyncio.wait(older, timeout=PATIENCE)
                ids = {key for task in older for key in self._cancel(task)}
                found = await self._settled(paths, {*also, *self._refused, *ids})
                self._older(found)
            self._say_faults(found)
            task = self._spawn(self._carry_out(found))
            self._under_way[task] = found.marks
            task.add_done_callback(lambda ended: self._under_way.pop(ended, None))
            # Most are through at once, and then the next burst finds settled ground.
            await asyncio.wait({task}, timeout=PATIENCE)

    def _older(self, found: Found) -> list[asyncio.Task[None]]:
        """Changes under way to texts that are out of date; what is under way as it is, is left."""
        older = []
        for task, marks in self._under_way.items():
            both = found.marks.keys() & marks.keys()
            same = {key for key in both if found.marks[key] == marks[key]}
            for key in same:
                del found.sources[key], found.marks[key]
            if both - same:
                older.append(task)
        return older

    def _cancel(self, task: asyncio.Task[None]) -> set[str]:
        """End a change that a newer text overtook; the modules that are to be looked at again."""
        ids = set(self._under_way.pop(task, ()))
        if not task.done():
            task.cancel()
            names = ", ".join(sorted(ids))
            self._say(f"{names}: a newer text takes the place of the one being built")
        for key in ids:
            self._tried.pop(key, None)
        return ids

    async def _settled(self, paths: frozenset[Path], also: set[str]) -> Found:
        """What a burst comes to, once nothing about it looks like the middle of a save."""
        ends = self._app_loop.loop.time() + GRACE
        while True:
            step = partial(look, self._disk, paths, self._known(), also)
            found = await asyncio.to_thread(step)
            if found.doubts <= self._refused or self._app_loop.loop.time() >= ends:
                return found
            await asyncio.sleep(_LOOK_AGAIN)

    async def _carry_out(self, found: Found) -> None:
        swap = self._swap
        for module_id in found.forgotten:
            self._forget(module_id)
        if found.reverted:
            self._tell(await carry(swap, found.reverted, change=self.change, anew=False))
        if found.sources:
            self._tried |= found.marks
            done = await carry(swap, found.sources, change=self.change, anew=True)
            for one in done.outcomes:
                self._tried.pop(one.module_id, None)
            self._tell(done)
            self._follow_failed(done)
        gone = [key for key in found.gone if key in swap.live.generations]
        if gone:
            _ = self._spawn(self._unload(gone))  # draining what is gone holds up no save
        self._refused -= found.sources.keys() | found.reverted.keys()

    def _follow_failed(self, done: Carried) -> None:
        """The files that a failed attempt read may be what is wrong with it."""
        read = (self._swap.records[key].reads for key in done.failed)
        if any(self._outside(one.folders) - self._folders for one in read if one is not None):
            _ = self._spawn(self._follow_reads())

    def _spawn(self, coro: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._app_loop.spawn(coro, name="modframe-watch-burst")
        self._behind.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._behind.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, NotRunningError):
            _log.error("a burst of saves was not followed: %s", error, exc_info=error)

    # -- gone and failed ------------------------------------------------------------------

    async def _unload(self, module_ids: list[str]) -> None:
        """Stop modules whose text is gone: all together, or those that nobody needs."""
        try:
            outcomes = await self._swap.unload(module_ids)
        except NotRunningError:
            raise
        except ModframeError as error:
            if len(module_ids) == 1:
                self._refuse_unload(module_ids[0], error)
                return
            for one in module_ids:
                await self._unload([one])
            return
        self._refused -= set(module_ids)
        for outcome in outcomes:
            self._say(f"{outcome}: its text is gone")

    def _refuse_unload(self, module_id: str, error: ModframeError) -> None:
        self._refused.add(module_id)
        record = self._swap.records[module_id]
        if str(record.error) != str(error):
            record.error = error
            _log.warning("the text of %s is gone, and it stays: %s", module_id, error)
            self._say(self._stays(module_id, error))

    def _forget(self, module_id: str) -> None:
        """Of a module that isn't live and whose text is gone, nothing is missed any more."""
        record = self._swap.records.get(module_id)
        if record is None or record.draft is not None or record.building is not None:
            return
        if record.state == "FAILED_UNLOAD":
            return
        if record.number:
            record.state, record.error = "STOPPED", None
        else:
            del self._swap.records[module_id]

    def _say_faults(self, found: Found) -> None:
        for module_id, error in found.faults.items():
            record = self._swap.records[module_id]
            if str(record.error) == str(error):
                continue
            record.error = error
            if module_id not in self._swap.live.generations:
                record.state = "FAILED"
            log_exception(module_id, str(error), error)
            self._say(self._stays(module_id, error))

    def _tell(self, done: Carried) -> None:
        for outcome in done.outcomes:
            self._swaps += outcome.kind == "live"
            if outcome.kind != "superseded":
                self._say(str(outcome))
        for module_id, error in {**done.failed, **done.held}.items():
            self._say(self._stays(module_id, error))
            if module_id in done.held:
                _log.warning("%s", error)

    def _stays(self, module_id: str, error: BaseException) -> str:
        """``standard.orders 3 stays live · api.py, line 7: ...``"""
        live = self._swap.live.generations.get(module_id)
        what = f"{live.number} stays live" if live else "is not live"
        said = " ".join(str(error).split()).removeprefix(f"{module_id}: ")
        return f"{module_id} {what} · {said}"

    def _say(self, line: str) -> None:
        self.say(line)


class Watcher:
    """Watches saved files for a person, until it is stopped or the app is.

    Args:
        watching: What does it.
        block: Runs a coroutine function on the app loop and waits.
    """

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
        """Watch no more; what is live stays, and a swap under way comes to its end."""
        if self.running:
            self._block(self._watching.end)

    def __repr__(self) -> str:
        return f"<Watcher {self._watching.describe()}>"

    def _repr_html_(self) -> str:
        return tag("div", repr(self))
