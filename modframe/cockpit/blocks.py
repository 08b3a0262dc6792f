"""Blocks: what an operation says of a tab, a row or a dialog, as data that the front end draws.

An operation that answers with a `View` needs no JavaScript: `front/blocks.mjs` draws each kind of
block, and asks again when something is chosen in it. What a person chooses is an argument of the
operation, and what they open or press is a `Call` of another one. All texts are drawn as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal

from ..names import short_id
from ..runtime.change.plan import FileDiff
from ..view.snapshot import thaw

Tone = Literal["good", "warn", "bad", "calm"]


@dataclass(frozen=True, slots=True)
class Block:
    """Whatever is drawn; its kind is the name of its class."""


Cell = str | int | Block | tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A question to ask: an operation and its arguments."""

    op: str
    args: Mapping[str, Any]


# -- texts ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text(Block):
    """A paragraph, or the text of a cell.

    Attributes:
        style: Classes of the style sheet, such as ``"muted"`` or ``"mono cut"``; ``"pre"`` keeps
            its lines.
        strong: What stands before it, in bold.
        status: Whether it says what came of a choice, so that screen readers tell it.
    """

    text: str
    style: str = ""
    strong: str = ""
    status: bool = False


@dataclass(frozen=True, slots=True)
class Heading(Block):
    """A heading, which takes the free room of a row; ``note`` is smaller, ``badge`` before it."""

    text: str
    level: Literal[2, 3] = 2
    badge: str = ""
    tone: Tone = "calm"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Note(Block):
    """A line with the icon of its tone; ``mono`` stands behind it in monospace."""

    text: str
    tone: Tone = "warn"
    mono: str = ""


