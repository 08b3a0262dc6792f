"""`Plan`: what a change would do, as frozen text; made by `make_plan`, read by people.

A plan keeps no generation alive. It is out of date as soon as a module changes.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from ...finding import Finding
from ...html import Raw, code, diff, facts, notice, row, section, table
from ...names import full_id
from ...source import Source, SourceFile
from ...tones import tone_of
from ...wording import count
from ..contract.differences import ContractChange

Action = Literal["start", "swap", "rebuild", "stay", "refuse"]
_ORDER = ("refuse", "start", "swap", "rebuild", "stay")


@dataclass(frozen=True, slots=True)
class FileDiff:
    """How one file differs.

    Attributes:
        added: How many lines are new. ``removed``: how many are gone.
        text: The unified diff, labelled with files and cells.
    """

    file: str
    added: int
    removed: int
    text: str


@dataclass(frozen=True, slots=True)
class PartChange:
    """What one part would gain and lose, for example routes."""

    noun: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __str__(self) -> str:
        signed = [*(f"+ {name}" for name in self.added), *(f"- {name}" for name in self.removed)]
        return ", ".join(signed)


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """What would happen to one module.

    Attributes:
        action: ``start``, ``swap``, ``rebuild`` (its source is unchanged, but it imports from a
            module that changes, or is to be loaded again), ``stay`` or ``refuse``.
        why: The reason, as a clause.
        before: The number of the live generation; 0 if there is none.
        after: The number that would be live.
        diff: How each file differs from the live one.
        contract: How its service would change, each change with the live ``uses`` of it.
        parts: Part (``web``, ``settings``, ``database``) → what it would gain and lose, as far as
            that can be told before the module starts.
        findings: Errors and warnings, errors first.
        error: Why the change is refused, as a sentence; empty if it is not.
    """

    id: str
    action: Action
    why: str
    before: int = 0
    after: int = 0
    diff: tuple[FileDiff, ...] = ()
    contract: tuple[ContractChange, ...] = ()
    parts: Mapping[str, PartChange] = field(default_factory=lambda: MappingProxyType({}))
    findings: tuple[Finding, ...] = ()
    error: str = ""

    @property
    def generations(self) -> str:
        """``1 → 2``; one number where nothing is replaced."""
        both = dict.fromkeys(filter(None, (self.before, self.after)))
        return " → ".join(map(str, both))

    @property
    def changes(self) -> tuple[ContractChange, ...]:
        """The changes of the contract that the error does not mention already."""
        mentioned = any(finding.rule == "contract" for finding in self.findings)
        return tuple(change for change in self.contract if not (mentioned and change.uses))

    def __str__(self) -> str:
        return " ".join(filter(None, [self.action, self.id, self.generations, f"· {self.why}"]))

    def lines(self) -> Iterator[str]:
        """Yield the entry as lines of text."""
        yield str(self)
        for part in self.parts.values():
            yield f"    {part.noun}s: {part}"
        yield from (f"    {_change_text(change)}" for change in self.changes)
        yield from (f"    {line}" for line in self.error.splitlines())
        if not self.error:
            yield from (f"    {finding.level}: {finding}" for finding in self.findings)
        for file in self.diff:
            yield from (f"    {line}" for line in file.text.splitlines())


@dataclass(frozen=True, slots=True)
class Plan:
    """What a change would do, module by module; nothing was done.

    Attributes:
        entries: Every module that the change touches, and every live module that uses one of them.
        order: The order in which they would start, as their requirements demand.
    """

    entries: tuple[PlanEntry, ...]
    order: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether the change would be refused; it is all or nothing."""
        return any(entry.action == "refuse" for entry in self.entries)

    def entry(self, name: str) -> PlanEntry | None:
        """Return the entry of a module, by its full or short id."""
        return next((entry for entry in self.entries if entry.id == full_id(name)), None)

    def __iter__(self) -> Iterator[PlanEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __str__(self) -> str:
        lines = [line for entry in self.entries for line in entry.lines()]
        return "\n".join([*lines, *([self._order_line()] if self._order_line() else [])])

    def _order_line(self) -> str:
        return f"in this order: {', '.join(self.order)}" if len(self.order) > 1 else ""

    def _counts(self) -> str:
        numbers = dict.fromkeys(_ORDER, 0)
        for entry in self.entries:
            numbers[entry.action] += 1
        actions = ", ".join(f"{number} {action}" for action, number in numbers.items() if number)
        return actions or "nothing to do"

    def __repr__(self) -> str:
        return f"<Plan of {count(len(self.entries), 'module')}: {self._counts()}>"

    def _repr_html_(self) -> str:
        rows = [(entry.action, entry.id, entry.generations, entry.why) for entry in self.entries]
        head = ("action", "module", "generation", "why")
        note = " · ".join(filter(None, [self._counts(), self._order_line()]))
        body = table(rows, head=head) if rows else ""
        return section("plan", body, *map(_details, self.entries), note=note)


def _change_text(change: ContractChange) -> str:
    users = f"; used by {', '.join(map(str, change.uses))}" if change.uses else ""
    return f"{'! ' if change.uses else ''}{change.text}{users}"


def _details(entry: PlanEntry) -> Raw:
    """Return what is to be known of one module: why not, what changes for others, the text."""
    changes = [*((f"{part.noun}s", str(part)) for part in entry.parts.values())]
    changes += [("contract", _change_text(change)) for change in entry.changes]
    faults = [notice("bad", entry.error)] if entry.error else [
        notice(tone_of(each.level) or "warn", f"{each.level}: {each}") for each in entry.findings
    ]  # fmt: skip
    files = (
        section(code(file.file), diff(file.text), note=f"+{file.added} -{file.removed}")
        for file in entry.diff
    )
    body = row(*faults, facts(changes), *files)
    return section(entry.id, body) if body else Raw()


# -- diffs -------------------------------------------------------------------------------------


def diff_of(old: Source | None, new: Source) -> tuple[FileDiff, ...]:
    """Return how each file of a source differs from an older one; of a new module, all differ."""
    before = old.files if old is not None else {}
    files = sorted({*before, *new.files}, key=lambda file: (file != "api.py", file))
    diffs = (_diff(file, before.get(file), new.files.get(file)) for file in files)
    return tuple(diff for diff in diffs if diff is not None)


def _diff(file: str, old: SourceFile | None, new: SourceFile | None) -> FileDiff | None:
    was, now = old.text if old else "", new.text if new else ""
    if old is not None and new is not None and was == now:
        return None
    lines = list(
        difflib.unified_diff(
            was.splitlines(), now.splitlines(), _label(file, old), _label(file, new), lineterm=""
        )
    )
    added = sum(line.startswith("+") for line in lines[2:])
    removed = sum(line.startswith("-") for line in lines[2:])
    text = "\n".join(lines) or f"{_label(file, new)}: only line ends differ"
    return FileDiff(file, added, removed, text)


def _label(file: str, content: SourceFile | None) -> str:
    if content is None:
        return "nothing"
    return f"{file}, {content.cell}" if content.cell else file
