"""`app.inspect()` without a browser: what it shows, what its buttons do, what it leaves behind."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ipywidgets import Widget

import modframe
from modframe.errors import ModuleNotFoundInWorkspaceError
from tests import inside
from tests.view.conftest import RunForm

ORDERS = '''
from fastapi import APIRouter
from pydantic import BaseModel, SecretStr
from pydantic_settings import BaseSettings
from modframe import Result
from modframe.decorators import module

class OrdersSettings(BaseSettings):
    currency: str = "EUR"
    api_key: SecretStr = SecretStr("none")

class Order(BaseModel):
    item: str
    amount: float = 1.0

router = APIRouter()

@router.get("/{number}/lines")
async def lines(number: int, page: int = 0):
    """<i>Lines</i>"""
    return {"number": number, "page": page}

@module(settings=OrdersSettings)
class Orders:
    """Keeps <script>alert(1)</script>"""
    def place(self, order: Order):
        return Result.success(data=order.item)
    async def total(self, plus: int = 0):
        """The <b>sum</b>."""
        print("printed by the module")
        return 40 + plus
    async def stream(self, n: int = 30):
        for i in range(n):
            yield i
    def fail(self):
        raise ValueError("<i>no</i>")
    def odd(self):
        class Odd:
            def __repr__(self):
                raise RuntimeError("no repr")
        return Odd()
    def long(self):
        return "x" * 10_000
    async def hang(self):
        import asyncio
        await asyncio.Event().wait()
'''
SERVICE = "standard.orders.service"


def tree(widget: Widget) -> Iterator[Widget]:
    """A widget and all below it."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from tree(child)


@pytest.fixture
def page(app: Any) -> Any:
    """The page of a module that has a bit of everything."""
    app.load({"api.py": ORDERS}, id="orders")
    inspector = app.inspect()
    inspector._repr_mimebundle_()
    yield inspector.page("standard.orders")
    inspector.close()


def test_it_is_one_line_and_a_widget(app: Any) -> None:
    """The bundle has the widget, one line of text and, for files without widgets, a table."""
    inspector = app.inspect()
    assert repr(inspector) == "<Inspector of all modules, not displayed yet>"
    bundle = inspector._repr_mimebundle_()
    assert set(bundle) == {
        "application/vnd.jupyter.widget-view+json",
        "text/plain",
        "text/html",
    }
    assert bundle["text/plain"] == "<Inspector of all modules, displayed>"
    inspector.close()
    assert repr(inspector) == "<Inspector of all modules, closed>"


def test_an_unknown_module_is_an_error(app: Any) -> None:
    """A name that leads nowhere says so at once."""
    with pytest.raises(ModuleNotFoundInWorkspaceError, match=r"standard\.order"):
        app.inspect("order")


def test_facts_are_shown_and_escaped(page: Any) -> None:
    """State, generation, origin and description stand in the overview, markup as text."""
    overview = page.overview.value
    assert "LIVE" in overview
    assert "generation 1" in overview
    assert "mapping: api.py" in overview
    assert "Keeps &lt;script&gt;alert(1)&lt;/script&gt;" in overview
    assert "<script>" not in overview


def test_secrets_are_masked(page: Any) -> None:
    """Settings show value and source; a secret shows stars."""
    assert "sk-secret" not in page.settings.value
    assert "CHF" in page.settings.value
    assert "session" in page.settings.value


def test_a_form_runs_the_method(page: Any, run: RunForm) -> None:
    """What was filled in reaches the method, whose print goes to the log, not to the cell."""
    form = page.services.form(SERVICE, "total")
    assert "The &lt;b&gt;sum&lt;/b&gt;." in form.widget.children[0].value
    form.inputs["plus"].value = 2
    assert ">42<" in run(form)
    assert not form.runner.button.disabled


def test_prints_go_to_the_log(app: Any, page: Any, run: RunForm, capsys: Any) -> None:
    """A print of the module's, called by a button, lands in no cell."""
    run(page.services.form(SERVICE, "total"))
    assert capsys.readouterr().out == ""
    assert "printed by the module" in [line.message for line in app.snapshot().log]


def test_json_becomes_what_the_method_wants(page: Any, run: RunForm) -> None:
    """A pydantic model is made of the JSON; a Result shows as what it is."""
    form = page.services.form(SERVICE, "place")
    assert "is required" in run(form)
    form.inputs["order"].value = '{"item": "<tea>"}'
    outcome = run(form)
    assert "Result.success" in outcome
    assert "&lt;tea&gt;" in outcome


