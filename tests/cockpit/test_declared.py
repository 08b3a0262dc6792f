"""The tabs that parts declare, through their messages: rows, buttons, settings; failing paths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import modframe
from modframe import AppContext
from tests.cockpit.conftest import TOKEN
from tests.cockpit.front import Front, block_of, texts_of
from tests.fakes import simple
from tests.waiting import wait_for

THING = """
import asyncio
from pydantic import BaseModel
from modframe.decorators import module, module_health_check
from modframe.events import subscribe
from modframe.tasks import task
from prometheus_client import Counter, Gauge

SALES = Counter("declared_sales_total", "Sales", ["item"])
SALES.labels("<b>tea</b>").inc(3)
Gauge("declared_computed", "By a function").set_function(lambda: 1 / 0)

class Sold(BaseModel):
    item: str

@module_health_check(interval=3600)
@module
class Thing:
    def __init__(self):
        self.ran = self.looked = 0

    @task(every=3600)
    async def poll(self):
        self.ran += 1
        if self.ran == 2:
            raise ValueError("no luck")

    @task
    async def follow(self):
        await asyncio.sleep(3600)

    def check_health(self):
        self.looked += 1
        return f"warn: looked {self.looked} times"

    @subscribe(Sold, retries=0)
    async def sold(self, event: Sold):
        raise ValueError("it can't be sold")

    async def sell(self):
        await self.app_context.events.publish(Sold(item="tea"))
"""
SETTINGS = """
from pydantic import BaseModel, Field, SecretStr

class ShopSettings(BaseModel):
    limit: int = Field(3, ge=1, le=9, description="How many at most")
    name: str = Field("tea", min_length=2)
    colours: list[str] = ["red"]
    api_key: SecretStr = SecretStr("hush-hush")
    credentials: dict[str, str] = {}
    tokens: list[str] = []
    dsn: str = "sqlite://ann:hush-hush@host/shop"
"""
SHOP = """
from modframe.decorators import module
from .settings import ShopSettings

@module(settings=ShopSettings)
class Shop:
    def on_settings_changed(self, changed):
        if changed.get("limit") == 7:
            raise ValueError("seven is bad luck")
        if "api_key" in changed:
            print("the key is", changed["api_key"].get_secret_value())
            if "wrong" in changed["api_key"].get_secret_value():
                raise ValueError(f"no {changed['api_key'].get_secret_value()}")

    def has_key(self, text: str) -> bool:
        settings = self.settings
        return text in f"{settings.api_key.get_secret_value()}{settings.credentials}{settings.tokens}"

    def twice(self, number: int) -> int:
        return 2 * number
"""
FIELDS = "\n".join(f"    f{number}: int = {number}" for number in range(1000))
MANY = f"from pydantic import BaseModel\n\nclass ShopSettings(BaseModel):\n{FIELDS}\n"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppContext]:
    """Start one app for all tests of this file, with what they look at."""
    workspace = tmp_path_factory.mktemp("workspace")
    with modframe.start(workspace=workspace, data=workspace / "data") as running:
        running.serve(port=0, token=TOKEN)
        running.load({"api.py": THING}, id="thing")
        running.load({"api.py": SHOP, "settings.py": SETTINGS}, id="shop")
        yield running


@pytest.fixture(scope="module")
def front(app: AppContext) -> Iterator[Front]:
    with Front(app.url, token=TOKEN) as front:
        yield front


@pytest.fixture(autouse=True)
def no_app_left() -> None:
    """Let the app of this file run between its tests."""


def rows_of(front: Front, tab: str, noun: str) -> dict[str, dict[str, str]]:
    """Return the rows of all modules under a tab, by module and first cell."""
    panels = {one["noun"]: one for one in front.ask("panels", tab=tab)}
    panel = panels.get(noun, {"columns": [], "rows": []})
    return {
        f"{row[0]} {row[1]}": dict(zip(panel["columns"], row, strict=True)) for row in panel["rows"]
    }


def press(noun: str, action: str, row: str, module: str = "thing") -> dict[str, str]:
    """Return the arguments of pressing a button."""
    return {"module": module, "noun": noun, "action": action, "row": row}


# -- buttons ---------------------------------------------------------------------------------------


def test_what_is_gone_or_never_was_is_said(app: AppContext, front: Front) -> None:
    """A task, a button, a kind of row, a module that isn't there any more, or never was."""
    for args, said in (
        (press("named task", "Run now", "pol"), "has no named task 'pol' any more"),
        (press("named task", "Delete", "poll"), "no named task has a button 'Delete'"),
        (press("session", "Close", "poll"), "has no session with buttons"),
        (press("named task", "Run now", "poll", "nothing"), "standard.nothing is not live"),
    ):
        assert said in front.fault("act", **args)["message"]
    app.load({"api.py": simple("def check_health(self): pass")}, id="brief")
    app.modules["brief"].unload()
    gone = front.fault("act", **press("health check", "Check now", "check_health()", "brief"))
    assert "standard.brief is not live any more" in gone["message"]
    assert gone["cure"]


