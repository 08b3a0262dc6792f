"""`Generation`: one load of one source, with what its parts built and who is inside it.

Made and filled by a batch; handles and the dispatcher count calls in and out.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from weakref import WeakSet

from ..errors import ServiceUnavailableError, TaskDiedError
from ..finding import Finding
from ..load.methods import public_methods
from ..load.reads import Reads
from ..names import private_package
from ..source import Source
from ..spec import ModuleSpec
from .gate import Gate
from .hold import Hold
from .ledger import Ledger
from .loop.bounds import wait_for_any
from .ownership import callable_name, find_method

if TYPE_CHECKING:
    from ..load import Package


Stage = Literal["building", "live", "retired", "closed"]


class Step(NamedTuple):
    """A method that a module's start runs.

    Attributes:
        function: The method, for the line where it stands.
        phase: The phase that it belongs to, in the guide's words; empty if to none.
    """

    function: Any
    phase: str = ""

    @property
    def name(self) -> str:
        """What messages call it: ``initialize() (phase 2)``."""
        name = f"{callable_name(self.function).rpartition('.')[2]}()"
        return f"{name} ({self.phase})" if self.phase else name

    def __str__(self) -> str:
        return self.name


_REMEMBERED = 10
"""Dead tasks and threads that a generation remembers; names may be as many as calls."""


class Generation:
    """One load of a module.

    Attributes:
        module_id: The module's id.
        number: Counts the module's loads from 1 in each run of the app; used up at publish.
        package_name: ``modules.standard.orders~3``.
        context: The ``app_context`` of its code.
        built_on: Module id → the package that its files imported from.
        ledger: What it owns; closing the ledger releases all of it.
        parts: Part name → what the part built.
        module: The instance of the module class.
        own_services: Full service name → the instance that the module made.
        services: Full service name → what callers get: that instance, or an override.
        findings: Warnings of the reader and the parts.
        added: What its parts added to data that is kept, such as ``column orders.items.note``.
        in_flight: Calls and requests that are inside now. ``open_streams``: streams likewise.
        jobs: Tasks that calls started and that still run.
        doing: What its change does with it now, and ``at_most`` for how many seconds; 0 if no bound
            is known. ``step``: its own method that runs then, or that failed.
        timeline: What `begin` was told, each time, and when, as `time.perf_counter` counts.
        deaths: Kind and name → why a task that nobody awaits, or a thread, died, newest last.
        drain_event: Set when a call or job has left; there while a drain waits for that.
        gate: Where calls wait while it hands over; ``None`` while they may pass.
        hold: Keeps its consumers while it hands over; ``None`` if it has nothing to hand over.
        stage: How far it is. ``activation_failed``: whether it is live without what it activates.
        reads: The files that its body and its phases opened for reading.
        contract: What callers may rely on, once `contract_of` has read it.
        descriptions: Part name → facts and panels that stay, once a snapshot has collected them.
        revision: Counts the changes of its deaths and its health. ``noted``: called after each.
    """

    def __init__(self, source: Source, number: int) -> None:
        self.source = source
        self.module_id = source.module_id
        self.number = number
        self.package_name = private_package(source.module_id, number)
        self.context: Any = None
        self.package: Package | None = None
        self.built_on: dict[str, Package] = {}
        self.ledger = Ledger()
        self.parts: dict[str, Any] = {}
        self.module: Any = None
        self.own_services: dict[str, Any] = {}
        self.services: dict[str, Any] = {}
        self.findings: list[Finding] = []
        self.added: list[str] = []
        self.in_flight = self.open_streams = 0
        self.jobs: set[asyncio.Task[Any]] = set()
        self.doing, self.at_most = "", 0.0
        self.timeline: list[tuple[str, float]] = []
        self.step: Step | None = None
        self.deaths: dict[tuple[str, str], TaskDiedError] = {}
        self.gate: Gate | None = None
        self.hold: Hold | None = None
        self.stage: Stage = "building"
        self.activation_failed = False
        self.reads = Reads()
        self.contract: Any = None
        self.descriptions: dict[str, Any] = {}
        self.built_at = time.time()
        self.revision = 0
        self.noted: Callable[[], None] | None = None
        self._spec: ModuleSpec | None = None
        self.drain_event: asyncio.Event | None = None

    @property
    def spec(self) -> ModuleSpec:
        """What the module says about itself.

        Raises:
            LookupError: If it was not loaded yet.
        """
        if self._spec is None:
            raise LookupError(f"{self!r} was not loaded yet")
        return self._spec

    @spec.setter
    def spec(self, spec: ModuleSpec) -> None:
        self._spec = spec

    @cached_property
    def cancelled(self) -> WeakSet[asyncio.Task[Any]]:
        """Tasks that `cancel_stragglers` has cancelled inside it."""
        return WeakSet()

    @property
    def loaded(self) -> bool:
        """Whether its source was executed and read."""
        return self._spec is not None

    def changed_texts(self, source: Source) -> tuple[str, ...]:
        """Return the text files that another source of the same code adds, changes or lacks.

        A folder's text files are read from the folder itself, so they are none of its source's.
        """
        if source.origin == "folder":
            return ()
        mine, others = self.source.text_files, source.text_files
        names = sorted(mine.keys() | others.keys())
        return tuple(
            name
            for name in names
            if name not in mine or name not in others or mine[name].text != others[name].text
        )

    def begin(self, what: str, at_most: float = 0.0) -> None:
        """Note what its change does with it from now on; nothing, if ``what`` is empty."""
        self.doing, self.at_most, self.step = what, at_most, None
        self.timeline.append((what, time.perf_counter()))

    @property
    def progress(self) -> str:
        """What its change does with it now, for people who wait; empty if nothing."""
        what = self.step.name if self.step is not None else self.doing
        limit = f", up to {self.at_most:g} s" if self.at_most else ""
        return f"{self.module_id}: {what}{limit}" if what else ""

    def release(self) -> None:
        """Count one call or request out."""
        self.in_flight -= 1
        self.wake_drain()

    def wake_drain(self) -> None:
        """Let `drain` check again who is still inside."""
        if self.drain_event is not None:
            self.drain_event.set()

    def count_as_stream(self) -> None:
        """Count a call as a stream from now on; no hand-over waits for streams."""
        self.open_streams += 1
        self.release()

    def count_as_call(self) -> None:
        """Count an ended stream as a call again, until `release` counts it out."""
        self.open_streams -= 1
        self.in_flight += 1

    def job_ended(self, task: asyncio.Task[Any]) -> None:
        """Count out a task that a call started."""
        self.jobs.discard(task)
        self.wake_drain()

    def note_death(self, error: TaskDiedError) -> bool:
        """Remember that a task or a thread died; from any thread.

        Returns:
            Whether it is worth a line: it was not known, and not too many were.
        """
        name = (error.kind, error.task)
        known = self.deaths.pop(name, None)
        full = len(self.deaths) >= _REMEMBERED
        if full:
            self.deaths.pop(next(iter(self.deaths), name), None)
        self.deaths[name] = error
        self.note_change()
        return known is None and not full

    def forget_death(self, task: str) -> None:
        """Take back that a task of this name fails, since it ran well."""
        if self.deaths.pop(("task", task), None) is not None:
            self.note_change()

    def note_change(self) -> None:
        """Count a change of its deaths or its health, so that who follows it looks again."""
        self.revision += 1
        if self.noted is not None:
            self.noted()

    def deaths_of(self, kind: str) -> dict[str, str]:
        """Return name → last line of its error, of the tasks or the threads that died."""
        if not self.deaths:
            return {}
        return {
            error.task: error.last_line
            for error in list(self.deaths.values())
            if error.kind == kind
        }

    async def drain(
        self, timeout: float, *, hurry: asyncio.Event, calls_only: bool = False
    ) -> bool:
        """Wait until nothing, or with ``calls_only`` no call, is inside; return whether that is so.

        The wait ends after ``timeout`` seconds, and when ``hurry`` is set.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout

        def busy() -> bool:
            return bool(self.in_flight or (not calls_only and (self.open_streams or self.jobs)))

        while busy() and not hurry.is_set() and loop.time() < deadline:
            self.drain_event = asyncio.Event()
            await wait_for_any(self.drain_event, hurry, timeout=deadline - loop.time())
        self.drain_event = None
        return not busy()

    def expose_services(self, replacements: Mapping[str, Any]) -> None:
        """Let callers reach the module's services, or the replacements by full service name."""
        self.services = {**self.own_services, **replacements}
        self.__dict__.pop("streams", None)

    @cached_property
    def streams(self) -> frozenset[str]:
        """The names of the services' async generator methods."""
        return frozenset(
            name
            for service in self.services.values()
            for name, method in public_methods(type(service))
            if inspect.isasyncgenfunction(method)
        )

    @property
    def service_instance(self) -> Any:
        """The module's service, or the instance of the module class if there is none."""
        return next(iter(self.own_services.values()), self.module)

    def find_hook(self, name: str) -> Any:
        """Return a method by name, of the service or else of the module, or ``None``."""
        for owner in (*self.own_services.values(), self.module):
            if (method := find_method(owner, name)) is not None:
                return method
        return None

    def __repr__(self) -> str:
        return f"<Generation {self.module_id} {self.number}: {self.in_flight} in flight>"


async def wait_for_gate(find: Callable[[], Generation | None]) -> Generation | None:
    """Return the generation that ``find`` returns, after waiting at its gate while it is closed.

    Raises:
        ServiceUnavailableError: If the generation was stopped, its successor isn't live yet, and
            the successor waits for the work that the caller belongs to.
    """
    while (generation := find()) is not None and (gate := generation.gate) is not None:
        if gate.passes:
            if generation.stage == "closed":
                raise ServiceUnavailableError(
                    f"{generation.module_id} was stopped, and its next generation is not there yet",
                    cure="let the one that calls it require it: it then stops first",
                    module_id=generation.module_id,
                    state="STARTING",
                )
            return generation
        await gate.wait()
    return generation