@pytest.mark.parametrize(
    ("method", "shown"),
    [
        ("stream", "the first 20 items"),
        ("fail", "<b>ValueError</b>"),
        ("fail", "&lt;i&gt;no&lt;/i&gt;"),
        ("fail", "in fail"),
        ("odd", "whose repr raised RuntimeError"),
        ("long", "6002 more characters"),
    ],
)
def test_outcomes(page: Any, run: RunForm, method: str, shown: str) -> None:
    """Generators, failures, values that can't be shown and long ones: each is said plainly."""
    assert shown in run(page.services.form(SERVICE, method))


def test_a_call_can_be_cancelled(page: Any, run: RunForm) -> None:
    """Cancel ends a call that would never end."""
    form = page.services.form(SERVICE, "hang")
    form.runner.cancel.layout.observe(lambda _: form.runner.cancel.click(), "display")
    assert "cancelled" in run(form)


def test_a_route_can_be_tried(page: Any, run: RunForm) -> None:
    """Path and query parameters reach the route; status and body are shown, no port is needed."""
    form = page.routes.form("GET", "/api/v1/orders/{number}/lines")
    form.inputs["number"].value = "7"
    form.inputs["page"].value = "2"
    outcome = run(form)
    assert "200 OK" in outcome
    assert "&quot;number&quot;: 7" in outcome
    form.inputs["number"].value = "seven"
    assert "422" in run(form)


def test_it_follows_a_swap_and_keeps_what_was_typed(app: Any, page: Any) -> None:
    """A swap brings its number and its new method; equal forms stay the very same widgets."""
    placed, total = (page.services.form(SERVICE, name) for name in ("place", "total"))
    placed.inputs["order"].value = '{"item"'
    changed = ORDERS.replace("plus: int = 0", "plus: float = 0.5") + "    def new(self): ...\n"
    app.load({"api.py": changed}, id="orders")
    page.update(app.snapshot())
    assert "generation 2" in page.overview.value
    assert page.widget.titles[1] == "Services 8"
    assert page.services.form(SERVICE, "place").inputs["order"].value == '{"item"'
    assert page.services.form(SERVICE, "total") is not total
    assert page.services.form(SERVICE, "new").fields == ()


def test_an_equal_snapshot_sends_nothing(app: Any, page: Any) -> None:
    """Looking again at what is the same changes no widget."""
    sent: list[Any] = []
    for widget in tree(page.widget):
        widget.observe(sent.append)
    page.update(app.snapshot())
    assert sent == []


def test_a_failed_swap_shows_its_error(app: Any, page: Any) -> None:
    """What is live stays, and the error stands beside it."""
    with pytest.raises(Exception, match="nowhere"):
        app.load({"api.py": "import nowhere_at_all"}, id="orders")
    page.update(app.snapshot())
    assert "LIVE" in page.overview.value
    assert "nowhere_at_all" in page.overview.value


def test_refresh_goes_on_until_the_app_stops(tmp_path: Path) -> None:
    """After a stop there is nothing to follow, and the view says so."""
    app = modframe.start(workspace=tmp_path, data=":memory:")
    inspector = app.inspect()
    head = inspector.widget.children[1]
    assert inspector.refresh()
    app.stop()
    assert not inspector.refresh()
    assert "modframe was stopped" in head.value
    inspector.close()


def test_closing_leaves_nothing_behind(app: Any) -> None:
    """Widgets, models and the thread go when the last view is closed."""
    from ipywidgets.widgets.widget import _instances

    app.load({"api.py": ORDERS}, id="orders")
    before = set(_instances)
    inspectors = [app.inspect(), app.inspect("orders")]
    for one in inspectors:
        one._repr_mimebundle_()
    inspectors[0].page("standard.orders").services.form(SERVICE, "place")
    assert inside.open_views(app) == 2
    for one in inspectors:
        one.close()
    assert inside.open_views(app) == 0
    assert set(_instances) == before
    for thread in threading.enumerate():
        if thread.name == "modframe-views":
            thread.join(30)
            assert not thread.is_alive()


def test_no_old_generation_lives_for_being_looked_at(app: Any, page: Any, run: RunForm) -> None:
    """After values, failures and answers were shown, a swap lets the old classes go."""
    old = weakref.ref(type(inside.generation(app, "orders").module))
    place = page.services.form(SERVICE, "place")
    place.inputs["order"].value = '{"item": "tea"}'
    for form in (place, page.services.form(SERVICE, "fail"), page.services.form(SERVICE, "odd")):
        run(form)
    route = page.routes.form("GET", "/api/v1/orders/{number}/lines")
    route.inputs["number"].value = "7"
    run(route)
    app.load({"api.py": ORDERS + "\n"}, id="orders", force=True)
    page.update(app.snapshot())
    inside.settle(app)
    gc.collect()
    assert old() is None
