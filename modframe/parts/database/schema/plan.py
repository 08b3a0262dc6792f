"""`MigrationPlan`: what `migrate` would do, or has done: frozen data that people look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .... import html
from ....tones import Tone

BY_ITSELF = "by itself"
ALLOWED = "allowed"
NEEDED = "needed, not allowed yet"
POSSIBLE = "possible, not needed"
NOT_OURS = "not possible here"

_TONES: Mapping[str, Tone] = {
    BY_ITSELF: "good", ALLOWED: "good", NEEDED: "bad", POSSIBLE: "quiet", NOT_OURS: "bad",
}  # fmt: skip
_HEAD = ("step", "state", "loses", "how")


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step.

    Attributes:
        name: What it does, such as ``drop column orders.note``: its name in ``allow``.
        status: ``"by itself"``, ``"allowed"``, ``"needed, not allowed yet"``,
            ``"possible, not needed"`` or ``"not possible here"``.
        loses: What rows lose by it, such as ``2 rows lose a value``; empty if nothing.
        way: How the engine does it.
        hint: What to give `migrate` for it; empty if nothing.
        fill: The column that ``fill`` may give a value to, such as ``orders.note``.
        renames: The columns that ``rename`` may make it of, where it adds one.
    """

    name: str
    status: str
    loses: str = ""
    way: str = ""
    hint: str = ""
    fill: str = ""
    renames: tuple[str, ...] = ()

    @property
    def chosen(self) -> bool:
        """Whether it is carried out."""
        return self.status in (BY_ITSELF, ALLOWED)


@dataclass(frozen=True, repr=False)
class MigrationPlan:
    """The steps from the tables of a database to its models.

    Attributes:
        database: The database's name. ``engine``: its engine's name in sentences.
        steps: All of them, in the order in which they are carried out.
        done: Whether those that are chosen were carried out.
    """

    database: str
    engine: str
    steps: tuple[PlannedStep, ...]
    done: bool = False

    @property
    def missing(self) -> tuple[PlannedStep, ...]:
        """The steps that the models need and that nobody has allowed."""
        return tuple(step for step in self.steps if step.status in (NEEDED, NOT_OURS))

    @property
    def _shown(self) -> tuple[PlannedStep, ...]:
        """The steps that people see: of a plan all, and afterwards those that were carried out."""
        return tuple(step for step in self.steps if step.chosen or not self.done)

    @property
    def _title(self) -> str:
        if not self._shown:
            return f"database {self.database!r} fits its models"
        done = "was migrated" if self.done else "would be migrated"
        return f"database {self.database!r} ({self.engine}) {done} so:"

    def __repr__(self) -> str:
        lines = [self._title]
        for step in self._shown:
            facts = [step.status, step.loses, step.way if step.chosen else step.hint]
            lines.append(f"  {step.name}: {'; '.join(filter(None, facts))}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [
            (
                html.code(step.name),
                html.state(step.status, _TONES[step.status]),
                step.loses,
                step.way if step.chosen else html.code(step.hint),
            )
            for step in self._shown
        ]
        return html.section(self._title, html.table(rows, head=_HEAD) if rows else "")
