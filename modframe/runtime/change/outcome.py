"""What a change did to a module, and what a stop did: `Outcome` and `StopReport`, frozen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ...errors import SupersededError, TaskDiedError, reason_line
from ...finding import Finding, first_finding
from ...html import notice, row, section, state, table, tag
from ...tones import tone_of
from ...wording import count, duration, some
from ..generation import Generation
from .account import Account, PendingAccount


@dataclass(frozen=True, slots=True)
class Tried:
    """How one of a module's own tests ended.

    Attributes:
        name: Its name within its file. ``file``: that file.
        end: ``expected`` failed as it should (``xfail``).
        seconds: How long it took, with its fixtures.
        message: Why it failed or was skipped. ``line``: where it failed.
    """

    name: str
    file: str
    end: Literal["passed", "skipped", "expected", "failed", "not run"]
    seconds: float = 0.0
    message: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Passed:
    """The result of a module's own tests, which all passed.

    Attributes:
        passed: How many tests passed.
        skipped: How many were skipped.
        expected: How many failed as expected (``xfail``).
        tried: Each of them.
    """

    passed: int
    skipped: int = 0
    expected: int = 0
    tried: tuple[Tried, ...] = field(default=(), repr=False, compare=False)

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
        label: Why the change was made, where its line says so: ``rollback to 3``.
        pending_account: Makes `account` when it is first asked for.
        deaths: The tasks and threads of the live generation that died or fail again and again. It
            is that generation's own mapping, so the line also tells what came after the change.
        changed_texts: The files that are no code and that changed while the code did not.
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
    label: str = ""
    pending_account: PendingAccount = field(
        default_factory=PendingAccount, repr=False, compare=False
    )
    changed_texts: tuple[str, ...] = ()
    deaths: Mapping[Any, TaskDiedError] = field(default_factory=dict, repr=False, compare=False)

    @property
    def account(self) -> Account:
        """What was re-executed, kept, dropped and, once that is known, leaked."""
        return self.pending_account.get()

    def __str__(self) -> str:
        return self.line()

    def line(self, url: str = "") -> str:
        """Return the line that people see; ``url`` is where they can look at the routes."""
        if self.changed_texts:
            names = ", ".join(self.changed_texts)
            line = f"{self.module_id} {names} changed · generation {self.after} goes on"
            return f"{self.label} · {line}" if self.label else line
        if self.kind == "unchanged":
            line = f"{self.module_id} unchanged, generation {self.after}"
            return " · ".join(filter(None, (line, self._deaths())))
        if self.kind == "stopped":
            return f"{self.module_id} stopped"
        if self.kind == "superseded":
            return f"{self.module_id} superseded by a newer text, which came before its turn"
        change = f"{self.before} → {self.after}" if self.before else str(self.after)
        phrases = [
            self.label,
            f"{self.module_id} {change}",
            f"live in {duration(self.seconds)}",
            count(self.routes, "route") if self.routes else "",
            str(self.tests) if self.tests is not None else "",
            *self.notes,
            self.account.unusual,
            self._deaths(),
            url if self.routes else "",
            first_finding(self.findings),
        ]
        return " · ".join(filter(None, phrases))

    def _repr_html_(self) -> str:
        tone = "warn" if self.findings or self.deaths else tone_of(self.kind)
        title = row(state(self.kind), " ", self.line())
        return notice(tone or "quiet", title, *map(str, self.findings[1:]))

    def _deaths(self) -> str:
        deaths = [
            f"{each.kind} {each.task} {each.fate}: {each.last_line}"
            for each in list(self.deaths.values())
        ]
        return some(deaths) if deaths else ""


def refusal(live: Generation | None, error: BaseException) -> str:
    """Return what stands in place of an outcome: ``3 stays live · api.py, line 7: ...``."""
    state = f"{live.number} stays live" if live is not None else "is not live"
    return f"{state} · {reason_line(error)}"


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
        faults = [notice("warn", tag("strong", "not settled"), fault) for fault in self.unsettled]
        body = table(rows, head=("module", "took")) if rows else ""
        return section(repr(self).strip("<>"), *faults, body)
