"""`Loading`: executes the files of a batch on the loader thread, and those of required modules.

A batch makes one. What a file imports from another module leads to the generation that the batch
sees; one that is not loaded yet is loaded on the way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Container, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from typing import Protocol

from ...errors import BlockedError, LoadError
from ...load import LoadChain, Loaded, load
from ...load.body import running_place
from ...load.text import analyze, is_code
from ...names import folder_of, path_below
from ..app import App
from ..failure import as_load_error
from ..garbage.finalizers import Finalizer, finalizer_on
from ..generation import Generation
from ..loop.module_threads import ModuleThreads
from .claims import GroundMovedError

_IMPORT = "the import of its files"
_TURN = 0.01
"""Seconds after which a job of the loader thread takes no further module."""
_AHEAD = 20
"""How many modules a job takes at most. Their texts are parsed first, one after the other: to parse
and execute in alternation takes a quarter longer, as each drives the other from the CPU's caches.
"""


@dataclass(slots=True)
class _Turn:
    """One job of the loader thread.

    Attributes:
        module_ids: The modules that are still to be loaded.
        loading: The module that is being loaded; empty between two of them.
        over: Whether the job takes no further module, and what it still loads is too late.
        thread_id: The number of its thread; 0 before it runs.
    """

    module_ids: list[str]
    loading: str = ""
    over: bool = False
    thread_id: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> bool:
        """Begin the next module; return whether there is one to begin."""
        with self._lock:
            self.loading = "" if self.over or not self.module_ids else self.module_ids.pop(0)
            return bool(self.loading)

    def end(self) -> bool:
        """End the job; return whether a module is being loaded, which is too late then."""
        with self._lock:
            self.over = True
            return bool(self.loading)

    def finish(self) -> bool:
        """End the module that was loaded; return whether it came in time."""
        with self._lock:
            self.loading = self.loading if self.over else ""
            return not self.over


class Unloaded(Protocol):
    """What loading needs of a batch: its generations and failures, and who sees what."""

    generations: dict[str, Generation]
    failed: dict[str, BaseException]
    open: bool

    def find(self, module_id: str) -> Generation | None:
        """Return the generation that the modules of the batch see for an id."""


class Loading:
    """Loads the generations of one batch.

    Args:
        app: The app.
        batch: Its generations are loaded, in place; modules that they require are added.
        loader: The threads that execute module files.
        numbers: Gives the number of a module's next generation.
        claim: Claims another module for the change; returns whether it was free.
        outer_names: Names of the notebook, which module code does not see.

    Attributes:
        imported: Module id → the live generation that a module of the batch imported from.
    """

    def __init__(
        self,
        app: App,
        batch: Unloaded,
        *,
        loader: ModuleThreads,
        numbers: Callable[[str], int],
        claim: Callable[[str], bool],
        outer_names: Container[str],
    ) -> None:
        self._app = app
        self._batch = batch
        self._loader = loader
        self._numbers = numbers
        self._claim = claim
        self._outer_names = outer_names
        self._chain = LoadChain()
        self._refused: set[str] = set()
        self._parsed: set[str] = set()
        self.imported: dict[str, Generation] = {}

    async def run(self, begins: Callable[[Generation], None]) -> None:
        """Load all generations of the batch, and those they require.

        Args:
            begins: Called with each generation before it is loaded.

        Raises:
            GroundMovedError: If another change is at work on one that isn't live yet.
        """
        waiting = list(self._batch.generations)
        while waiting:
            for module_id in waiting:
                begins(self._batch.generations[module_id])
            unloaded = list(waiting)
            while unloaded:
                unloaded = await self._load_some(unloaded)
                if self._refused:
                    raise GroundMovedError(self._refused)
            generations = [self._batch.generations[key] for key in waiting]
            required = (
                key
                for generation in generations
                if generation.loaded
                for key in generation.spec.required_ids
            )
            waiting = [key for key in required if self._supply(key)]
            if self._refused:
                raise GroundMovedError(self._refused)

    def _supply(self, other: str) -> bool:
        """Take a module that isn't live from disk into the change; return whether it exists."""
        if other in self._batch.generations or other in self._app.live.generations:
            return False
        if not self._claim(other):
            self._refused.add(other)
            return False
        source = self._app.source_on_disk(other)
        if source is None or other in self._app.live.generations:
            return False
        self._batch.generations[other] = Generation(source, self._numbers(other))
        return True

    async def _load_some(self, module_ids: Sequence[str]) -> list[str]:
        """Load modules in one job of the loader thread, which ends after a short time.

        Returns:
            The modules that are left for the next job.
        """
        turn = _Turn(list(module_ids))
        try:
            await self._loader.run_body(
                lambda: self._load_in_turn(turn),
                timeout=self._app.limits.load,
                what=_IMPORT,
                is_late=turn.end,
            )
        except TimeoutError as error:
            generation = self._batch.generations[turn.loading]
            source = generation.source
            finalizer = finalizer_on(turn.thread_id)
            late = error
            if finalizer is not None and finalizer.package != generation.package_name:
                late = _held_up_error(finalizer)
            else:
                late.file, late.line = running_place(source)  # type: ignore[attr-defined]  # for the finding
            self._batch.failed[turn.loading] = as_load_error(source, "import", late)
        finally:
            turn.end()
        return turn.module_ids

    def _load_in_turn(self, turn: _Turn) -> None:
        turn.thread_id = threading.get_ident()
        ends = time.perf_counter() + _TURN
        ahead = turn.module_ids[:_AHEAD]
        if len(ahead) > 1 and ahead[0] not in self._parsed:
            self._parse(ahead, until=ends)
        for _ in ahead:
            if not turn.take():
                return
            generation = self._batch.generations[turn.loading]
            failure = None
            if not generation.loaded and generation.module_id not in self._batch.failed:
                try:
                    # A context of its own: what a body sets is not seen by the next one's.
                    copy_context().run(self._load, generation.module_id)
                except BaseException as error:  # noqa: BLE001  # the module's own; reported with it
                    failure = as_load_error(generation.source, "import", error)
            if turn.finish() and failure is not None:
                self._batch.failed[failure.module_id] = failure
            if time.perf_counter() > ends:
                return

    def _parse(self, module_ids: Sequence[str], *, until: float) -> None:
        """Parse the texts of modules; loading them finds the results in a cache."""
        for module_id in module_ids:
            for file, content in self._batch.generations[module_id].source.files.items():
                if time.perf_counter() > until:
                    return
                if is_code(file):
                    analyze(content)
            self._parsed.add(module_id)

    def _load(self, module_id: str) -> None:
        self._app.disabled.refuse(module_id)
        generation = self._batch.generations[module_id]
        generation.begin(_IMPORT, self._app.limits.load)
        imports: list[str] = []
        generation.context = self._app.context_for(generation, self._batch.find)
        for part in self._app.parts.defining("prepare"):
            part.prepare(generation)
        self._chain.enter(module_id)
        try:
            with generation.reads.recording():
                loaded: Loaded = load(
                    generation.source,
                    generation.package_name,
                    generation.context,
                    resolve=lambda other: self._resolve(generation, other, imports),
                    printer=self._app.printer_for(module_id),
                    folder=path_below(self._app.modules_folder, module_id),
                    outer_names=self._outer_names,
                )
        finally:
            self._chain.leave(module_id)
            generation.begin("")
        generation.ledger.own("package", loaded.package.close)
        if module_id in self._batch.failed or not self._batch.open:
            loaded.package.close()  # the load timed out, and nothing waits for it any more
            return
        generation.package = loaded.package
        generation.package_name = loaded.package.name
        generation.findings += loaded.spec.findings
        generation.spec = loaded.spec
        if imports:
            generation.spec = replace(loaded.spec, imports_modules=tuple(dict.fromkeys(imports)))
        if loaded.spec.files:
            folder = folder_of(self._app.modules_folder, generation.module_id)
            generation.reads.add_declared(folder, loaded.spec.files)

    def _resolve(self, generation: Generation, other: str, imports: list[str]) -> str | None:
        """Return the package that a generation imports ``modules.<other>`` from.

        A module of this batch that is not loaded yet is loaded for it.
        """
        if other == generation.module_id:
            return generation.package_name
        if generation.loaded and other in generation.built_on:
            return generation.built_on[other].name  # also when a newer one is live
        if self._batch.open and not generation.loaded and other in self._batch.failed:
            raise BlockedError(generation.module_id, [other], failed=self._batch.failed)
        if self._batch.open and not generation.loaded:
            self._supply(other)
        inside = self._batch.generations.get(other) if self._batch.open else None
        if inside is not None and not inside.loaded and other not in self._chain:
            try:
                self._load(other)
            except LoadError as error:
                self._batch.failed[other] = error
                raise BlockedError(
                    generation.module_id, [other], failed=self._batch.failed
                ) from None
        if inside is not None:
            self._chain.refuse_circle(other)
        found = self._batch.find(other)
        if found is None:
            return None  # another package below modules/, or nothing
        if not generation.loaded:
            imports.append(other)
            if found.package is not None:
                generation.built_on[other] = found.package
            if found is not inside:
                self.imported[other] = found
        return found.package_name


def _held_up_error(finalizer: Finalizer) -> TimeoutError:
    """Return the error of a load whose thread is in a finalizer of something else."""
    error = TimeoutError(
        f"its files were not imported in time: Python dropped another object on the same thread, "
        f"and its finalizer blocks, {finalizer}"
    )
    cure = "nothing is wrong with this module: load it again"
    if not finalizer.package:  # nothing tells whose object it is
        cure = "load it again; if it happens again, the module drops the object and has to close it"
    error.cure = cure  # type: ignore[attr-defined]  # for the finding
    return error
