"""`Plan`: what a change would do, as frozen text; drawn up by `planning`, read by people.

Holding one keeps no generation alive and goes stale with the next swap.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from ...errors import Finding
from ...html import Raw, row, section, table, tag
from ...names import full_id
from ...source import Source, SourceFile
from ...wording import count
from ..contract.differences import ContractChange

Action = Literal["start", "swap", "rebuild", "stay", "refuse"]
_LABELS = {"error": "refused"}
_ORDER = ("refuse", "start", "swap", "rebuild", "stay")


@dataclass(frozen=True, slots=True)
class FileDiff:
    """How one file differs.

    Attributes:
        added: Lines that are new. ``removed``: lines that are gone.
        text: The unified diff; the places it names are files and cells.
    """

    file: str
    added: int
    removed: int
    text: str


@dataclass(frozen=True, slots=True)
class PartChange:
    """What of one part, its routes for one, would come and go."""

    noun: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __str__(self) -> str:
        signed = [*(f"+ {one}" for one in self.added), *(f"- {one}" for one in self.removed)]
        return ", ".join(signed)


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """What would become of one module.

    Attributes:
        action: ``start``, ``swap``, ``rebuild`` (its text stays, it imports from what changes),
            ``stay`` or ``refuse``.
        why: The reason, as a clause.
        before: The number of the live generation; 0 if there is none.
        after: The number that would be live.
        diff: File by file, what differs from what is live.
        contract: What its service is no more, or is now, each with the live ``uses`` of it.
        parts: Part (``web``, ``settings``, ``database``) → what of it would come and go, as far as
            the text tells.
        findings: What is noticed; what refuses it comes first.
        error: The whole sentence of what refuses it; empty if nothing does.
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
        """Of the contract, what the error does not say already."""
        said = any(one.rule == "contract" for one in self.findings)
        return tuple(one for one in self.contract if not (said and one.uses))

    def __str__(self) -> str:
        return " ".join(filter(None, [self.action, self.id, self.generations, f"· {self.why}"]))

    def lines(self) -> Iterator[str]:
        """All of it as text."""
        yield str(self)
        for part in self.parts.values():
            yield f"    {part.noun}s: {part}"
        yield from (f"    {_change(one)}" for one in self.changes)
        yield from (f"    {line}" for line in self.error.splitlines())
        if not self.error:
            yield from (f"    {one.level}: {one}" for one in self.findings)
        for one in self.diff:
            yield from (f"    {line}" for line in one.text.splitlines())


@dataclass(frozen=True, slots=True)
class Plan:
    """What a change would do, module by module; nothing was done.

    Attributes:
        entries: Every module that the change touches or that builds upon one it touches.
        order: The order in which they would start, as their requirements give it.
    """

    entries: tuple[PlanEntry, ...]
    order: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether the change would be refused; it is all or nothing."""
        return any(one.action == "refuse" for one in self.entries)

    def entry(self, name: str) -> PlanEntry | None:
        """What would become of one module, by its full or short id."""
        return next((one for one in self.entries if one.id == full_id(name)), None)

    def __iter__(self) -> Iterator[PlanEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __str__(self) -> str:
        lines = [line for one in self.entries for line in one.lines()]
        return "\n".join([*lines, *([self._order_line()] if self._order_line() else [])])

    def _order_line(self) -> str:
        return f"in this order: {', '.join(self.order)}" if len(self.order) > 1 else ""

    def __repr__(self) -> str:
        numbers = dict.fromkeys(_ORDER, 0)
        for one in self.entries:
            numbers[one.action] += 1
        said = ", ".join(f"{number} {action}" for action, number in numbers.items() if number)
        return f"<Plan of {count(len(self.entries), 'module')}: {said or 'nothing to do'}>"

    def _repr_html_(self) -> str:
        rows = [(one.action, one.id, one.generations, one.why) for one in self.entries]
        head = ("", "module", "generation", "why")
        body = [table(rows, head=head), *map(_details, self.entries)]
        return section("plan", row(*body), note=self._order_line())


def _change(change: ContractChange) -> str:
    users = f"; used by {', '.join(map(str, change.uses))}" if change.uses else ""
    return f"{'! ' if change.uses else ''}{change.text}{users}"


def _details(entry: PlanEntry) -> Raw:
    rows: list[tuple[object, object]] = [
        (f"{part.noun}s", str(part)) for part in entry.parts.values()
    ]
    rows += [("contract", _change(one)) for one in entry.changes]
    rows += [(_LABELS.get(one.level, "finding"), str(one)) for one in entry.findings]
    rows += [(one.file, tag("pre", one.text)) for one in entry.diff]
    return row(tag("strong", entry.id), table(rows)) if rows else Raw()


# -- diffs -------------------------------------------------------------------------------------


def diff_of(old: Source | None, new: Source) -> tuple[FileDiff, ...]:
    """File by file, how a text differs from another; a module that is new differs in all."""
    before = old.files if old is not None else {}
    files = sorted({*before, *new.files}, key=lambda file: (file != "api.py", file))
    found = (_diff(file, before.get(file), new.files.get(file)) for file in files)
    return tuple(one for one in found if one is not None)


def _diff(file: str, old: SourceFile | None, new: SourceFile | None) -> FileDiff | None:
    was, now = old.text if old else "", new.text if new else ""
    if old is not None and new is not None and was == now:
        return None
    lines = list(
        difflib.unified_diff(
            was.splitlines(), now.splitlines(), _label(file, old), _label(file, new), lineterm=""
        )
    )
    added = sum(one.startswith("+") for one in lines[2:])
    removed = sum(one.startswith("-") for one in lines[2:])
    text = "\n".join(lines) or f"{_label(file, new)}: only line ends differ"
    return FileDiff(file, added, removed, text)


def _label(file: str, content: SourceFile | None) -> str:
    if content is None:
        return "nothing"
    return f"{file}, {content.cell}" if content.cell else file
