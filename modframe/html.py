"""Escaped HTML for every `_repr_html_` and page; it has no scripts, and the page sets the colours.

In come values, out goes HTML in which all text is escaped; only a `Raw`, which the functions here
return, is taken as it is. Called by displayed objects, the widget view and the server's pages.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from html import escape

from .wording import escape_in_lines

_CELL = "text-align:left;vertical-align:top;padding:2px 10px 2px 0"


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


def tag(name: str, content: object, *, classes: str = "") -> Raw:
    """Return content inside a tag."""
    return Raw(f"<{name}{_classes(classes)}>{_escaped(content)}</{name}>")


def link(address: str, label: object, *, aside: bool = False) -> Raw:
    """Return a link; ``aside`` opens it in a new tab."""
    where = ' target="_blank" rel="noopener"' if aside else ""
    return Raw(f'<a href="{text(address)}"{where}>{_escaped(label)}</a>')


def table(
    rows: Iterable[Sequence[object]],
    *,
    head: Sequence[str] = (),
    classes: str = "",
    right: Collection[int] = (),
) -> Raw:
    """Return a table with column names ``head``; it has inline styles unless it has classes.

    ``right`` says which columns, counted from 0, are aligned to the right.
    """
    left = "" if classes else f' style="{_CELL}"'
    numbers = f' style="{_CELL.replace("left", "right", 1)}"'

    def line(name: str, cells: Iterable[object]) -> str:
        styled = ((numbers if place in right else left, cell) for place, cell in enumerate(cells))
        return (
            "<tr>"
            + "".join(f"<{name}{how}>{_escaped(it)}</{name}>" for how, it in styled)
            + "</tr>"
        )

    top = f"<thead>{line('th', head)}</thead>" if head else ""
    body = "".join(line("td", row) for row in rows)
    return Raw(f"<table{_classes(classes)}>{top}<tbody>{body}</tbody></table>")


def _classes(classes: str) -> str:
    return f' class="{text(classes)}"' if classes else ""


def _escaped(content: object) -> str:
    return content if isinstance(content, Raw) else text(content)


def section(title: object, body: str, *, note: object = "") -> str:
    """Return a heading line over a body, which is HTML already."""
    tail = f" <span style='opacity:.7'>{text(note)}</span>" if note else ""
    return f"<div><strong>{text(title)}</strong>{tail}{body}</div>"
