"""What a change did to a module, and what a stop did: `Outcome` and `StopReport`, frozen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from ...errors import Finding, SupersededError, reason_of
from ...html import table
from ...wording import count, duration, one_line
from ..generation import Generation
from .account import Account, PendingAccount


@dataclass(frozen=True, slots=True)
class Passed:
    """The result of a module's own tests, which all passed.

    Attributes:
        passed: How many tests passed.
        skipped: How many were skipped.
        expected: How many failed as expected (``xfail``).
    """

    passed: int
    skipped: int = 0
    expected: int = 0

    def __str__(self) -> str:
        parts = [f"{count(self.passed, 'test')} passed"]
        parts += [f"{self.skipped} skipped"] if self.skipped else []
        parts += [f"{self.expected} failed as expected"] if self.expected else []
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a change did to one module, as one line and as data.

    Attributes:
        kind: ``live``, ``unchanged``, ``stopped``, or ``superseded`` by a newer source that was
            asked for while this one waited for its turn.
        before: The number of the generation that was replaced; 0 if there was none.
        after: The number of the generation that is live now.
        seconds: How long the whole change took.
        routes: How many routes the module has.
        findings: Warnings that did not keep the module from going live.
        notes: What else a person should know, such as what was handed over.
        tests: The result of the module's own tests, if they were run.
        pending_account: Makes `account` when it is first asked for.
    """

    module_id: str
    kind: Literal["live", "unchanged", "stopped", "superseded"]
    before: int = 0
    after: int = 0
    seconds: float = 0.0
    routes: int = 0
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    tests: Passed | None = None
    pending_account: PendingAccount = field(
        default_factory=PendingAccount, repr=False, compare=False
    )

    @property
    def account(self) -> Account:
        """What was re-executed, kept, dropped and, once that is known, leaked."""
        return self.pending_account.get()

    def __str__(self) -> str:
        if self.kind == "unchanged":
            return f"{self.module_id} unchanged, generation {self.after}"
        if self.kind == "stopped":
            return f"{self.module_id} stopped"
        if self.kind == "superseded":
            return f"{self.module_id} superseded by a newer text, which came before its turn"
        change = f"{self.before} → {self.after}" if self.before else str(self.after)
        line = f"{self.module_id} {change} · live in {duration(self.seconds)}"
        if self.routes:
            line += f" · {count(self.routes, 'route')}"
        tests = (str(self.tests),) if self.tests is not None else ()
        unusual = filter(None, (self.account.unusual,))
        return " · ".join((line, *tests, *self.notes, *unusual))


def refusal(live: Generation | None, error: BaseException) -> str:
    """Return what stands in place of an outcome: ``3 stays live · api.py, line 7: ...``."""
    return (
        f"{f'{live.number} stays live' if live else 'is not live'} · {one_line(reason_of(error))}"
    )


def refuse_superseded(outcomes: Iterable[Outcome]) -> None:
    """Raise if a newer source took the place of one that was asked for.

    Raises:
        SupersededError: For the first outcome that is superseded.
    """
    for outcome in outcomes:
        if outcome.kind == "superseded":
            raise SupersededError(
                str(outcome),
                cure="the newer one counts; load this one again if it should",
                module_id=outcome.module_id,
            )


@dataclass(frozen=True, slots=True)
class StopReport:
    """What a stop did: each module with its time, in order, and what did not settle."""

    modules: tuple[Outcome, ...]
    seconds: float
    unsettled: tuple[str, ...] = ()

    def __repr__(self) -> str:
        faults = f", {len(self.unsettled)} not settled" if self.unsettled else ""
        return f"<stopped {count(len(self.modules), 'module')} in {duration(self.seconds)}{faults}>"

    def _repr_html_(self) -> str:
        rows = [(outcome.module_id, duration(outcome.seconds)) for outcome in self.modules]
        return table([*rows, *((fault, "not settled") for fault in self.unsettled)])
