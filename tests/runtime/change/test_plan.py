"""`app.plan`: it describes what a change would do, and changes nothing."""

from __future__ import annotations

import gc
import linecache
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from modframe.app import AppContext
from modframe.errors import ModuleNotFoundInWorkspaceError
from modframe.runtime.change.plan import Plan
from tests import inside
from tests.fakes import ORDERS, simple

BASE = simple("async def fail(self):\n    return 1", head="MARK = 1")
TOP = simple(
    "async def mark(self):\n    return MARK", head="from modules.standard.base.api import MARK"
)
CALLER = simple(
    "async def ask(self):\n    return await self.app_context.get_service('base').fail()",
    arguments='requires=["base"]',
)


def seen(plan: Plan) -> list[tuple[str, str, str]]:
    """Return action, id and numbers of each entry."""
    return [(entry.action, entry.id, entry.generations) for entry in plan]


def test_a_start_a_swap_a_rebuild_and_those_that_stay(app: AppContext) -> None:
    """Each module is listed with what would happen to it, and why."""
    app.load([("base", {"api.py": BASE}), ("top", {"api.py": TOP})])
    app.load({"api.py": CALLER}, id="caller")
    plan = app.plan(
        [
            ("base", {"api.py": BASE.replace("1", "2")}),
            ("caller", {"api.py": CALLER}),
            ("fresh", {"api.py": simple(arguments='requires=["base"]')}),
        ]
    )
    assert seen(plan) == [
        ("swap", "standard.base", "1 → 2"),
        ("stay", "standard.caller", "1"),
        ("start", "standard.fresh", "1"),
        ("rebuild", "standard.top", "1 → 2"),
    ]
    assert [entry.why for entry in plan] == [
        "its text differs",
        "its text is what is live",
        "it isn't live",
        "it imports from standard.base",
    ]
    assert plan.order.index("standard.base") < plan.order.index("standard.top")
    assert not plan.refused
    assert repr(plan) == "<Plan of 4 modules: 1 start, 1 swap, 1 rebuild, 1 stay>"


def test_callers_stay_and_reach_it_through_their_handles(app: AppContext) -> None:
    """A module that only calls the service is listed as one that stays."""
    app.load({"api.py": BASE}, id="base")
    app.load({"api.py": CALLER}, id="caller")
    plan = app.plan({"api.py": BASE.replace("1", "2")}, id="base")
    entry = plan.entry("caller")
    assert entry is not None
    assert entry.action == "stay"
    assert entry.why == "it calls standard.base, and reaches what is new through its handles"


def test_what_differs_is_said(app: AppContext) -> None:
    """The entry has the diff of each file, and the routes and methods that change."""
    app.load({"api.py": ORDERS, "old.py": "x = 1\n"}, id="orders")
    changed = ORDERS.replace('"/total"', '"/sum"').replace("def boom", "def bang")
    plan = app.plan({"api.py": changed, "new.py": "y = 2\n"}, id="orders")
    (entry,) = plan
    assert {diff.file: (diff.added, diff.removed) for diff in entry.diff} == {
        "api.py": (2, 2),
        "new.py": (1, 0),
        "old.py": (0, 1),
    }
    assert '-@router.get("/total")\n+@router.get("/sum")' in entry.diff[0].text
    assert (entry.parts["web"].added, entry.parts["web"].removed) == (
        ("GET /sum",),
        ("GET /total",),
    )
    assert [difference.text for difference in entry.contract] == ["boom() is gone", "bang() is new"]
    assert "    routes: + GET /sum, - GET /total\n" in str(plan)


def test_settings_and_columns_that_come_and_go_are_said(app: AppContext) -> None:
    """The entry names settings and columns that would change, and no database is asked."""
    text = simple(
        "pass",
        head=(
            "from pydantic_settings import BaseSettings\nfrom sqlalchemy import Column, Integer\n"
            "from modframe.database import get_database_base\n"
            'DATABASE_NAME = "shop"\nBase = get_database_base(DATABASE_NAME)\n'
            "class Order(Base):\n    __tablename__ = 'orders'\n    id = Column(Integer, primary_key=True)\n"
            "class OrderSettings(BaseSettings):\n    price: int = 1\n"
        ),
        arguments="settings=OrderSettings",
    )
    app.load({"api.py": text}, id="orders")
    changed = text.replace("price: int", "cost: int").replace(
        "primary_key=True)\n", "primary_key=True)\n    amount = Column(Integer)\n"
    )
    (entry,) = app.plan({"api.py": changed}, id="orders")
    assert {name: str(part) for name, part in entry.parts.items()} == {
        "settings": "+ cost, - price",
        "database": "+ shop.orders.amount",
    }
    assert app.database.sql(
        "SELECT count(*) FROM information_schema.columns WHERE column_name = 'amount'"
    ).rows == [(0,)]


@pytest.mark.parametrize(
    ("text", "why", "error"),
    [
        ("def broken(:\n", "its text has faults", "invalid syntax"),
        ("1 / 0\n", "one of its files can't be run", "ZeroDivisionError"),
        ("x = 1\n", "what it says about itself has faults", "no module class"),
        (simple(arguments='requires=["nowhere"]'), "what it requires can't be met", "nowhere"),
        (simple(head="from fastapi import APIRouter\nrouter = APIRouter()\n"
                "@router.get('/a')\ndef a(): pass\n@router.get('/a')\ndef b(): pass\n"),
         "its web fails", "/a"),
    ],
)  # fmt: skip
def test_what_would_refuse_it_is_said_not_raised(
    app: AppContext, text: str, why: str, error: str
) -> None:
    """An error is an entry of the plan, with its findings; sound modules wait for it."""
    app.load({"api.py": BASE}, id="base")
    plan = app.plan([("base", {"api.py": text}), ("fresh", {"api.py": simple()})])
    entry, waiting = plan
    assert plan.refused
    assert (entry.action, entry.generations, entry.why) == ("refuse", "1", why)
    assert error in entry.error
    assert entry.findings[0].level == "error"
    assert (waiting.action, waiting.why) == (
        "refuse",
        "nothing goes live while standard.base fails",
    )
    assert app.modules["base"].error is None


