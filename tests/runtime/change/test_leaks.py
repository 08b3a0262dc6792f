"""After a swap or an unload nothing of the old generation can be reached."""

from __future__ import annotations

import gc
import linecache
import logging
import sys
import threading
import traceback
import weakref
from textwrap import dedent
from typing import Any

import httpx
import pytest

from modframe.app import AppContext
from modframe.errors import LoadError
from modframe.source import Source
from modframe.source.linecache_texts import READABLE
from tests import inside

FULL = dedent(
    """
    import asyncio
    from dataclasses import dataclass
    from typing import Annotated, Dict, Generic, TypeVar

    from core.app_context import app_context
    from core.database import get_database_base
    from fastapi import APIRouter, Depends
    from modframe.decorators import module
    from pydantic import BaseModel, Field
    from pydantic_settings import BaseSettings
    from sqlalchemy import Column, Integer, String

    DATABASE_NAME = "full"
    Base = get_database_base(DATABASE_NAME)
    router = APIRouter()
    T = TypeVar("T")
    MARK = {number}


    class Row(Base):
        __tablename__ = "rows"
        id = Column(Integer, primary_key=True)
        name = Column(String)


    class Item(BaseModel):
        name: str = Field(min_length=1)
        other: "Item | None" = None


    class Box(BaseModel, Generic[T]):
        inside: T


    @dataclass
    class Plain:
        items: Dict[str, Item]


    class FullSettings(BaseSettings):
        limit: int = 3


    async def service():
        return app_context.get_service("full")


    @router.get("/items", response_model=list[Item])
    async def items(service: Annotated[object, Depends(service)]):
        return [Item(name=str(await service.mark()))]


    @router.post("/items")
    async def add(item: Item) -> Box[Item]:
        return Box[Item](inside=item)


    @module(settings="FullSettings")
    class Full:
        async def initialize(self):
            self.task = asyncio.create_task(self.turn())

        async def turn(self):
            while True:
                await asyncio.sleep(3600)

        async def mark(self) -> int:
            async with app_context.database.integrity_session("full", "mark") as session:
                session.add(Row(name="x"))
                await session.commit()
            return MARK
    """
)


FAILING = """
from modframe.decorators import module

{body}


@module("failing")
class Failing:
    async def initialize(self):
        {start}
"""


def references(app: AppContext) -> dict[str, weakref.ref[Any]]:
    """Return weak references to what a generation is made of."""
    generation: Any = inside.generation(app, "full")
    names = vars(generation.package.modules()["api.py"])
    parts = {key: weakref.ref(names[key]) for key in ("Row", "Item", "Plain", "Full", "items")}
    return {
        **parts,
        "instance": weakref.ref(generation.module),
        "generation": weakref.ref(generation),
    }


def use(app: AppContext, number: int) -> None:
    """Call, request, document and look at the module, so that every cache is filled."""

    async def requests() -> None:
        async with app.test_client() as client:
            assert (await client.get("/api/v1/full/items")).json() == [
                {"name": str(number), "other": None}
            ]
            answer = await client.post("/api/v1/full/items", json={"name": "a"})
            assert answer.json() == {"inside": {"name": "a", "other": None}}
            assert (await client.post("/api/v1/full/items", json={})).status_code == 422
            assert "/api/v1/full/items" in (await client.get("/openapi.json")).json()["paths"]

    app.run(requests())
    assert app.get_service("full").mark().result() == number
    repr(app.modules["full"])
    app.snapshot().to_json()


def settle(app: AppContext) -> None:
    inside.settle(app)
    gc.collect()
    gc.collect()  # pydantic keys its generics by class in a weak dictionary: freed in two steps


def alive(parts: dict[str, weakref.ref[Any]]) -> list[str]:
    return [name for name, reference in parts.items() if reference() is not None]


def test_nothing_of_a_replaced_generation_is_alive(app: AppContext) -> None:
    """Classes, models, endpoints, the instance and the generation die with the swap."""
    app.load({"api.py": FULL.replace("{number}", "1")}, id="full")
    use(app, 1)
    parts = references(app)
    app.load({"api.py": FULL.replace("{number}", "2")}, id="full")
    use(app, 2)
    settle(app)
    assert alive(parts) == []


def test_nothing_of_an_unloaded_module_is_alive(app: AppContext) -> None:
    """Unloading lets go of everything."""
    app.load({"api.py": FULL.replace("{number}", "1")}, id="full")
    use(app, 1)
    parts = references(app)
    app.modules["full"].unload()
    settle(app)
    assert alive(parts) == []


