"""What hmr, reloadium and FastHTML were seen to get wrong, over a real socket.

Torn answers under load are in `test_under_load.py`, saves that the watcher sees in its own tests.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent
from types import ModuleType, SimpleNamespace
from typing import Any

import httpx
import pytest

from modframe.app import AppContext
from modframe.errors import LoadError
from modframe.source import SourceFile

PATIENCE = 60
API = dedent(
    """
    import asyncio

    from fastapi import APIRouter
    from fastapi.responses import StreamingResponse
    from modframe.decorators import module

    from . import services
    from .services import price

    router = APIRouter()
    VERSION = 1


    @router.get("/price")
    async def get_price():
        from .services import price as late

        return [VERSION, price(), late(), services.price()]


    @router.get("/waits")
    def waits():
        from tests_gate import gate

        before = [VERSION, price()]
        gate.entered.set()
        gate.release.wait(60)
        from .services import price as late

        return before + [VERSION, price(), late()]


    @router.get("/events")
    async def events():
        async def lines():
            for _ in range(1000):
                yield f"data: {VERSION}\\n\\n"
                await asyncio.sleep(0.01)

        return StreamingResponse(lines(), media_type="text/event-stream")


    @module
    class Shop:
        def version(self):
            return VERSION

        def gone_soon(self):
            return VERSION
    """
)
ALONE = """
from fastapi import APIRouter
from modframe.decorators import module

router = APIRouter()


@router.get("/price")
def price():
    return [4]


@module
class Shop:
    pass
"""
SERVICES = "VERSION = 1\n\n\ndef price():\n    return VERSION\n"


def texts(version: int = 1) -> dict[str, str]:
    """Return both files, with a version in each."""
    new = f"VERSION = {version}"
    return {
        "api.py": API.replace("VERSION = 1", new),
        "services.py": SERVICES.replace("VERSION = 1", new),
    }


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Return what the route ``/waits`` waits at."""
    module = ModuleType("tests_gate")
    module.gate = SimpleNamespace(entered=threading.Event(), release=threading.Event())  # type: ignore[attr-defined]  # a module made for this
    monkeypatch.setitem(sys.modules, "tests_gate", module)
    return module.gate  # type: ignore[no-any-return,attr-defined]  # as above


@pytest.fixture
def shop(app: AppContext) -> Iterator[httpx.Client]:
    """Return a client of the module, which is live and served."""
    app.load(texts(), id="shop")
    url = app.serve(port=0).url
    with httpx.Client(base_url=f"{url}/api/v1/shop", timeout=PATIENCE) as client:
        yield client


def everything(app: AppContext, shop: httpx.Client) -> Any:
    """Return the version that every way in shows."""
    openapi = shop.get(str(shop.base_url.join("/openapi.json"))).json()
    return (
        shop.get("/price").json(),
        app.get_service("shop").version().result(),
        sorted(path for path in openapi["paths"] if "/shop/" in path),
        app.modules["shop"].generation,
    )


@pytest.mark.parametrize("file", ["api.py", "services.py"])
@pytest.mark.parametrize("where", ["at the top", "in the middle", "at the end"])
def test_a_file_that_raises_mixes_nothing(
    app: AppContext, shop: httpx.Client, file: str, where: str
) -> None:
    """If any file fails, at any line, all files stay as they were."""
    before = everything(app, shop)
    edited = texts(2)
    edited["api.py"] += '\n\n@router.get("/new")\ndef new():\n    return 1\n'
    at = {
        "at the top": 0,
        "in the middle": edited[file].index("VERSION = 2"),
        "at the end": len(edited[file]),
    }
    broken = {**edited, file: f"{edited[file][: at[where]]}1 / 0\n{edited[file][at[where] :]}"}
    with pytest.raises(LoadError, match="ZeroDivisionError"):
        app.load(broken, id="shop")
    assert everything(app, shop) == before
    assert shop.get("/new").status_code == 404
    app.load(edited, id="shop")
    assert shop.get("/price").json() == [2, 2, 2, 2]
    assert shop.get("/new").status_code == 200


