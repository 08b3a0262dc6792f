"""Spans of OpenTelemetry: calls, sessions, swaps and requests, also from another thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context

from modframe.app import AppContext
from modframe.errors import LoadError
from modframe.observe import begin_span, span, tracing
from modframe.parts.web import application
from tests.fakes import simple


class Recorded(trace.Span):
    """A span that knows its parent."""

    def __init__(self, number: int, name: str, parent: str, attributes: Any) -> None:
        self.context = trace.SpanContext(1, number, is_remote=False)
        self.name, self.parent, self.attributes = name, parent, dict(attributes or {})
        self.failed = self.ended = False

    def end(self, end_time: int | None = None) -> None:
        self.ended = True

    def get_span_context(self) -> trace.SpanContext:
        return self.context

    def set_attributes(self, attributes: Any) -> None:
        self.attributes.update(attributes)

    def set_attribute(self, key: str, value: Any) -> None:
        self.attributes[key] = value

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        self.attributes[name] = attributes

    def update_name(self, name: str) -> None:
        self.name = name

    def is_recording(self) -> bool:
        return True

    def set_status(self, status: Any, description: str | None = None) -> None:
        code = getattr(status, "status_code", status)
        self.failed = code is trace.StatusCode.ERROR

    def record_exception(self, exception: BaseException, *_: Any, **__: Any) -> None:
        self.attributes["exception"] = str(exception)


class Provider(trace.TracerProvider, trace.Tracer):
    """Keeps all spans, as the provider of an application would export them."""

    def __init__(self) -> None:
        self.spans: list[Recorded] = []

    def get_tracer(self, *_: Any, **__: Any) -> trace.Tracer:
        return self

    def start_span(
        self, name: str, context: Context | None = None, *_: Any, attributes: Any = None, **__: Any
    ) -> trace.Span:
        parent = getattr(trace.get_current_span(context), "name", "")
        self.spans.append(Recorded(len(self.spans) + 1, name, parent, attributes))
        return self.spans[-1]

    @contextmanager
    def start_as_current_span(self, name: str, *_: Any, **options: Any) -> Iterator[trace.Span]:
        made = self.start_span(name, attributes=options.get("attributes"))
        with trace.use_span(made, end_on_exit=True, record_exception=False):
            yield made

    def parents(self) -> dict[str, str]:
        """Return name → name of the parent, of all spans, each of which has ended."""
        assert all(one.ended for one in self.spans)
        return {one.name: one.parent for one in self.spans}

    def find(self, name: str) -> Recorded:
        return next(one for one in self.spans if one.name == name)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """Set a provider up, which can be done once a process otherwise."""
    made = Provider()
    with monkeypatch.context() as patched:
        patched.setattr(trace, "_TRACER_PROVIDER", made)
        application._ask_fastapi.cache_clear()
        yield made
    application._ask_fastapi.cache_clear()
    tracing.look()


SHOP = {
    "api.py": simple(
        """
        def __init__(self):
            self.sum = 0
        async def initialize(self):
            self.sum = 1
        async def outer(self):
            return await self.app_context.get_service("stock").inner()
        """,
        head="""
        from fastapi import APIRouter
        from modframe import app_context
        router = APIRouter()

        @router.get("/")
        async def ask():
            return await app_context.get_service("shop").outer()
        """,
        name="Shop",
        arguments="requires=['standard.stock']",
    )
}
STOCK = {
    "api.py": simple(
        """
        async def inner(self):
            async with app_context.database.integrity_session("stock", "count"):
                return 1
        async def fails(self):
            raise ValueError("the secret")
        async def some(self):
            yield 1
        """,
        head="""
        from core.database import get_database_base
        from modframe import app_context

        DATABASE_NAME = "stock"
        Base = get_database_base(DATABASE_NAME)
        """,
        name="Stock",
    ),
}


def test_spans_cross_the_loop_boundary(app: AppContext, provider: Provider) -> None:
    """A call from another thread is a child of the caller's span, and the parent of its own."""
    app.load([("stock", STOCK), ("shop", SHOP)])
    with provider.start_as_current_span("cell"):
        assert app.get_service("shop").outer().result() == 1
        app.load(SHOP, id="shop", force=True)
    parents = provider.parents()
    assert parents["standard.shop.outer"] == "cell"
    assert parents["standard.stock.inner"] == "standard.shop.outer"
    assert parents["session"] == "standard.stock.inner"
    assert provider.find("session").attributes == {
        "modframe.database": "stock",
        "modframe.purpose": "count",
    }
    assert parents["swap"] == "cell"
    assert parents["phase 2"] == "swap"
    assert parents["initialize() (phase 2)"] == "phase 2"
    assert provider.find("initialize() (phase 2)").attributes["modframe.module"] == "standard.shop"


async def test_requests_are_the_parents_of_calls(app: AppContext, provider: Provider) -> None:
    """FastAPI's span of a request is the parent of the calls that its handler makes."""
    app.load([("stock", STOCK), ("shop", SHOP)])
    async with app.test_client() as http:
        assert (await http.get("/api/v1/shop/")).json() == 1
    by_id = provider.parents()
    request = next(name for name in by_id if name.startswith("GET"))
    assert by_id[request] == ""
    ancestors, name = [], "standard.stock.inner"
    while name := by_id[name]:
        ancestors.append(name)
    assert request in ancestors
    assert "standard.shop.outer" in ancestors


def test_failures_are_marked_without_their_texts(app: AppContext, provider: Provider) -> None:
    """A span has the type of what was raised, and not what it says."""
    app.load(STOCK, id="stock")
    with pytest.raises(ValueError, match="the secret"):
        app.get_service("stock").fails().result()
    assert list(app.run(_all(app.get_service("stock")))) == [1]
    failed = provider.find("standard.stock.fails")
    assert failed.failed
    assert failed.attributes["error.type"] == "ValueError"
    assert "the secret" not in str(failed.attributes)
    assert provider.find("standard.stock.some").ended
    with pytest.raises(LoadError):
        app.load({"api.py": simple("async def initialize(self): 1 / 0")}, id="bad")
    assert [one.failed for one in provider.spans if one.name == "swap"] == [False, True]


async def _all(service: Any) -> list[int]:
    return [item async for item in service.some()]


def test_a_provider_that_comes_later_is_noticed(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without one there are no spans; once there is one, the next call from a cell has a span."""
    app.load(STOCK, id="stock")
    app.get_service("stock").inner().result()
    assert not tracing.on
    assert begin_span("nothing") is None
    assert span("nothing") is span("nothing either")
    made = Provider()
    with monkeypatch.context() as patched:
        patched.setattr(trace, "_TRACER_PROVIDER", made)
        app.get_service("stock").inner().result()
        assert "standard.stock.inner" in made.parents()
    tracing.look()
    assert not tracing.on
