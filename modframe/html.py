"""The words of every HTML display: tables, states, code, diffs, notices; all text is escaped.

In come values, out goes HTML; only a `Raw`, which the functions here return, is taken as it is.
Called by displayed objects and the server's pages. Displays are saved with notebooks and shown by
viewers that take scripts, classes or even styles away: there are only inline styles, colours read
on light and on dark ground, and what a colour says is a word as well.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import islice

from .table import Table
from .tones import MARKS, Tone, tone_of
from .wording import count, escape_in_lines

_PAD = "vertical-align:top;padding:3px 14px 3px 0"
_CELL = f"text-align:left;{_PAD}"
_NUMBER = f"text-align:right;white-space:nowrap;{_PAD}"
SOFT = "opacity:.7"
"""The style of what is beside the point: the text's own colour, a little lighter."""
_COLOURS: Mapping[Tone, str] = {
    "good": "#1f9d4d", "warn": "#c27803", "bad": "#e0434b", "quiet": "#808890",
}  # fmt: skip
"""At least 3:1 on white and on black, as marks need; words keep the colour of the text."""
_DIFF = {"+": "rgba(31,157,77,.2)", "-": "rgba(224,67,75,.2)"}
_DIFF_LINES = 400


class Raw(str):
    """Text that is HTML already: `table` and `tag` do not escape it.

    >>> table([("<b>", tag("b", "<"))], classes="mf")
    '<table class="mf"><tbody><tr><td>&lt;b&gt;</td><td><b>&lt;</b></td></tr></tbody></table>'
    """

    __slots__ = ()


def text(value: object) -> str:
    """Return a value as escaped text, for contents and attributes.

    What would turn text around on the page, or is a control character, is escaped as in the log.
    """
    return escape(escape_in_lines("" if value is None else str(value)))


def row(*contents: object) -> Raw:
    """Return several contents joined."""
    return Raw("".join(map(_escaped, contents)))


def tag(name: str, content: object, *, classes: str = "", style: str = "") -> Raw:
    """Return content inside a tag."""
    styled = f' style="{style}"' if style else ""
    return Raw(f"<{name}{_classes(classes)}{styled}>{_escaped(content)}</{name}>")


def link(address: str, label: object, *, aside: bool = False) -> Raw:
    """Return a link; ``aside`` opens it in a new tab."""
    where = ' target="_blank" rel="noopener"' if aside else ""
    return Raw(f'<a href="{text(address)}"{where}>{_escaped(label)}</a>')


# -- words and lines ---------------------------------------------------------------------------


def soft(content: object) -> Raw:
    """Return content that is beside the point; nothing for nothing."""
    return tag("span", content, style=SOFT) if content else Raw()


def code(content: object) -> Raw:
    """Return a signature, a path or a name as code; nothing for nothing."""
    return tag("code", content, style="white-space:pre-wrap") if content else Raw()


def state(word: object, tone: Tone | None = None) -> Raw:
    """Return the word of a state behind its mark; a word that names no state is plain text.

    >>> state("Tuesday")
    'Tuesday'
    """
    tone = tone or tone_of(word)
    if tone is None:
        return row(word)
    mark = tag("span", MARKS[tone], style=f"color:{_COLOURS[tone]}")
    weight = ";font-weight:600" if tone in ("bad", "warn") else ""
    return tag("span", row(mark, " ", word), style=f"white-space:nowrap{weight}")


def lines(content: object) -> Raw:
    """Return text of several lines as such, also where styles are taken away."""
    return Raw(_escaped(content).replace("\n", "<br>"))


def diff(content: str) -> Raw:
    """Return a unified diff: what comes is green, what goes is red, beside its sign."""
    shown = content.split("\n")
    body = "\n".join(map(_diff_line, shown[:_DIFF_LINES]))
    left = more(len(shown) - _DIFF_LINES, "line")
    style = "margin:2px 0;padding:0;line-height:1.35;white-space:pre-wrap"
    return row(tag("pre", Raw(body), style=style), left)


def _diff_line(line: str) -> Raw:
    if line.startswith(("---", "+++", "@@")):
        return soft(line)
    ground = _DIFF.get(line[:1])
    return tag("span", line, style=f"background:{ground}") if ground else row(line)