def test_a_task_is_run_cancelled_and_begun_again(front: Front) -> None:
    """Run now waits for the end of the run, and shows what it failed with; Restart begins anew."""

    def task(name: str) -> dict[str, str]:
        return rows_of(front, "Tasks", "named task")[f"standard.thing {name}"]

    front.ask("act", **press("named task", "Run now", "poll"))
    assert (task("poll")["runs"], task("poll")["error"]) == ("1", "")
    failed = front.fault("act", **press("named task", "Run now", "poll"))
    assert "no luck" in failed["message"]
    assert "no luck" in task("poll")["error"]
    wait_for(lambda: task("follow")["state"] == "running")
    before = int(task("follow")["runs"])
    for action in ("Restart", "Cancel"):
        plan = front.ask("act", **press("named task", action, "follow"), plan=True)
        assert f"Its run {before} goes on, and is cancelled where it is." in texts_of(plan)
    plan = front.ask("act", **press("named task", "Restart", "poll"), plan=True)
    assert texts_of(plan).count("Its times count from now.") == 1
    assert "goes on" not in texts_of(plan)
    front.ask("act", **press("named task", "Restart", "follow"))
    wait_for(lambda: task("follow")["runs"] == str(before + 1))
    front.ask("act", **press("named task", "Cancel", "follow"))
    about = front.ask("act", **press("named task", "Cancel", "follow"), plan=True)
    assert block_of(about, "text")["text"].startswith("The named task follow of ")
    done = front.ask("act", **press("named task", "Cancel", "follow"))
    assert block_of(done, "note")["text"] == "Cancel: follow: done"
    assert task("follow")["state"] == "cancelled"

    def begins() -> bool:  # once the run that was cancelled has ended
        front.ask("act", **press("named task", "Run now", "follow"))
        return task("follow")["state"] == "running"

    wait_for(begins)


def test_a_check_runs_when_told(app: AppContext, front: Front) -> None:
    """Its verdict, when and how long it ran; all modules stand below each other, the worst first."""
    app.health(wait=True)
    front.look("standard.thing", "health")
    front.ask("act", **press("health check", "Check now", "check_health()"))
    row = rows_of(front, "Health", "health check")["standard.thing check_health()"]
    assert (row["status"], row["detail"]) == ("degraded", "looked 2 times")
    assert row["checked at"].endswith("UTC")
    assert row["took"]
    (panel,) = front.ask("health")
    assert panel["rows"][0][:2] == ["standard.thing", "degraded"]
    assert {row[1] for row in panel["rows"][1:]} <= {"unknown", "healthy"}


# -- what is shown ---------------------------------------------------------------------------------