@dataclass(frozen=True, slots=True)
class Empty(Block):
    """What stands where there is nothing: what would be here."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Error(Block):
    """An error, as `rows.error_facts` returns it; ``blocks`` stand below its cause."""

    error: Mapping[str, Any]
    title: str | None = None
    blocks: Sequence[Block] = ()


@dataclass(frozen=True, slots=True)
class Findings(Block):
    """Faults that a check found, each as `Finding.to_dict` returns it."""

    findings: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class State(Block):
    """A state by its icon and its word; ``word`` says it in another one."""

    state: str
    word: str = ""


@dataclass(frozen=True, slots=True)
class Time(Block):
    """A time in ISO format: its time of day if it is today, else with its date."""

    stamp: str


@dataclass(frozen=True, slots=True)
class Link(Block):
    """A link to a tab of a module."""

    module: str
    tab: str = "overview"


@dataclass(frozen=True, slots=True)
class Copy(Block):
    """A button that copies a text."""

    text: str
    label: str = "Copy"


@dataclass(frozen=True, slots=True)
class Code(Block):
    """Code with a button that copies it."""

    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Diff(Block):
    """How files differ."""

    files: Sequence[FileDiff]


@dataclass(frozen=True, slots=True)
class Lines(Block):
    """Lines of a module's text, numbered from ``first`` on; ``line`` is marked, if it isn't 0."""

    file: str
    cell: str
    origin: str
    line: int
    first: int
    lines: Sequence[str]


# -- what holds others ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Table(Block):
    """A table, which people sort; a column that is empty in all rows is left out.

    Attributes:
        columns: The title of each, or title and style as in `Text`.
        rows: A text, a number or blocks in each column; quantities stand at the right.
        opens: What each row opens below the table, if it opens anything, or the button that it is.
    """

    label: str
    columns: Sequence[str | tuple[str, str]]
    rows: Sequence[Sequence[Cell]]
    opens: Sequence[Call | Button] = ()


@dataclass(frozen=True, slots=True)
class Row(Block):
    """Blocks beside each other."""

    blocks: Sequence[Block]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Section(Block):
    """Blocks that belong together, by the name that screen readers tell; in a frame if ``card``."""

    label: str
    blocks: Sequence[Block]
    card: bool = False


@dataclass(frozen=True, slots=True)
class Folded(Block):
    """What is seen once its title is chosen: blocks, or what is asked for then."""

    title: str
    blocks: Sequence[Block] = ()
    call: Call | None = None


# -- what a person does -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Select(Block):
    """A choice, which is an argument of the view's operation.

    Attributes:
        name: Its ``data-field``, and the argument unless ``argument`` names another one.
        options: Value and title of each.
        item: The key of the value, if the argument is a mapping.
        title: What stands before it; without one, screen readers alone tell the label.
    """

    name: str
    label: str
    options: Sequence[tuple[str | int, str]]
    value: str | int = ""
    item: str = ""
    title: str = ""
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Field(Block):
    """A text that a person types; `name` and `item` as in `Select`.

    Attributes:
        hint: What stands in it while it is empty. ``style``: ``"mono"`` for a name.
        live: Whether each letter asks again, as one searches; else it is the end of typing.
    """

    name: str
    label: str
    value: str = ""
    item: str = ""
    title: str = ""
    hint: str = ""
    style: str = ""
    live: bool = False


@dataclass(frozen=True, slots=True)
class Check(Block):
    """A box to check; `name` and `item` as in `Select`. ``tone`` frames it as a warning."""

    name: str
    label: str
    value: bool = False
    item: str = ""
    tone: Literal["", "warn"] = ""


@dataclass(frozen=True, slots=True)
class Button(Block):
    """A button: of a view (``does``), or one that carries out a call.

    What can break something has a ``plan``: a dialog shows that view first, with the button that
    carries out the call with what was chosen there. The call may answer with a `View`, which then
    stands in the plan's place.

    Attributes:
        action: Its ``data-action``.
        does: ``"again"`` asks for the view again, ``"anew"`` also forgets what was chosen in it,
            ``"close"`` closes it.
        title: The dialog's. ``deed``: what the dialog's button says, by default the label.
        chosen: Whether what is chosen in its view are arguments of its calls, too.
        danger: Whether the dialog's button is red.
    """

    label: str
    action: str = ""
    call: Call | None = None
    plan: Call | None = None
    does: Literal["", "again", "anew", "close"] = ""
    title: str = ""
    deed: str = ""
    style: str = ""
    chosen: bool = False
    danger: bool = False
    disabled: bool = False


CLOSE = Button("Close", does="close", style="small")


@dataclass(frozen=True, slots=True)
class View:
    """What an operation answers for a tab, an opened row or a dialog.

    Attributes:
        label: Its name for screen readers, of what a row opens.
        refused: Whether a dialog's button can't be pressed. ``danger``: whether it is red.
    """

    blocks: Sequence[Block]
    label: str = ""
    refused: bool = False
    danger: bool = False


def facts_of(value: Any) -> Any:
    """Return blocks, and what holds some, as JSON-ready data; what is as by default is left out."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return [facts_of(one) for one in value]
    if not isinstance(value, Block | View):
        return thaw(value)
    kind: Any = type(value)
    facts: dict[str, Any] = {"kind": kind.__name__.lower()} if isinstance(value, Block) else {}
    for name, default in _defaults(kind):
        if (own := getattr(value, name)) != default:
            facts[name] = facts_of(own)
    return facts


@cache
def _defaults(kind: type[Any]) -> tuple[tuple[str, Any], ...]:
    """Return the attributes of blocks of a kind, and what they are by default."""
    return tuple((one.name, one.default) for one in fields(kind))


def action_button(
    module: str, action: str, deed: str, *, label: str = "", to: str = "", **looks: Any
) -> Button:
    """Return the button of an action on a module, which shows its plan first.

    Args:
        action: As `operations.modules.plan` takes it, with ``to``.
        deed: What carries it out. ``label``: what opens the plan, by default the same.
    """
    args = {"module": module, "action": action, **({"to": to} if to else {})}
    call, plan, title = Call("do", args), Call("plan", args), f"{deed}: {short_id(module)}"
    return Button(label or deed, action, call, plan, title=title, deed=deed, **looks)