def notice(tone: Tone, title: object, *contents: object) -> Raw:
    """Return what a person should see first, marked at its left side; empty contents are left out.

    Args:
        tone: The colour of the mark.
        title: Its first line.
        contents: The lines below it.
    """
    body = row(*(tag("div", lines(one)) for one in (title, *contents) if one))
    style = f"border-left:3px solid {_COLOURS[tone]};padding:1px 0 1px 10px;margin:6px 0"
    return tag("div", body, style=style)


def more(hidden: int, noun: str, *, where: str = "") -> Raw:
    """Return how many things are left out; nothing if none is."""
    if hidden <= 0:
        return Raw()
    return tag("div", f"… {hidden} more {count(hidden, noun).split(' ', 1)[1]}{where}", style=SOFT)


# -- tables ------------------------------------------------------------------------------------

Draw = Callable[[object], Raw]
BY_HEAD: Mapping[str, Draw] = {
    **dict.fromkeys(("state", "status", "level", "action"), state),
    **dict.fromkeys(("method", "methods", "route", "routes", "class"), code),
}
"""The name of a column → how its cells are drawn."""


def table(
    rows: Iterable[Sequence[object]],
    *,
    head: Sequence[str] = (),
    classes: str = "",
    right: Collection[int] | None = None,
    most: int | None = None,
    draw: Mapping[str, Draw] = BY_HEAD,
) -> Raw:
    """Return a table; it has inline styles unless it has classes.

    Columns that say nothing are left out. Those of numbers are aligned to the right.

    Args:
        head: The names of the columns.
        classes: The classes of a page's own style; cells are then shown as they come.
        right: The columns, counted from 0, that are aligned to the right, where that is known; no
            column is left out then.
        most: How many rows are shown; how many others there are stands below.
        draw: Name of a column → how its cells are drawn.
    """
    told = Table.of(rows, head=head, right=right)
    styled = _plain_line if classes else _styled_line(told.right)
    drawn = _drawn(told, {} if classes else draw)
    top = f"<thead>{styled('th', told.head)}</thead>" if told.head else ""
    body = "".join(styled("td", cells) for cells in islice(drawn, most))
    left = more(len(told.rows) - most, "row") if most is not None else ""
    return Raw(f"<table{_classes(classes)}>{top}<tbody>{body}</tbody></table>{left}")


def _drawn(told: Table, draw: Mapping[str, Draw]) -> Iterator[Sequence[object]]:
    """Yield the rows with the cells of some columns drawn as their heads say."""
    ways = {place: draw[name] for place, name in enumerate(told.head) if name in draw}
    for cells in told.rows:
        yield [ways[place](cell) if place in ways else cell for place, cell in enumerate(cells)]


def _plain_line(name: str, cells: Iterable[object]) -> str:
    return f"<tr>{''.join(f'<{name}>{_escaped(cell)}</{name}>' for cell in cells)}</tr>"


def _styled_line(right: Collection[int]) -> Callable[[str, Iterable[object]], str]:
    def line(name: str, cells: Iterable[object]) -> str:
        shown = (
            f'<{name} style="{_NUMBER if place in right else _CELL}">'
            f"{soft(cell) if name == 'th' else lines(cell)}</{name}>"
            for place, cell in enumerate(cells)
        )
        return f"<tr>{''.join(shown)}</tr>"

    return line


def facts(pairs: Iterable[tuple[str, object]]) -> Raw:
    """Return labels and what each says; pairs that say nothing are left out."""
    told = [(soft(label), content) for label, content in pairs if content not in ("", None)]
    return table(told, right=()) if told else Raw()


def section(title: object, *bodies: object, note: object = "") -> Raw:
    """Return a heading line, with a note perhaps, over its bodies."""
    top = row(tag("strong", title), " " if note else "", soft(note))
    return tag("div", row(top, *bodies), style="margin:4px 0")


def _classes(classes: str) -> str:
    return f' class="{text(classes)}"' if classes else ""


def _escaped(content: object) -> str:
    return content if isinstance(content, Raw) else text(content)
