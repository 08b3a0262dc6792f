"""What a generation hands over to the next: ``dump_state``/``load_state`` and ``keep_state``.

Called by a transaction before publish, while calls from outside wait at the old one's gate. All of
it is copied, so that neither side can change the other's; what can't be copied is shared with
``app_context.resource``.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import ModframeError
from ...spec import ModuleSpec
from ..bounds import bounded
from ..failure import refuse_bad_outcome
from ..gate import Gate
from ..generation import Generation
from ..stragglers import inside, work_inside, work_of


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What was taken from an old generation.

    Attributes:
        version: The ``MODULE_VERSION`` it had.
        dumped: What its ``dump_state`` gave, or nothing where it was not asked.
        kept: The attributes that ``keep_state`` names.
        missing: Those of them that it did not have.
    """

    version: str
    dumped: Mapping[str, Any] | None = None
    kept: Mapping[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What it is, for the account."""
        return (*(("state",) if self.dumped is not None else ()), *self.kept)


def stops_first(old: Generation, new: Generation) -> bool:
    """Whether the old one has to stop before the new one starts: either owns something alone."""
    return "stop_first" in (old.spec.swap, new.spec.swap)


def hands_over(old: Generation, new: Generation) -> bool:
    """Whether there is anything to take from the old one."""
    return bool(new.spec.keep_state) or (old.spec.dumps_state and new.spec.loads_state)


async def close_gates(olds: Collection[Generation], *, timeout: float) -> Generation | None:
    """Close the gates of generations, and wait until no call is inside any of them.

    Closed and waited for together, since work inside one may call another. The caller opens them.

    Returns:
        One that calls are still inside at the bound; nothing if all are calm.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout
    for old in olds:
        old.gate = Gate(work_inside(old))
    while busy := [old for old in olds if old.in_flight]:
        if not await busy[0].drain(until - loop.time(), hurry=asyncio.Event(), calls_only=True):
            return busy[0]
    for old in olds:
        if old.gate is not None:
            old.gate.admits.clear()  # it has left, and what comes later is from outside
    return None


def still_inside(old: Generation, *, timeout: float) -> ModframeError:
    """The error for calls that did not leave in time."""
    names = ", ".join(sorted(inside(old).values())) or f"{old.in_flight} calls"
    return ModframeError(
        f"hand-over: calls are still inside generation {old.number} after {timeout:g} s: {names}",
        cure="let them end and load it again, or raise MODFRAME_HANDOVER_TIMEOUT",
    )


def admit_jobs(old: Generation) -> None:
    """Let jobs pass that calls of a generation left behind, where its stop waits for them."""
    if old.gate is not None:
        old.gate.admits |= work_of(old.jobs)


def open_gates(olds: Iterable[Generation]) -> None:
    """Let calls pass again."""
    for old in olds:
        gate, old.gate = old.gate, None
        if gate is not None:
            gate.open()


async def collect_state(old: Generation, spec: ModuleSpec, *, timeout: float) -> HandedOver:
    """Copy what the old generation has for a new one.

    Args:
        old: The generation that is live, with nobody inside.
        spec: What the new one says it wants.
        timeout: How long ``dump_state`` may take, in seconds.

    Raises:
        ModframeError: If it can't be had, or can't be copied.
    """
    dumped = None
    if spec.loads_state and (dump := old.hook("dump_state")) is not None:
        dumped = await bounded(dump, timeout, what="dump_state()")
        if not isinstance(dumped, Mapping):
            raise ModframeError(
                f"dump_state() gave {type(dumped).__name__!r}, not a dict",
                cure="return a dict of plain values",
                subject=old.module_id,
            )
        dumped = _copied(old, dict(dumped), "dump_state()")
    owner = old.service_instance
    there = [name for name in spec.keep_state if hasattr(owner, name)]
    kept = {name: _copied(old, getattr(owner, name), f"keep_state {name!r}") for name in there}
    missing = tuple(name for name in spec.keep_state if name not in kept)
    return HandedOver(old.spec.version, dumped, kept, missing)


async def apply_state(state: HandedOver, new: Generation, *, timeout: float) -> None:
    """Give it to the new generation, which has passed its phases.

    Raises:
        BaseException: What ``load_state`` raises; the swap then fails.
    """
    for name, value in state.kept.items():
        setattr(new.service_instance, name, value)
    load = new.hook("load_state")
    if state.dumped is not None and load is not None:
        what = "load_state()"
        outcome = await bounded(lambda: load(state.dumped, state.version), timeout, what=what)
        refuse_bad_outcome(outcome, what)


def handover_notes(old: Generation, new: Generation, state: HandedOver | None) -> Iterable[str]:
    """What the outcome's line says of it."""
    if state is not None and state.dumped is not None:
        yield "state handed over"
    elif old.spec.dumps_state:
        yield "state dropped, for the new text has no load_state()"
    elif new.spec.loads_state:
        yield f"no state to load, for generation {old.number} has no dump_state()"
    if state is not None and state.kept:
        yield f"kept {', '.join(state.kept)}"
    if state is not None and state.missing:
        yield f"{', '.join(state.missing)} not kept, for generation {old.number} has none"


def _copied(old: Generation, value: Any, what: str) -> Any:
    memo: dict[int, Any] = {}
    try:
        copied = copy.deepcopy(value, memo)
    except Exception as error:  # the module's objects: whatever they raise when they are copied
        raise ModframeError(
            f"{what} can't be copied: {type(error).__name__}: {error}",
            cure="hand over plain values; share a client, a pool or a model between generations "
            "with app_context.resource(factory)",
            subject=old.module_id,
        ) from error
    package = f"{old.package_name}."
    for one in (copied, *memo.values()):
        kind = type(one)
        if f"{kind.__module__}.".startswith(package):
            raise ModframeError(
                f"{what} holds a {kind.__qualname__!r}, whose class belongs to "
                f"generation {old.number} and ends with it",
                cure="hand over plain values (dicts, lists, numbers, text) and make the objects "
                "again in load_state()",
                subject=old.module_id,
            )
    return copied
