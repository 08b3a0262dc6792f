"""The status page at `/`: rows of the snapshot → one HTML page, without script.

The system pages call it. Everything that comes in is text and goes out escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..html import Raw, link, table, tag, text
from ..parts.web.paths import prefix_of

STYLE = """
:root{color-scheme:light dark;--line:#d5d8dd;--soft:#5c6370;--bad:#b3261e;--good:#1a7f37}
@media(prefers-color-scheme:dark){:root{--line:#3a3f47;--soft:#9aa2ad;--bad:#ff8a80;--good:#6fdd8b}}
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
.all{border-collapse:collapse;width:100%}
.all th,.all td{text-align:left;vertical-align:top;padding:.35rem .8rem .35rem 0;
border-bottom:1px solid var(--line)}
.all :is(th,td):not(:last-child){white-space:nowrap;width:1%;padding-right:1.6rem}
.all th{color:var(--soft);font-weight:600}
code{font-family:ui-monospace,monospace}
.LIVE{color:var(--good)}.FAILED,.BLOCKED,.FAILED_UNLOAD,.faulty{color:var(--bad)}
.soft{color:var(--soft)}
pre{margin:0;white-space:pre-wrap;font:13px/1.4 ui-monospace,monospace}
nav a{margin-right:1rem}
"""
_HEAD = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    '<link rel="icon" href="data:,">'
)
_COLUMNS = ("module", "state", "generation", "path", "error")


def head(title: str, extra: str = "") -> str:
    """Return the top of a page; ``extra`` is HTML already."""
    return f"{_HEAD}<title>{text(title)}</title><style>{STYLE}</style>{extra}</head>"


def status_page(rows: Sequence[Mapping[str, Any]], *, query: str = "") -> bytes:
    """Return the page as HTML.

    Args:
        rows: One for each module: ``id``, ``state``, ``generation``, ``error``.
        query: Added to its links, question mark included: the token.
    """
    live = [row for row in rows if row.get("state") == "LIVE"]
    faulty = sum(bool(row.get("error")) for row in live)
    summary = f"{len(live)} of {len(rows)} modules live"
    summary += f", {faulty} with an error" if faulty else ""
    links = "".join(
        link(f"{path}{query}", label)
        for path, label in (
            ("docs", "API docs"),
            ("openapi.json", "openapi.json"),
            ("health", "health"),
        )
    )
    modules = table(map(_cells, rows), head=_COLUMNS, classes="all")
    body = (
        f"<body><h1>modframe</h1><nav>{links}</nav>"
        f"{tag('p', summary, classes='soft')}"
        f"{modules if rows else tag('p', 'No module is loaded yet.')}</body></html>"
    )
    return (head("modframe") + body).encode()


def _cells(row: Mapping[str, Any]) -> tuple[Raw | str, ...]:
    state = str(row.get("state") or "")
    tone = "faulty" if state == "LIVE" and row.get("error") else state
    generation = row.get("generation")
    return (
        tag("code", row["id"]),
        tag("span", state, classes=tone),
        "" if generation is None else str(generation),
        tag("code", prefix_of(str(row["id"]))),
        tag("pre", row["error"]) if row.get("error") else "",
    )
