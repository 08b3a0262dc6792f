"""The buttons of a module: each shows its plan, is refused with a reason, and does what it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import modframe
from modframe import AppContext
from modframe.source import SourceFile
from tests.cockpit.conftest import TOKEN
from tests.cockpit.front import Front, block_of, blocks_of, rows_of, texts_of
from tests.fakes import ORDERS, simple

SHOP = simple(
    """
    async def initialize(self):
        self.orders = app_context.get_service("orders")

    async def price(self) -> int:
        return await self.orders.total(1)
    """,
    head="from modframe import app_context",
    name="Shop",
    arguments='requires=["standard.orders.service"]',
)
WITHOUT_TOTAL = simple("def other(self) -> int:\n    return 1", name="Orders")
TESTS = """
import pytest


def test_good():
    pass


def test_bad():
    assert {"a": 1} == {"a": 2}


@pytest.mark.skip(reason="not today")
def test_later():
    pass
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppContext]:
    """Start one app for all tests of this file; each uses modules of its own."""
    workspace = tmp_path_factory.mktemp("workspace")
    with modframe.start(workspace=workspace, data=workspace / "data") as running:
        running.serve(port=0, token=TOKEN)
        yield running


@pytest.fixture(scope="module")
def front(app: AppContext) -> Iterator[Front]:
    with Front(app.url, token=TOKEN) as front:
        yield front


@pytest.fixture(autouse=True)
def no_app_left() -> None:
    """Let the app of this file run between its tests."""


def refusal_of(planned: dict[str, Any]) -> str:
    """Return why a plan would be refused; empty if it would not."""
    errors = [one for one in blocks_of(planned, "error") if one["title"] != "Why"]
    assert bool(errors) == planned.get("refused", False)
    return "".join(one["error"]["message"] for one in errors)


def force_of(planned: dict[str, Any]) -> str:
    """Return what the box says that forces a plan; empty if there is none."""
    return "".join(box["label"] for box in blocks_of(planned, "check"))


def diff_of(shown: dict[str, Any]) -> str:
    """Return the text of the first differences in a view."""
    text: str = blocks_of(shown, "diff")[0]["files"][0]["text"]
    return text


def said(done: dict[str, Any]) -> str:
    """Return what came of an action."""
    text: str = block_of(done, "note")["text"]
    return text


def heading_of(planned: dict[str, Any]) -> dict[str, Any]:
    """Return the heading of a plan's only entry."""
    return block_of(planned, "heading")


def test_what_is_required_is_not_unloaded(app: AppContext, front: Front) -> None:
    """The plan of an unload names who requires the module, and the verb refuses it as well."""
    app.load([("orders", {"api.py": ORDERS}), ("shop", {"api.py": SHOP})])
    planned = front.ask("plan", module="orders", action="unload")
    assert "standard.shop requires it" in refusal_of(planned)
    assert heading_of(planned)["badge"] == "refuse"
    assert (
        "standard.shop requires it"
        in front.fault("do", module="orders", action="unload")["message"]
    )
    assert app.modules["orders"].state == "LIVE"
    planned = front.ask("plan", module="shop", action="unload")
    assert not refusal_of(planned)
    done = front.ask("do", module="shop", action="unload")
    assert said(done) == "standard.shop was unloaded."
    assert app.modules["shop"].state == "STOPPED"
    assert refusal_of(front.ask("plan", module="shop", action="unload")) == "It isn't live."


def entries_of(front: Front, module: str) -> list[dict[str, Any]]:
    """Return the rows of a module's history, each with its ``key``."""
    rows = rows_of(front.ask("history", module=module), "History")
    return [{**row, "key": row["opens"]["args"]["key"]} for row in rows]


def test_the_way_back_is_planned_then_gone(app: AppContext, front: Front) -> None:
    """A rollback shows its differences and its contract before anything changes."""
    for number in (1, 2):
        app.load({"api.py": simple(f"def n(self) -> int:\n    return {number}")}, id="way")
    newest, oldest = entries_of(front, "way")
    assert (newest["Generation"], newest["State"], oldest["State"]) == ("2", "live", "")
    same = front.ask("plan", module="way", action="rollback", to=newest["key"])
    assert refusal_of(same) == "Its text is what is live."
    planned = front.ask("plan", module="way", action="rollback", to=oldest["key"])
    assert (heading_of(planned)["badge"], heading_of(planned)["note"]) == ("swap", "2 → 3")
    assert "+        return 1" in diff_of(planned)
    assert app.modules["way"].generation == 2
    done = front.ask("do", module="way", action="rollback", to=oldest["key"])
    assert "rollback to 1" in said(done)
    shown = [(one["Generation"], one["State"]) for one in entries_of(front, "way")]
    assert shown == [("3", "live"), ("2", ""), ("1", "same text")]
    assert "return 1" in app.modules["way"].source.texts["api.py"]
    assert (
        "kept no more"
        in front.fault("plan", module="way", action="rollback", to="x:1:y")["message"]
    )


