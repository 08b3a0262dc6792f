"""HTTP clients that module code leaves open: closed with their generation, and named."""

from __future__ import annotations

import gc
import threading

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError
from tests import inside
from tests.fakes import simple
from tests.waiting import wait_for

HEAD = "import aiohttp\nimport httpx\nfrom core.app_context import app_context\n"
AIOHTTP = """
async def initialize(self):
    self.session = aiohttp.ClientSession()
    self.client = httpx.AsyncClient()

def closed(self):
    return self.session.closed, self.client.is_closed
"""


def warnings_of(app: AppContext) -> list[str]:
    """What the log says of clients; a busy machine gives warnings of its own."""
    lines = [line.message for line in app.snapshot().log if line.level != "INFO"]
    return [line for line in lines if "open" in line or "Unclosed" in line]


def test_open_clients_are_closed_and_named(app: AppContext) -> None:
    """At a swap those of the old generation, at the end the rest; nothing is left to complain."""
    app.load({"api.py": simple(AIOHTTP, head=HEAD)}, id="thing")
    shown = app.snapshot().module("standard.thing")
    assert shown is not None
    assert any("aiohttp.ClientSession made in Thing.initialize()" in line for line in shown.lines())
    held = app.get_service("thing")
    app.load({"api.py": simple(AIOHTTP + "\n# changed\n", head=HEAD)}, id="thing")
    assert held.closed().result(10) == (False, False)
    wait_for(lambda: len(warnings_of(app)) == 2)
    said = warnings_of(app)
    assert all("generation 1 ended with an open" in line for line in said)
    assert any("api.py, line" in line and "cleanup_resources" in line for line in said)
    app.modules["thing"].unload()
    gc.collect()
    assert not [line for line in warnings_of(app) if "Unclosed" in line]


def test_a_client_that_was_closed_is_not_mentioned(app: AppContext) -> None:
    """The guide's pattern with its cleanup ends without a word."""
    body = AIOHTTP + "async def cleanup_resources(self):\n    await self.session.close()\n"
    body += "    await self.client.aclose()\n"
    app.load({"api.py": simple(body, head=HEAD)}, id="thing")
    app.modules["thing"].unload()
    assert warnings_of(app) == []


def test_a_failed_load_leaves_no_client_open(app: AppContext) -> None:
    """One that was made before the load failed is closed too."""
    body = AIOHTTP.replace("\ndef closed", "    raise ValueError('no')\n\ndef closed")
    with pytest.raises(LoadError, match="ValueError: no"):
        app.load({"api.py": simple(body, head=HEAD)}, id="thing")
    wait_for(lambda: sum("ended with an open" in line for line in warnings_of(app)) == 2)


def test_the_client_of_a_resource_is_the_resources(app: AppContext) -> None:
    """One that generations share lives on over a swap."""
    body = """
async def initialize(self):
    self.session = await app_context.resource(make)
"""
    head = HEAD + "async def make():\n    return aiohttp.ClientSession()\n"
    app.load({"api.py": simple(body, head=head)}, id="thing")
    app.load({"api.py": simple(body + "\n# changed\n", head=head)}, id="thing")
    assert warnings_of(app) == []


def test_a_client_whose_close_blocks_keeps_nothing_else(app: AppContext) -> None:
    """It is closed on a thread, and other modules answer meanwhile."""
    body = """
    def initialize(self):
        self.client = Slow()
        self.begun, self.go = BEGUN, GO

    def get(self):
        return self.client
    """
    head = """
import threading, httpx

BEGUN, GO = threading.Event(), threading.Event()

class Slow(httpx.Client):
    def close(self):
        BEGUN.set()
        GO.wait()
        super().close()
"""
    app.load({"api.py": simple(body, head=head)}, id="slow")
    app.load({"api.py": simple("def one(self):\n    return 1")}, id="other")
    slow = inside.service(app, "slow")
    unload = threading.Thread(target=app.modules["slow"].unload)
    unload.start()
    try:
        wait_for(slow.begun.is_set)
        assert app.get_service("other").one().result(timeout=4) == 1
    finally:
        slow.go.set()
        unload.join()
