"""`Planned`: what an action on a module would do, as blocks; also how a module's tests ended.

In comes what `operations.modules` finds out for each action, out go the blocks of its dialog.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..names import short_id
from ..runtime.change.outcome import Tried
from ..runtime.change.plan import Plan, PlanEntry
from ..runtime.contract.differences import ContractChange
from ..wording import count, duration, some
from . import blocks as ui

_TEST_COLUMNS = ("Result", ("Test", "mono"), ("Place", "mono"), "Time", "Message")


@dataclass(frozen=True, slots=True)
class Planned:
    """What an action would do.

    Attributes:
        entries: What would happen to each module; an action of the cockpit's own has words of its
            own for it.
        refused: Why it would be refused, as a sentence; empty if it would not.
        force: What ``force`` would take away, if that helps.
        order: In which the modules would start.
        tests: The files whose tests decide.
    """

    entries: Sequence[PlanEntry]
    refused: str = ""
    force: str = ""
    note: str = ""
    order: Sequence[str] = ()
    tests: Sequence[str] = ()

    @classmethod
    def of(cls, plan: Plan, *, refused: str = "", note: str = "") -> Planned:
        """Return what a plan says; ``refused`` is a reason that it does not know."""
        why = next((one.why for one in plan if one.action == "refuse" and one.error), "")
        refused = refused or (f"{why[0].upper()}{why[1:]}." if why else "")
        return cls(plan.entries, refused, _taken_away(plan), note, plan.order)

    def blocks(self) -> Iterator[ui.Block]:
        """Yield what a person reads before it is done."""
        if self.refused:
            yield ui.Error({"message": self.refused}, "This would be refused")
        if self.note:
            yield ui.Note(self.note)
        if self.tests:
            which = f"The tests in {', '.join(self.tests)} run on the new generation"
            yield ui.Text(f"{which}, which goes live only if they pass.", "muted")
        if len(self.order) > 1:
            names = ", ".join(map(short_id, self.order))
            yield ui.Text(f"In this order: {names}", "muted")
        for entry in self.entries:
            yield ui.Section("", tuple(_entry_blocks(entry)))


def _taken_away(plan: Plan) -> str:
    """Return what would break if a plan were forced; empty if force does not help."""
    refusals = [
        finding
        for entry in plan
        if entry.action == "refuse"
        for finding in entry.findings
        if finding.level == "error"
    ]
    if not refusals or any(finding.rule != "contract" for finding in refusals):
        return ""
    uses = (str(use) for entry in plan for change in entry.contract for use in change.uses)
    return f"Break {some(list(dict.fromkeys(uses)))}"


def _entry_blocks(entry: PlanEntry) -> Iterator[ui.Block]:
    tone: ui.Tone = "bad" if entry.action == "refuse" else "calm"
    yield ui.Heading(short_id(entry.id), 3, entry.action, tone, entry.generations)
    if entry.why:
        yield ui.Text(entry.why, "muted")
    if entry.error:
        yield ui.Error({"message": entry.error}, "Why")
    yield from map(_changed, entry.contract)
    for part in entry.parts.values():
        signed = [("+", "added", name) for name in part.added]
        signed += [("\N{MINUS SIGN}", "removed", name) for name in part.removed]
        yield ui.Row(
            [ui.Text(f"{sign} {part.noun} {name}", f"{kind} mono") for sign, kind, name in signed]
        )
    for finding in () if entry.error else entry.findings:
        yield ui.Note(str(finding), "bad" if finding.level == "error" else "warn")
    if entry.diff:
        yield ui.Diff(entry.diff)


def _changed(change: ContractChange) -> ui.Note:
    if change.uses:
        return ui.Note(f"{change.text}; used by", "bad", ", ".join(map(str, change.uses)))
    return ui.Note(change.text, "warn" if change.breaking else "calm")


def tests_blocks(tried: Iterable[Tried]) -> list[ui.Block]:
    """Return how each of a module's own tests ended as blocks; none if there was no test."""
    tests = list(tried)
    if not tests:
        return []
    failed = sum(one.end == "failed" for one in tests)
    title = f"{count(len(tests), 'test')}{f', {failed} failed' if failed else ''}"
    rows = [
        (
            ui.State(one.end),
            one.name or "(its import)",
            f"{one.file}, line {one.line}" if one.line else one.file,
            duration(one.seconds),
            ui.Text(one.message, "pre"),
        )
        for one in tests
    ]
    return [ui.Section("Tests", (ui.Heading(title, 3), ui.Table("Tests", _TEST_COLUMNS, rows)))]
