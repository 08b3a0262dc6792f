"""Facts to escaped HTML, for every `_repr_html_` and page: no script, colours from the page.

Called by the objects a person sees, the widget view and the server's pages. What comes in is text
and goes out escaped; only what was made here, a `Raw`, is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_CELL = "text-align:left;vertical-align:top;padding:2px 10px 2px 0"


class Raw(str):
    """HTML already: it goes into a table or a tag as it is.

    >>> table([("<b>", tag("b", "<"))], classes="mf")
    '<table class="mf"><tbody><tr><td>&lt;b&gt;</td><td><b>&lt;</b></td></tr></tbody></table>'
    """

    __slots__ = ()


def text(value: object) -> str:
    """One value, escaped; fit for attributes too."""
    return escape("" if value is None else str(value))


def row(*contents: object) -> Raw:
    """Several things one after the other."""
    return Raw("".join(map(_inside, contents)))


def tag(name: str, content: object, *, classes: str = "") -> Raw:
    """Something in a tag of its own."""
    return Raw(f"<{name}{_classes(classes)}>{_inside(content)}</{name}>")


def link(address: str, label: object, *, aside: bool = False) -> Raw:
    """A link; ``aside`` opens it in a tab of its own."""
    where = ' target="_blank" rel="noopener"' if aside else ""
    return Raw(f'<a href="{text(address)}"{where}>{_inside(label)}</a>')


def table(rows: Iterable[Sequence[object]], *, head: Sequence[str] = (), classes: str = "") -> Raw:
    """A table; ``head`` gives its column names. With ``classes`` a stylesheet does the rest."""
    style = "" if classes else f' style="{_CELL}"'
    top = ""
    if head:
        cells = "".join(f"<th{style}>{text(name)}</th>" for name in head)
        top = f"<thead><tr>{cells}</tr></thead>"
    body = "".join(
        "<tr>" + "".join(f"<td{style}>{_inside(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return Raw(f"<table{_classes(classes)}>{top}<tbody>{body}</tbody></table>")


def _classes(classes: str) -> str:
    return f' class="{text(classes)}"' if classes else ""


def _inside(content: object) -> str:
    return content if isinstance(content, Raw) else text(content)


def section(title: object, body: str, *, note: object = "") -> str:
    """A heading line over a body that is HTML already."""
    tail = f" <span style='opacity:.7'>{text(note)}</span>" if note else ""
    return f"<div><strong>{text(title)}</strong>{tail}{body}</div>"