def test_force_is_offered_for_contracts_alone(app: AppContext, front: Front) -> None:
    """A refusal for the sake of users says whom force would break; any other offers none."""
    app.load({"api.py": WITHOUT_TOTAL.replace("Orders", "Sums")}, id="sums")
    app.load({"api.py": ORDERS.replace('"orders"', '"sums"')}, id="sums")
    app.load({"api.py": SHOP.replace("orders", "sums")}, id="till")
    first = entries_of(front, "sums")[-1]["key"]
    planned = front.ask("plan", module="sums", action="rollback", to=first)
    assert refusal_of(planned) == "Live modules use what it takes away."
    assert force_of(planned).startswith("Break standard.till (api.py, line ")
    assert "total" in blocks_of(planned, "error")[1]["error"]["message"]
    assert "total" in front.fault("do", module="sums", action="rollback", to=first)["message"]
    forced = front.ask("plan", module="sums", action="rollback", to=first, force=True)
    assert not refusal_of(forced)
    assert (force_of(forced), forced["danger"]) == (force_of(planned), True)
    assert any("standard.till" in note.get("mono", "") for note in blocks_of(forced, "note"))
    done = front.ask("do", module="sums", action="rollback", to=first, force=True)
    assert "forced: breaks" in said(done)
    app.load({"api.py": ORDERS.replace('"orders"', '"sums"')}, id="sums")
    less = SourceFile(WITHOUT_TOTAL, "<cell 8>", cell="Cell In[8]")
    app.draft("sums", "api.py", less)
    assert force_of(front.ask("plan", module="sums", action="load_draft"))
    forced = front.ask("plan", module="sums", action="load_draft", force=True)
    assert not refusal_of(forced)
    app.draft("sums", "api.py", SourceFile("x = (", "<cell 9>", cell="Cell In[9]"))
    planned = front.ask("plan", module="sums", action="load_draft")
    assert refusal_of(planned)
    assert not force_of(planned)
    app.modules["till"].unload()


def test_a_reload_builds_the_same_text_again(app: AppContext, front: Front) -> None:
    """Its plan says so, and what can't be read any more fails the plan and the reload alike."""
    folder = Path(app.snapshot().workspace, "modules", "standard", "again")
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(simple("def n(self) -> int:\n    return 1"))
    app.load("again")
    heading = heading_of(front.ask("plan", module="again", action="reload"))
    assert (heading["badge"], heading["note"]) == ("rebuild", "1 → 2")
    assert "again 1 → 2" in said(front.ask("do", module="again", action="reload"))
    app.load({"api.py": SHOP.replace("orders", "again").replace("total(1)", "n()")}, id="user")
    (folder / "api.py").write_text(simple("def m(self) -> int:\n    return 1"))
    planned = front.ask("plan", module="again", action="reload")
    assert refusal_of(planned) == "Live modules use what it takes away."
    assert not force_of(planned)
    (folder / "api.py").write_text("raise KeyError('no such key')\n")
    planned = front.ask("plan", module="again", action="reload")
    assert refusal_of(planned) == "One of its files can't be run."
    fault = front.fault("do", module="again", action="reload")
    assert "no such key" in fault["message"]
    assert fault["place"] == "api.py, line 1"
    assert app.modules["again"].generation == 2


def test_tests_are_reported_one_by_one(app: AppContext, front: Front) -> None:
    """A module without tests is refused; else each test has its end, its time and its words."""
    app.load({"api.py": simple(name="Tried")}, id="tried")
    assert "has no tests" in refusal_of(front.ask("plan", module="tried", action="test"))
    texts = {"api.py": simple(name="Tried"), "test_api.py": TESTS}
    app.load(texts, id="tried")
    planned = front.ask("plan", module="tried", action="test")
    assert "The tests in test_api.py run" in texts_of(planned)
    fault = front.fault("do", module="tried", action="test")
    tests = {one["Test"]: one for one in rows_of(fault["blocks"], "Tests")}
    ends = {name: one["Result"] for name, one in tests.items()}
    assert ends == {"test_good": "passed", "test_bad": "failed", "test_later": "skipped"}
    assert tests["test_bad"]["Place"] == "test_api.py, line 10"
    assert "{'a': 1} == {'a': 2}" in tests["test_bad"]["Message"]
    assert app.modules["tried"].generation == 2
    texts["test_api.py"] = TESTS.replace('{"a": 2}', '{"a": 1}')
    app.load(texts, id="tried")
    done = front.ask("do", module="tried", action="test")
    tests = rows_of(done, "Tests")
    assert [one["Result"] for one in tests] == ["passed", "passed", "skipped"]
    assert tests[2]["Message"] == "not today"


