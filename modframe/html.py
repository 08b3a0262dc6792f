"""Facts to escaped HTML, for every `_repr_html_`: no script, colours inherited from the page.

Called by the objects a person sees. Everything that comes in is text and goes out escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_CELL = "text-align:left;vertical-align:top;padding:2px 10px 2px 0"


def text(value: object) -> str:
    """One value, escaped."""
    return escape("" if value is None else str(value))


def table(rows: Iterable[Sequence[object]], *, head: Sequence[str] = ()) -> str:
    """A plain table; ``head`` gives its column names."""
    top = ""
    if head:
        cells = "".join(f'<th style="{_CELL}">{text(name)}</th>' for name in head)
        top = f"<thead><tr>{cells}</tr></thead>"
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{text(cell)}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table>{top}<tbody>{body}</tbody></table>"


def section(title: object, body: str, *, note: object = "") -> str:
    """A heading line over a body that is HTML already."""
    tail = f" <span style='opacity:.7'>{text(note)}</span>" if note else ""
    return f"<div><strong>{text(title)}</strong>{tail}{body}</div>"
