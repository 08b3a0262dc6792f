"""The paths of a module that was removed answer 404: no client should ask again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from modframe.app import AppContext
from modframe.source import SourceFile
from tests.fakes import ORDERS, simple
from tests.watching.conftest import Saved


@pytest.fixture
def client(app: AppContext) -> Iterator[httpx.Client]:
    """Return a client of the running server."""
    with httpx.Client(base_url=app.serve(port=0).url) as client:
        yield client


def test_a_deleted_folder_answers_404(
    app: AppContext, workspace: Path, client: httpx.Client
) -> None:
    """Its paths are unknown, as if it had never been there, until it comes back."""
    saved = Saved(app, workspace)
    path = saved.save("orders", ORDERS)
    saved.until(lambda: client.get("/api/v1/orders/total").status_code == 200)
    shutil.rmtree(path.parent)
    saved.until(lambda: app.modules["orders"].state == "STOPPED")
    answer = client.get("/api/v1/orders/total")
    assert answer.status_code == 404
    assert "retry-after" not in answer.headers
    assert answer.json()["detail"].startswith("Nothing is live at /api/v1/orders")
    saved.save("orders", ORDERS)
    saved.until(lambda: client.get("/api/v1/orders/total").status_code == 200)


def test_an_unloaded_module_answers_404(app: AppContext, client: httpx.Client) -> None:
    """`unload()` removes a module; one that failed to stop cleanly is gone as well."""
    app.load({"api.py": ORDERS}, id="orders").unload()
    stubborn = "def cleanup_resources(self): raise OSError\ndef force_cleanup(self): raise OSError"
    app.load({"api.py": simple(stubborn)}, id="stubborn").unload()
    assert app.modules["stubborn"].state == "FAILED_UNLOAD"
    for name in ("orders", "stubborn"):
        answer = client.get(f"/api/v1/{name}/total")
        assert (answer.status_code, answer.headers.get("retry-after")) == (404, None)


def test_what_may_come_back_answers_503(app: AppContext, client: httpx.Client) -> None:
    """A module that failed, or of which nothing more than a draft is there, may go live soon."""
    with pytest.raises(Exception, match="ZeroDivisionError"):
        app.load({"api.py": "1 / 0\n" + ORDERS}, id="failed")
    app.draft("drafted", "services.py", SourceFile("X = 1\n", "<cell>"))
    for name in ("failed", "drafted"):
        answer = client.get(f"/api/v1/{name}/total")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_an_app_that_stopped_answers_503(app: AppContext) -> None:
    """The server that called it may ask the next one: its modules were not removed."""
    app.load({"api.py": ORDERS}, id="orders")
    transport = httpx.ASGITransport(app.asgi)
    app.stop()
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        answer = await http.get("/api/v1/orders/total")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