def test_what_it_blocks_is_named(app: AppContext) -> None:
    """A module that waits for a failing one names it."""
    plan = app.plan([("base", {"api.py": "1 / 0\n"}), ("top", {"api.py": TOP})])
    assert [entry.why for entry in plan] == [
        "one of its files can't be run",
        "blocked by standard.base",
    ]


def test_a_broken_contract_is_said_with_its_users(app: AppContext) -> None:
    """A change that takes away what a live module uses would be refused, and names the user."""
    app.load({"api.py": BASE}, id="base")
    app.load({"api.py": CALLER}, id="caller")
    plan = app.plan({"api.py": BASE.replace("fail", "gone")}, id="base")
    entry = plan.entry("base")
    assert entry is not None
    assert (entry.action, entry.why) == ("refuse", "live modules use what it takes away")
    assert [use.module_id for use in entry.contract[0].uses] == ["standard.caller"]


def test_a_forced_plan_is_that_of_a_forced_load(app: AppContext) -> None:
    """What is live is loaded again, and a broken contract is said instead of refused."""
    app.load([("base", {"api.py": BASE}), ("caller", {"api.py": CALLER})])
    assert app.plan({"api.py": BASE}, id="base").entry("base").action == "stay"
    entry = app.plan({"api.py": BASE}, id="base", force=True).entry("base")
    assert (entry.action, entry.generations) == ("rebuild", "1 → 2")
    assert "loaded again" in entry.why
    broken = {"api.py": BASE.replace("fail", "fall")}
    assert app.plan(broken, id="base").refused
    forced = app.plan(broken, id="base", force=True)
    assert not forced.refused
    assert any("standard.caller" in str(change.uses) for change in forced.entry("base").contract)


def test_nothing_is_left_of_a_plan(app: AppContext, stage: SimpleNamespace) -> None:
    """A plan leaves no generation, number, record, module or text, and its classes die."""
    app.load({"api.py": ORDERS}, id="orders")
    text = (
        ORDERS.replace("40", "41")
        + "\nimport weakref\nfrom tests_stage import stage\nstage.said.append(weakref.ref(Orders))\n"
    )
    modules, lines, records = set(sys.modules), dict(linecache.cache), inside.record_ids(app)
    for _ in range(3):
        plan = app.plan([("orders", {"api.py": text}), ("fresh", {"api.py": simple()})])
        assert [entry.after for entry in plan] == [2, 1]
    app.plan([("orders", {"api.py": "1 / 0\n"}), ("fresh", {"api.py": "1 / 0\n"})])
    assert set(sys.modules) == modules
    assert linecache.cache.items() <= lines.items()  # what an earlier test left may go
    assert inside.record_ids(app) == records
    assert "fresh" not in app.modules
    assert (app.modules["orders"].generation, len(app.modules["orders"].history)) == (1, 1)
    gc.collect()
    assert [reference() for reference in stage.said] == [None, None, None]
    app.load({"api.py": text}, id="orders")
    assert app.modules["orders"].generation == 2


def test_a_plan_of_a_folder_leaves_the_live_text_to_tracebacks(
    app: AppContext, workspace: Path
) -> None:
    """After a plan of a saved file, the live generation's lines still show the old text."""
    folder = workspace / "modules" / "standard" / "orders"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(ORDERS)
    app.load("orders")
    before = linecache.getlines(str(folder / "api.py"))
    (folder / "api.py").write_text("# one line more\n" + ORDERS)
    assert [entry.action for entry in app.plan("orders")] == ["swap"]
    assert linecache.getlines(str(folder / "api.py")) == before


def test_what_is_required_from_disk_would_start(app: AppContext, workspace: Path) -> None:
    """A requirement below `modules/` is part of the plan, and isn't loaded by it."""
    folder = workspace / "modules" / "standard" / "base"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(BASE)
    plan = app.plan({"api.py": CALLER}, id="caller")
    assert seen(plan) == [("start", "standard.caller", "1"), ("start", "standard.base", "1")]
    assert plan.order == ("standard.base", "standard.caller")
    assert "base" not in app.modules


def test_only_line_ends_that_differ_are_said(app: AppContext) -> None:
    """A text with other line ends is a swap, and the plan gives that reason."""
    app.load({"api.py": BASE}, id="base")
    (entry,) = app.plan({"api.py": BASE.replace("\n", "\r\n")}, id="base")
    assert entry.action == "swap"
    assert entry.diff[0].text == "api.py: only line ends differ"


def test_an_id_that_is_nowhere_is_an_error(app: AppContext) -> None:
    """A module that can't be found can't be planned."""
    with pytest.raises(ModuleNotFoundInWorkspaceError, match="nowhere"):
        app.plan("nowhere")


def test_its_html_escapes_what_modules_say(app: AppContext) -> None:
    """Names and texts of modules are escaped."""
    app.load({"api.py": BASE}, id="base")
    html = app.plan({"api.py": BASE + "# <script>alert(1)</script>\n"}, id="base")._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_plan_of_nothing_and_of_what_is_live(app: AppContext) -> None:
    """An empty list is an empty plan; a live text stays."""
    assert repr(app.plan([])) == "<Plan of 0 modules: nothing to do>"
    app.load({"api.py": BASE}, id="base")
    assert seen(app.plan({"api.py": BASE}, id="base")) == [("stay", "standard.base", "1")]