def counts() -> dict[str, int]:
    """Return what may not grow."""
    return {
        "modules": sum("full" in name for name in sys.modules),
        "linecache": sum("full" in name for name in linecache.cache),
        "handlers": len(logging.getLogger("modframe").handlers),
        "threads": threading.active_count(),
        "finders": len(sys.meta_path),
    }


@pytest.mark.soak
def test_swaps_leave_nothing_behind(app: AppContext) -> None:
    """Modules, threads, handlers, cached lines and tasks don't grow with the number of swaps."""
    for number in range(5):
        app.load({"api.py": FULL.replace("{number}", str(number))}, id="full")
        use(app, number)
    settle(app)
    inside.look(app)  # whose thread stays
    before = counts()
    for number in range(5, 25):
        app.load({"api.py": FULL.replace("{number}", str(number))}, id="full")
        use(app, number)
    settle(app)
    assert counts() == before
    running = [view.parts["tasks"]["running"] for view in app.snapshot().modules]
    assert sum(map(len, running)) == 1


def fail(app: AppContext, line: str, *, body: str = "", **files: str) -> str:
    """Return the traceback of a load that fails in ``initialize``, or in the body."""
    api = FAILING.format(body=body, start="pass" if body else line)
    with pytest.raises(LoadError) as caught:
        app.load({"api.py": api, **files}, id="failing", force=True)
    cause = caught.value.__cause__
    return "".join(traceback.format_exception(cause)) if cause is not None else ""


@pytest.mark.soak
@pytest.mark.parametrize("where", ["body", "initialize"])
def test_failed_attempts_leave_a_bounded_number_of_texts(app: AppContext, where: str) -> None:
    """The newest failure can be read in its traceback; the older texts don't pile up."""
    for number in range(2 * READABLE):
        line = f"raise ValueError({number})"
        assert line in fail(app, line, body=line if where == "body" else "")
    assert sum("standard.failing" in name for name in linecache.cache) <= READABLE + 1


@pytest.mark.soak
def test_the_newest_failure_stays_readable(app: AppContext) -> None:
    """The newest traceback has its lines, whatever failed before and whatever loads afterwards."""
    files = {f"file{number}.py": f"x = {number}\n" for number in range(READABLE + 10)}
    body = "".join(f"from .file{number} import x\n" for number in range(READABLE + 10))
    api = FAILING.format(body=body, start="raise OSError('many')")
    with pytest.raises(LoadError) as caught:
        app.load({"api.py": api, **files}, id="failing")
    assert "raise OSError('many')" in "".join(traceback.format_exception(caught.value.__cause__))
    for _ in range(2):
        for number in range(READABLE // 2):
            fail(app, f"raise ValueError({number})")
        fail(app, "raise ValueError('again')")
    for number in range(READABLE):
        app.load({"api.py": FULL.replace("{number}", str(number))}, id="full")
    settle(app)
    assert "raise ValueError('again')" in "".join(
        traceback.format_exception(app.modules["failing"].error)
    )


def test_a_request_keeps_its_generation_open(app: AppContext) -> None:
    """A request ends on the generation it began on, while new ones reach the new generation."""
    text = dedent(
        """
        import asyncio
        from core.app_context import app_context
        from fastapi import APIRouter
        from modframe.decorators import module

        router = APIRouter()


        @router.get("/slow")
        async def slow():
            service = app_context.get_service("slow")
            await service.wait()
            return {"before": NUMBER, "after": await service.number()}


        NUMBER = 1


        @module
        class Slow:
            async def initialize(self):
                self.go = asyncio.Event()
                self.waiting = asyncio.Event()

            async def wait(self):
                self.waiting.set()
                await self.go.wait()

            async def arrived(self):
                await self.waiting.wait()

            async def release(self):
                self.go.set()

            async def number(self):
                return NUMBER
        """
    )
    app.load({"api.py": text}, id="slow")

    async def request_over_a_swap() -> tuple[Any, Any]:
        import asyncio

        async with app.test_client() as client:
            old = inside.generation(app, "slow")
            request = asyncio.ensure_future(client.get("/api/v1/slow/slow"))
            await app.get_service("slow").arrived()
            newer = text.replace("NUMBER = 1", "NUMBER = 2")
            source = Source.from_texts("standard.slow", {"api.py": newer})
            await inside.change(app, source)
            fresh = await app.get_service("slow").number()
            old.module.go.set()
            answer: httpx.Response = await request
            return answer.json(), fresh

    assert app.run(request_over_a_swap()) == ({"before": 1, "after": 1}, 2)