def test_what_was_taken_out_answers_no_more(app: AppContext, shop: httpx.Client) -> None:
    """A route, a method, a function or a file is gone with the text that had it."""
    handle = app.get_service("shop")
    assert handle.gone_soon().result() == 1
    edited = texts(2)
    taken = "    def gone_soon(self):\n        return VERSION\n"
    edited["api.py"] = edited["api.py"].replace(taken, "").replace('@router.get("/waits")\n', "")
    app.load(edited, id="shop")
    assert shop.get("/waits").status_code == 404
    with pytest.raises(AttributeError, match="has no method 'gone_soon'"):
        _ = handle.gone_soon
    without = {**edited, "services.py": "VERSION = 3\n"}
    with pytest.raises(LoadError, match="cannot import name 'price'"):
        app.load(without, id="shop")
    assert shop.get("/price").json() == [2, 2, 2, 2]
    app.load({"api.py": ALONE}, id="shop")
    assert shop.get("/price").json() == [4]
    with pytest.raises(ModuleNotFoundError):
        __import__("modules.standard.shop.services")


def test_an_open_event_stream_delays_no_edit(app: AppContext, shop: httpx.Client) -> None:
    """A stream continues on its generation, while new requests get the new text."""
    with shop.stream("GET", "/events") as stream:
        lines = (line for line in stream.iter_lines() if line)
        assert next(lines) == "data: 1"
        for version in (2, 3):
            app.load(texts(version), id="shop")
            assert shop.get("/price").json() == [version] * 4
        assert {next(lines) for _ in range(20)} == {"data: 1"}
    with shop.stream("GET", "/events") as stream:
        assert next(stream.iter_lines()) == "data: 3"


def test_a_request_in_flight_ends_as_it_began(
    app: AppContext, shop: httpx.Client, gate: SimpleNamespace
) -> None:
    """A sync route that waits in a thread over two edits answers from one text, imports too."""
    with ThreadPoolExecutor(1) as pool:
        request = pool.submit(shop.get, "/waits")
        assert gate.entered.wait(PATIENCE)
        for version in (2, 3):
            app.load(texts(version), id="shop")
        gate.release.set()
        assert request.result(PATIENCE).json() == [1] * 5
    assert shop.get("/waits").json() == [3] * 5


def test_half_a_cell_is_not_live(app: AppContext, shop: httpx.Client) -> None:
    """A cell that redefines a route and then fails leaves the old route alone."""
    before = everything(app, shop)
    half = texts(2)["api.py"] + '\n\n@router.get("/new")\ndef new():\n    return 1\n\n\n1 / 0\n'
    app.draft("shop", "api.py", SourceFile(half, "/tmp/cell.py", 2, "Cell In[7]"))
    with pytest.raises(LoadError, match=r"Cell In\[7\].*ZeroDivisionError"):
        app.try_draft("shop")
    assert everything(app, shop) == before
    assert shop.get("/new").status_code == 404
    whole = half.replace("1 / 0\n", "")
    app.draft("shop", "api.py", SourceFile(whole, "/tmp/cell.py", 2, "Cell In[8]"))
    app.try_draft("shop")
    assert shop.get("/price").json() == [2, 1, 1, 1]
    assert shop.get("/new").status_code == 200


def test_a_file_saved_by_renaming_is_read(app: AppContext, workspace: Path) -> None:
    """A new file that replaces the old one is read, even with the same length and time."""
    folder = workspace / "modules" / "standard" / "shop"
    folder.mkdir(parents=True)
    for name, text in texts().items():
        (folder / name).write_text(text)
    app.load("shop")
    written = (folder / "services.py").stat()
    replacement = folder / ".services.py.swp"
    replacement.write_text(SERVICES.replace("VERSION = 1", "VERSION = 2"))
    os.utime(replacement, ns=(written.st_atime_ns, written.st_mtime_ns))
    replacement.replace(folder / "services.py")
    app.modules["shop"].reload()

    async def price() -> Any:
        async with app.test_client() as client:
            return (await client.get("/api/v1/shop/price")).json()

    assert json.dumps(app.run(price())) == "[1, 2, 2, 2]"