def test_a_dead_letter_says_what_failed(app: AppContext, front: Front) -> None:
    """The subscription counts it, and the letter has its error and its data; it can be dropped."""
    app.get_service("thing").sell().result()
    app.events.settled()
    subscription = rows_of(front, "Events", "subscription")["standard.thing standard.thing.Sold"]
    assert (subscription["method"], subscription["dead"]) == ("sold()", "1")
    (letter,) = rows_of(front, "Events", "dead letter").values()
    assert (letter["event"], letter["data"]) == ("standard.thing.Sold", '{"item": "tea"}')
    assert "it can't be sold" in letter["error"]
    number = letter["dead letter"]
    failed = front.fault("act", **press("dead letter", "Retry", number))
    assert "failed again: ValueError: it can't be sold" in failed["message"]
    assert f"app.events.drop({number})" in failed["cure"]
    front.ask("act", **press("dead letter", "Drop", number))
    assert rows_of(front, "Events", "dead letter") == {}


def test_metrics_have_their_values(app: AppContext, front: Front) -> None:
    """Of those that are computed by module code there is the name alone; of methods the numbers."""
    assert app.get_service("shop").twice(4).result() == 8
    names = rows_of(front, "Metrics", "metric")
    assert "standard.thing declared_computed" in names
    samples = rows_of(front, "Metrics", "sample")
    sales = 'standard.thing declared_sales_total{item="<b>tea</b>"}'
    assert {name: row["value"] for name, row in samples.items()} == {sales: "3"}
    assert rows_of(front, "Metrics", "called method")["standard.shop twice()"]["count"] == "1"


def test_who_is_inside_and_what_is_overridden(app: AppContext, front: Front) -> None:
    """A quiet module stands under Sessions on its own; an override says what callers get."""

    class Other:
        pass

    assert rows_of(front, "Overrides", "override") == {}
    with app.override("shop", Other()):
        (row,) = rows_of(front, "Overrides", "override").values()
        assert row["override"] == "standard.shop.service"
        assert row["callers get"].endswith("Other")
    front.hello("standard.shop", "sessions")
    (generation,) = (one for one in front.panels if one["noun"] == "generation")
    assert generation["rows"] == [["1", "live", "0", "0", "0"]]
    assert "standard.shop 1" not in rows_of(front, "Sessions", "generation")


def test_a_thousand_rows_are_sent(app: AppContext, front: Front) -> None:
    """Every row of a panel is there; the front end draws those in sight."""
    app.load({"api.py": SHOP, "settings.py": MANY}, id="many")
    assert len(rows_of(front, "Settings", "setting")) > 1000
    app.modules["many"].unload()


# -- settings --------------------------------------------------------------------------------------


def setting(front: Front, name: str) -> dict[str, Any]:
    """Return one setting of the shop."""
    (found,) = (one for one in front.ask("settings", module="shop") if one["name"] == name)
    return found


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("limit", 99, "less than or equal to 9"),
        ("limit", "many", "valid integer"),
        ("limit", 7, "seven is bad luck"),
        ("limt", 4, "has no setting 'limt'"),
        ("api_key", "another", "is a secret"),
    ],
)
def test_a_value_that_does_not_fit_changes_nothing(
    front: Front, name: str, value: Any, said: str
) -> None:
    """Not valid, refused by the module, unknown, a secret: the fault says which field."""
    fault = front.fault("set_preference", module="shop", name=name, value=value)
    assert said in fault["message"]
    assert "another" not in str(fault)
    if "refuses" not in fault["message"] and name == "limit":
        assert fault["faults"].keys() == {"limit"}
    assert (setting(front, "limit")["value"], setting(front, "limit")["kept"]) == (3, False)


def test_a_setting_is_changed_and_undone(front: Front) -> None:
    """As a preference, which the row says; undone, the next lower source counts."""
    limit = setting(front, "limit")
    assert (limit["description"], limit["bounds"]) == ("How many at most", "≥ 1, ≤ 9")
    front.ask("set_preference", module="shop", name="limit", value=5)
    after = setting(front, "limit")
    assert (after["value"], after["source"], after["kept"]) == (5, "preference", True)
    front.ask("undo_setting", module="shop", name="limit")
    assert (setting(front, "limit")["source"], setting(front, "limit")["kept"]) == (
        "default",
        False,
    )
    front.ask("set_preference", module="shop", name="colours", value=["red", "blue"])
    assert setting(front, "colours")["value"] == ["red", "blue"]
    front.ask("undo_setting", module="shop", name="colours")


