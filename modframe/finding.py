"""`Finding`: one fault that a check reports; errors of loads and exports carry them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Literal

from .wording import one_line, with_cure

Level = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a module that a check reports: where it is, what is wrong, what to do.

    Attributes:
        rule: Stable name of the rule, for example ``"missing-decorator"``.
        level: ``"error"`` is what can't work: a load refuses it, unless it has a code.
        message: What is wrong, naming the subject.
        cure: The next step, as a sentence without a full stop.
        file: The module's file, for example ``"api.py"``; empty if it is about the whole module.
        line: Line in that file or cell, from 1; 0 if unknown.
        cell: The notebook's name of the cell (``"Cell In[3]"``); empty for files.
        code: The rule's code, for example ``"MF101"``, of a demand of the guide; empty for faults
            that keep a module from loading.
    """

    rule: str
    level: Level
    message: str
    _: KW_ONLY
    cure: str = ""
    file: str = ""
    line: int = 0
    cell: str = ""
    code: str = ""

    @property
    def label(self) -> str:
        """The rule as people read it: its code, if it has one, and its name."""
        return f"{self.code} {self.rule}" if self.code else self.rule

    def masked(self, mask: Callable[[str], str]) -> Finding:
        """Return the finding without secrets in its words."""
        message, cure = mask(self.message), mask(self.cure)
        same = (message, cure) == (self.message, self.cure)
        return self if same else replace(self, message=message, cure=cure)

    @property
    def place(self) -> str:
        """Where it is, as text: ``"api.py, Cell In[3], line 7"``."""
        parts = [self.file, self.cell, f"line {self.line}" if self.line else ""]
        return ", ".join(part for part in parts if part)

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON-ready data; ``cell`` and ``code`` are left out if empty."""
        names = ("rule", "level", "file", "line", "message", "cure")
        more = [name for name in ("cell", "code") if getattr(self, name)]
        return {name: getattr(self, name) for name in (*names, *more)}

    def __str__(self) -> str:
        return with_cure(f"{self.place}: {self.message}" if self.place else self.message, self.cure)


def first_finding(findings: Sequence[Finding]) -> str:
    """Return what the first finding says and how many more there are; empty if there is none."""
    return f"{findings[0].level}: {one_finding_of(findings)}" if findings else ""


def one_finding_of(findings: Sequence[Finding]) -> str:
    """Return the first finding as one line, and how many more there are."""
    more = f" · and {len(findings) - 1} more" if len(findings) > 1 else ""
    first = findings[0]
    return f"{one_line(replace(first, message=one_line(first.message)))}{more}"
