"""What cells display: all of one kind, safe and readable wherever a notebook is shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import modframe
from modframe.cli import out
from modframe.desk.history_entry import HistoryEntries, HistoryEntry
from modframe.errors import ModframeError
from modframe.finding import Finding
from modframe.html import BY_HEAD, diff, notice, state, table
from modframe.observe import failure_of, failure_table, group_of, group_table
from modframe.parts.database.schema.plan import NEEDED, MigrationPlan, PlannedStep
from modframe.parts.database.sql.rows import Rows
from modframe.parts.health import Health, HealthReport
from modframe.result import Result
from modframe.runtime.change.outcome import Outcome, StopReport
from modframe.ship.export_plan import ExportReport
from modframe.tones import MARKS, tone_of
from modframe.view.snapshot import ModuleView, Snapshot

EVIL = "<script>alert(1)</script>"
BOUND = 60_000
"""Bytes that a display adds to a notebook at most."""
SHOP = f'''
from fastapi import APIRouter
from modframe.decorators import module
from modframe.tasks import task

router = APIRouter()

@router.get("/total", summary={EVIL!r})
async def total() -> int:
    return 1

@module
class Shop:
    MODULE_DESCRIPTION = {EVIL!r}

    async def place(self, item: str, amount: int = 1) -> str:
        """{EVIL}"""
        return item

    @task(every=3600)
    async def tidy(self) -> None:
        """Tidy up."""
'''
BROKEN = f"raise ValueError({EVIL!r})\n"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
WARNING = Finding("unused", "warning", EVIL, cure="drop it", file="api.py", line=3)


def _failures() -> list[dict[str, Any]]:
    facts = {"time": "2026-11-30T12:00:00.000Z", "module_id": "standard.shop", "message": EVIL}
    return [{**facts, "code": "SOLD_OUT", "place": "api.py, line 3", "fingerprint": "f"}]


def _groups() -> list[dict[str, Any]]:
    failure = _failures()[0]
    times = {"first": failure["time"], "last": failure["time"]}
    return [{**failure, **times, "count": 2, "generations": {"1": 2}}]


class _Html(str):
    """HTML that stands for itself."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)


def _ended(call: Any) -> Any:
    call.result(10)
    return call


def _entries() -> HistoryEntries:
    facts = {"origin": "cells", "digest": "0a1b2c", "outcome": EVIL}
    runs = (1, "first"), (2, "first"), (1, "second")
    return HistoryEntries(
        [HistoryEntry("standard.shop", NOW, generation=at, run=run, **facts) for at, run in runs],  # type: ignore[arg-type]  # the facts are as they should be
        damaged=[EVIL],
    )


DISPLAYS: Mapping[str, Callable[[Any], Any]] = {
    "app": lambda app: app,
    "modules": lambda app: app.modules,
    "module": lambda app: app.modules["shop"],
    "broken module": lambda app: app.modules["broken"],
    "snapshot": lambda app: app.snapshot(),
    "handle": lambda app: app.get_service("shop"),
    "call": lambda app: _ended(app.get_service("shop").place(EVIL)),
    "plan": lambda app: app.plan({"api.py": SHOP.replace("amount", "number")}, id="shop"),
    "refused plan": lambda app: app.plan({"api.py": f"x = '{EVIL}'\nx = ("}, id="shop"),
    "history": lambda _: _entries(),
    "services": lambda app: app.services(),
    "tasks": lambda app: app.tasks,
    "events": lambda app: app.events,
    "health": lambda app: app.health(),
    "bad health": lambda _: HealthReport(a=Health("unhealthy", NOW, 0.1, EVIL, 2)),
    "rows": lambda _: Rows([(1, EVIL, None)], ("n", EVIL, "nothing"), ("INTEGER", "VARCHAR", "")),
    "result": lambda _: Result.success(EVIL),
    "error result": lambda _: Result.error("SOLD_OUT", EVIL, {"item": EVIL}),
    "outcome": lambda _: Outcome("standard.shop", "live", 1, 2, findings=(WARNING, WARNING)),
    "stop": lambda _: StopReport((Outcome("standard.shop", "stopped"),), 0.1, (EVIL,)),
    "export": lambda _: ExportReport(
        "standard.shop", Path("/m"), (Path("/m/api.py"), Path("/m/b.py")), (Path("/m/b.py"),),
        (Path("/m/old.py"),), (WARNING,),
    ),
    "migration": lambda _: MigrationPlan("shop", "DuckDB", (PlannedStep(EVIL, NEEDED, EVIL),)),
    "errors": lambda _: _Html(failure_table(map(failure_of, _failures()))),
    "kinds of errors": lambda _: _Html(group_table(map(group_of, _groups()))),
}  # fmt: skip


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """All displays; of the two modules one is live with a newer text that fails."""
    with modframe.start(workspace=tmp_path_factory.mktemp("w"), data=":memory:") as app:
        app.load({"api.py": SHOP}, id="shop")
        for module_id in ("shop", "broken"):
            with pytest.raises(ModframeError):
                app.load({"api.py": BROKEN}, id=module_id)
        return {name: show(app)._repr_html_() for name, show in DISPLAYS.items()}