def test_a_setting_is_changed_for_the_session_and_undone(front: Front) -> None:
    """Above the preference, which is undone after it; what is wrong stands at its field."""
    for value, said in ((99, "less than or equal to 9"), (7, "seven is bad luck")):
        fault = front.fault("set_session_value", module="shop", name="limit", value=value)
        assert said in fault["message"]
    front.ask("set_preference", module="shop", name="limit", value=5)
    front.ask("set_session_value", module="shop", name="limit", value=6)
    both = setting(front, "limit")
    assert (both["value"], both["source"], both["session"], both["kept"]) == (
        6, "session", True, True
    )  # fmt: skip
    front.ask("undo_setting", module="shop", name="limit")
    assert (setting(front, "limit")["value"], setting(front, "limit")["session"]) == (5, False)
    front.ask("undo_setting", module="shop", name="limit")
    assert setting(front, "limit")["source"] == "default"


def test_a_secret_is_never_shown(front: Front) -> None:
    """It is masked, and the row says how it is set."""
    secret = setting(front, "api_key")
    assert secret["secret"]
    assert "hush" not in str(front.ask("settings", module="shop"))
    assert "environment" in secret["description"]
    assert front.fault("settings", module="nothing")["message"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("api_key", "sk-new-of-the-front"),
        ("credentials", '{"github": "sk-new-of-the-front"}'),
        ("tokens", ["sk-new-of-the-front"]),
    ],
)
def test_a_secret_is_set_for_the_session(
    app: AppContext, front: Front, name: str, value: Any
) -> None:
    """Its inputs hide it, the module has it, and no message shows it, whatever its module prints."""
    field = setting(front, name)["field"]
    assert field["first"] in ("", [])
    assert "secret" in {field["kind"], field.get("item", {}).get("kind")}
    front.hello("standard.shop", "settings")
    form = {"fields": [field], "typed": {name: value}}
    front.ask("set_session_value", module="shop", name=name, form=form)
    assert app.get_service("shop").has_key("sk-new-of-the-front").result()
    assert (setting(front, name)["session"], setting(front, name)["value"]) == (True, "**********")
    if name == "api_key":
        front.wait_for(lambda: "the key is **********" in [one["message"] for one in front.log])
    front.ask("undo_setting", module="shop", name=name)
    assert not app.get_service("shop").has_key("sk-new-of-the-front").result()
    front.hello("standard.shop", "settings")
    said = (front.news, front.facts, front.ask("settings", module="shop"), front.ask("errors"))
    assert "sk-new" not in str(said)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("api_key", "sk-quite-wrong", "no **********"),
        ("api_key", ["sk-quite-wrong"], "valid string"),
        ("credentials", "sk-quite-wrong", "is no JSON"),
        ("credentials", '["sk-quite-wrong"]', "valid dictionary"),
        ("dsn", "sqlite://ann:**********@host/shop", "give the secret itself"),
    ],
)
def test_a_secret_that_is_refused_is_not_repeated(
    front: Front, name: str, value: Any, said: str
) -> None:
    """By the module, as no value of its type, as a mask that was sent back; nothing is set."""
    form = {"fields": [setting(front, name)["field"]], "typed": {name: value}}
    fault = front.fault("set_session_value", module="shop", name=name, form=form)
    assert said in fault["message"]
    gone = front.fault("set_session_value", module="shop", name="nothing", value="sk-quite-wrong")
    assert "has no setting 'nothing'" in gone["message"]
    assert not any(one["session"] for one in front.ask("settings", module="shop"))
    front.hello("standard.shop", "settings")
    assert "quite-wrong" not in str((fault, gone, front.news, front.ask("errors")))