def test_a_file_of_tests_that_cant_be_read_is_reported(app: AppContext, front: Front) -> None:
    """It stands among the tests with its place."""
    app.load(
        {"api.py": simple(name="Unread"), "test_api.py": "import nothing_at_all\n"}, id="unread"
    )
    (one,) = rows_of(front.fault("do", module="unread", action="test")["blocks"], "Tests")
    assert (one["Place"], one["Result"]) == ("test_api.py, line 1", "failed")


def test_an_export_shows_what_it_writes_first(app: AppContext, front: Front) -> None:
    """New text is shown as differences; a file changed by hand is refused, and force named."""
    app.load({"api.py": simple(name="Out")}, id="out")
    planned = front.ask("plan", module="out", action="export")
    assert not refusal_of(planned)
    assert block_of(planned, "diff")["files"][0]["file"] == "api.py"
    file = Path(app.snapshot().workspace, "modules", "standard", "out", "api.py")
    assert not file.exists()
    file.parent.mkdir(parents=True)
    file.write_text("x = 1\n")
    planned = front.ask("plan", module="out", action="export")
    assert force_of(planned) == "Write over api.py"
    assert "-x = 1" in diff_of(planned)
    assert not refusal_of(front.ask("plan", module="out", action="export", force=True))
    assert "written over" in front.fault("do", module="out", action="export")["message"]
    assert file.read_text() == "x = 1\n"


def test_a_draft_is_planned_tested_loaded_and_dropped(app: AppContext, front: Front) -> None:
    """Without a draft there is nothing to do; a draft that fails its tests stays one."""
    first, second = (simple(f"def n(self) -> int:\n    return {n}", name="Drafted") for n in (1, 2))
    app.load({"api.py": first}, id="drafted")
    assert "no draft" in front.fault("plan", module="drafted", action="load_draft")["message"]
    app.draft("drafted", "api.py", SourceFile(second, "<cell 3>", cell="Cell In[3]"))
    planned = front.ask("plan", module="drafted", action="load_draft")
    assert "+        return 2" in diff_of(planned)
    assert diff_of(front.ask("draft", module="drafted")) == diff_of(planned)
    assert "has no tests" in refusal_of(front.ask("plan", module="drafted", action="test_draft"))
    tests = "def test_n():\n    assert False\n"
    app.draft("drafted", "test_api.py", SourceFile(tests, "<cell 4>", cell="Cell In[4]"))
    fault = front.fault("do", module="drafted", action="test_draft")
    assert fault["place"] == "test_api.py, Cell In[4], line 2"
    assert app.modules["drafted"].generation == 1
    assert "1 → 2" in said(front.ask("do", module="drafted", action="load_draft"))
    assert block_of(front.ask("draft", module="drafted"), "empty")["title"] == "No draft"
    app.draft("drafted", "api.py", SourceFile(first, "<cell 5>", cell="Cell In[5]"))
    planned = front.ask("plan", module="drafted", action="drop_draft")
    assert "+        return 1" in diff_of(planned)
    newest = entries_of(front, "drafted")[0]["opens"]["args"]
    view = front.ask("generation", **newest)
    assert block_of(view, "select")["options"][0][1] == "the draft"
    assert "+        return 2" in diff_of(front.ask("generation", **newest, other="draft"))
    front.ask("do", module="drafted", action="drop_draft")
    others = blocks_of(front.ask("generation", **newest), "select")
    assert "draft" not in [value for one in others for value, _ in one["options"]]


def test_the_text_of_a_module_has_the_lines_of_its_cell(app: AppContext, front: Front) -> None:
    """The failed text is another one than the live one; lines around one can be asked for."""
    app.load({"api.py": simple(name="Said")}, id="said")
    cell = SourceFile("x = 1\nraise KeyError(x)\n", "<cell>", 2, "Cell In[7]", "%%module said\n")
    app.draft("said", "api.py", cell)
    with pytest.raises(modframe.errors.LoadError):
        app.try_draft("said")
    front.wait_for(lambda: front.rows.get("standard.said", {}).get("cause"))
    assert front.rows["standard.said"]["cause"]["place"] == "api.py, Cell In[7], line 3"
    found = block_of(front.ask("source", module="said", line=3, of="failed", around=1), "lines")
    assert (found["cell"], found["first"]) == ("Cell In[7]", 2)
    assert found["lines"] == ["x = 1", "raise KeyError(x)"]
    live = block_of(front.ask("source", module="said"), "lines")
    assert live["lines"][0].startswith("from modframe")
    shown = front.ask("failure", module="said")
    assert block_of(shown, "lines")["line"] == 3
    assert block_of(shown, "state")["word"] == "generation 1 stays live"
    assert (
        "it has no file 'apy.py'" in front.fault("source", module="said", file="apy.py")["message"]
    )