class _Page(HTMLParser):
    """The tables of a display with their cells, and the tags and attributes in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self._cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._cell:
            self.tables[-1][-1][-1] += data


@pytest.mark.parametrize("name", DISPLAYS)
def test_each_display(shown: Mapping[str, str], name: str) -> None:
    """Escapes what modules say, has inline styles alone and no empty column, and is bounded."""
    html = shown[name]
    page = _Page(html)
    assert page.tags <= {
        "div", "span", "strong", "code", "pre", "br", "a", "table", "thead", "tbody", "tr", "th",
        "td",
    }  # fmt: skip
    assert page.attributes <= {"style", "href", "target", "rel"}
    assert len(html.encode()) < BOUND
    for rows in page.tables:
        body = rows if name == "rows" else rows[1:] or rows
        for column in zip(*body, strict=True):
            assert any(column), rows
        if "state" in rows[0] or "status" in rows[0]:
            place = rows[0].index("state" if "state" in rows[0] else "status")
            assert all(row[place][0] in MARKS.values() for row in rows[1:])
            assert all(row[place][2:].strip() for row in rows[1:])


def test_what_failed_comes_first(shown: Mapping[str, str]) -> None:
    """With its place, its cause and the next step, before the table of modules."""
    told = _Page(shown["app"]).text
    attention = told[: told.index("what it has")]
    assert "▲ 4 of 5 modules live" in attention
    assert "▲ standard.shop · generation 1 stays live" in attention
    assert "✖ standard.broken · FAILED" in attention
    assert "api.py, line 1 ValueError: <script>" in attention
    assert "next: " in attention
    one = _Page(shown["module"]).text
    assert one.startswith("● LIVE standard.shop generation 1▲ generation 1 stays live")
    assert "GET /api/v1/shop/total" in one
    assert "place(item: str, amount: int = 1) -> str" in one


def test_a_thousand_modules_stay_small() -> None:
    """Those that fail are all counted; how many are left out is said."""
    fault = Finding("error", "error", "x" * 900, cure="y" * 100, file="api.py", line=1)
    views = [
        ModuleView(f"standard.m{at}", "FAILED", error="x" * 900, faults=(fault,) * 9)
        for at in range(500)
    ] + [ModuleView(f"standard.n{at}", "LIVE", description="z" * 900) for at in range(500)]
    html = Snapshot(str(NOW), "", "", "", ready=False, modules=tuple(views))._repr_html_()
    assert len(html) < BOUND
    assert "500 of 1000 modules live" in html
    assert "… 488 more notices" in html
    assert "… 950 more rows" in html


def test_a_history_names_no_run_and_no_digest() -> None:
    """Only that an entry comes from an earlier run, where there is one."""
    told = _Page(_entries()._repr_html_()).text
    assert "first" not in told.removeprefix("history of standard.shop 3 sources, the newest first")
    assert "0a1b2c" not in told
    assert told.count("an earlier one") == 2


def test_the_words_of_states() -> None:
    """Each has a tone; other words are text, and a caller may say what the tone is."""
    assert {tone_of(one) for one in ("LIVE", "healthy", "swap")} == {"good"}
    assert {tone_of(one) for one in ("FAILED", "FAILED_UNLOAD", "unhealthy, 3 in a row")} == {"bad"}
    assert {tone_of(one) for one in ("BLOCKED", "degraded", "DRAFT")} == {"warn"}
    assert tone_of("") is tone_of("4 of 5") is None
    assert state("<b>") == "&lt;b&gt;"
    assert "○</span> Tuesday" in state("Tuesday", "quiet")


def test_a_terminal_has_the_same_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """States in colour, numbers at the right, no empty column; a pipe gets no colours."""
    rows = [("shop", "LIVE", 2, "", "ok then"), ("bad", "FAILED", 11, "", "2 errors")]
    head = ("module", "state", "n", "none", "about")
    out.table(rows, head=head)
    assert capsys.readouterr().out.splitlines() == [
        "module  state    n  about", "shop    LIVE     2  ok then", "bad     FAILED  11  2 errors",
    ]  # fmt: skip
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out.table(rows, head=head)
    out.fact("state ", "FAILED")
    shown = capsys.readouterr().out
    for styled in ("\x1b[32mLIVE ", "\x1b[1;31mFAILED ", "\x1b[1;31m2 errors"):
        assert styled in shown
    assert "\x1b[32mok then" not in shown
    assert shown.splitlines()[-1].endswith("\x1b[1;31mFAILED\x1b[0m")


def test_tables_and_diffs() -> None:
    """Numbers stand at the right, empty columns go, states and code are drawn by their heads."""
    html = table([("LIVE", 3, "", "f(x)")], head=("state", "n", "none", "method"))
    assert html.count("text-align:right") == 2
    assert "none" not in html
    assert "●</span> LIVE" in html
    assert "<code" in html
    assert "<code" not in table([("f(x)",)], head=("method",), draw={})
    assert set(BY_HEAD) >= {"state", "status", "method", "route"}
    coloured = diff("--- a\n+++ b\n@@ -1 +1 @@\n-<old>\n+new")
    assert '<span style="background:rgba(224,67,75,.2)">-&lt;old&gt;</span>' in coloured
    assert "… 600 more lines" in diff("\n".join("+x" for _ in range(1000)))
    assert "one<br>two" in notice("bad", "one\ntwo", "")
