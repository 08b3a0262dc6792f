"""`HandedState`: what a generation passes on, by ``dump_state``/``load_state`` and ``keep_state``.

All of it is copied, so that neither generation can change the other's. What can't be copied is
shared with ``app_context.resource``. Called by the hand-over, with no call inside the old one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ...errors import ModframeError
from ...spec import ModuleSpec
from ..failure import as_load_error, refuse_bad_outcome
from ..generation import Generation, Step
from ..loop.bounds import run_module_code, run_with_timeout
from ..loop.module_threads import HOLD

_HOLD = 1.0
"""Seconds for which no task of the old generation runs beside ``dump_state``, which reads what it
changes."""


@dataclass(frozen=True, slots=True)
class HandedState:
    """What was collected from an old generation.

    Attributes:
        version: Its ``MODULE_VERSION``.
        dumped: What its ``dump_state`` returned; ``None`` if it was not called.
        kept: The attributes that ``keep_state`` names, by name.
        missing: The names of ``keep_state`` that it does not have.
    """

    version: str
    dumped: Mapping[str, Any] | None = None
    kept: Mapping[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What was handed over, for the account."""
        return (*(("state",) if self.dumped is not None else ()), *self.kept)


def hands_over(old: Generation, new: Generation) -> bool:
    """Return whether there is anything to collect from the old generation."""
    return bool(new.spec.keep_state) or (old.spec.dumps_state and new.spec.loads_state)


async def collect_state(old: Generation, spec: ModuleSpec, *, timeout: float) -> HandedState:
    """Copy what the old generation has for a new one.

    Args:
        old: The live generation, with no call inside.
        spec: What the new generation asks for.
        timeout: How long ``dump_state`` may take, in seconds.

    Raises:
        ModframeError: If ``dump_state`` returns no dict, or a value can't be copied.
    """
    dumped = None
    if spec.loads_state and (dump_state := old.find_hook("dump_state")) is not None:
        dumped = await _run_hook(old, dump_state, timeout=timeout, hold=_HOLD)
        if not isinstance(dumped, Mapping):
            raise ModframeError(
                f"dump_state() gave {type(dumped).__name__!r}, not a dict",
                cure="return a dict of plain values",
                subject=old.module_id,
            )
        dumped = _copied(old, dict(dumped), "dump_state()")
    owner = old.service_instance
    names = [name for name in spec.keep_state if hasattr(owner, name)]
    kept = {name: _copied(old, getattr(owner, name), f"keep_state {name!r}") for name in names}
    missing = tuple(name for name in spec.keep_state if name not in kept)
    return HandedState(old.spec.version, dumped, kept, missing)


async def apply_state(state: HandedState, new: Generation, *, timeout: float) -> None:
    """Pass the state to the new generation, which has completed its phases.

    Raises:
        BaseException: What ``load_state`` raises; the change then fails.
    """
    for name, value in state.kept.items():
        setattr(new.service_instance, name, value)
    load_state = new.find_hook("load_state")
    if state.dumped is not None and load_state is not None:
        outcome = await _run_hook(new, load_state, state.dumped, state.version, timeout=timeout)
        refuse_bad_outcome(outcome, "load_state()")


async def _run_hook(
    generation: Generation,
    hook: Callable[..., Any],
    *arguments: Any,
    timeout: float,
    hold: float = HOLD,
) -> Any:
    """Run a hook of the service, within ``timeout`` seconds, and return what it gives.

    A plain one has the app loop for itself during the first ``hold`` seconds.

    Raises:
        LoadError: If it fails; with its name, and its line in that generation's text.
    """
    step, call = Step(hook), partial(hook, *arguments)
    try:
        return await run_with_timeout(
            lambda: run_module_code(call, hold=hold), timeout, what=step.name
        )
    except Exception as error:  # noqa: BLE001  # a fault of the module's, raised with its place
        failure = as_load_error(generation.source, "handover", error, running=step)
        raise failure from failure.__cause__


def handover_notes(old: Generation, new: Generation, state: HandedState | None) -> Iterable[str]:
    """Yield what the outcome's line says about the hand-over."""
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
    except Exception as error:  # the module's objects may raise anything when they are copied
        raise ModframeError(
            f"{what} can't be copied: {type(error).__name__}: {error}",
            cure="hand over plain values; share a client, a pool or a model between generations "
            "with app_context.resource(factory)",
            subject=old.module_id,
        ) from error
    package = f"{old.package_name}."
    for part in (copied, *memo.values()):
        kind = type(part)
        if f"{kind.__module__}.".startswith(package):
            raise ModframeError(
                f"{what} holds a {kind.__qualname__!r}, whose class belongs to "
                f"generation {old.number} and ends with it",
                cure="hand over plain values (dicts, lists, numbers, text) and make the objects "
                "again in load_state()",
                subject=old.module_id,
            )
    return copied
