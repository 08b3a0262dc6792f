"""The page at `/modframe/`: the modules of a snapshot as a table, which the cockpit replaces.

The system pages call it. Everything that comes in is text and goes out escaped. Where scripts don't
run, the table stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..html import Raw, link, row, table, tag, text
from ..parts.web.paths import prefix_of
from ..view.snapshot import ModuleView

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
STATUS_PATH = "/modframe/"
STYLES = "page.css"
_LINKS = (("../docs", "API docs"), ("../openapi.json", "openapi.json"), ("../health", "health"))
_MOST = 100
"""How many modules are listed; what takes the place of the table has all of them."""
_COLUMNS = ("module", "state", "generation", "path", "what it has", "error")


def head(title: str, extra: str = "") -> str:
    """Return the top of a page; ``extra`` is HTML already."""
    return f"{_HEAD}<title>{text(title)}</title><style>{STYLE}</style>{extra}</head>"


def status_page(
    views: Sequence[ModuleView],
    *,
    prefixes: Callable[[str], Sequence[str]] = lambda _: (),
    query: str = "",
) -> bytes:
    """Return the page, a row for each view; ``query``, which has the token, ends its links.

    Of more than `_MOST` views the first are listed, those that are not well before others.
    ``prefixes`` returns those of a module, live or not; empty if none but the default is known.
    """
    live = [view for view in views if view.state == "LIVE"]
    faulty = sum(bool(view.error) for view in live)
    summary = f"{len(live)} of {len(views)} modules live"
    summary += f", {faulty} with an error" if faulty else ""
    links = "".join(link(f"{path}{query}", label) for path, label in _LINKS)
    if len(views) > _MOST:
        summary += f"; {_MOST} are listed, those that are not well first"
        views = sorted(views, key=lambda view: view.state == "LIVE" and not view.error)[:_MOST]
    rows = (_cells(view, prefixes(view.id) or (prefix_of(view.id),)) for view in views)
    modules = table(rows, head=_COLUMNS, classes="all")
    body = (
        f"<body><div id='modframe'><h1>modframe</h1><nav>{links}</nav>"
        f"{tag('p', summary, classes='soft')}"
        f"{modules if views else tag('p', 'No module is loaded yet.')}</div></body></html>"
    )
    files = (
        f'<link rel="stylesheet" href="{STYLES}{text(query)}">'
        f'<script type="module" src="cockpit.mjs{text(query)}"></script>'
    )
    return f"{_HEAD}<title>modframe</title>{files}</head>{body}".encode()


def _cells(view: ModuleView, prefixes: Sequence[str]) -> tuple[Raw | str, ...]:
    tone = "faulty" if view.state == "LIVE" and view.error else view.state
    return (
        tag("code", view.id),
        tag("span", view.state, classes=tone),
        str(view.generation or ""),
        tag("code", ", ".join(prefix or "/" for prefix in prefixes)),
        _contents(view),
        tag("pre", view.error) if view.error else "",
    )


def _contents(view: ModuleView) -> Raw | str:
    """Return what the parts show of a module: counts, which open to the tables."""
    if not view.panels:
        return ""
    tables = (
        row(tag("h4", panel.title), table(panel.rows, head=panel.columns, classes="panel"))
        for panel in view.panels
        if not panel.live_only
    )
    return tag("details", row(tag("summary", view.contents), *tables))
