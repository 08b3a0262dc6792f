"""The orders module with tests of its own, for trials of it."""

from __future__ import annotations

import threading
from textwrap import dedent
from typing import Any

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError
from modframe.module import Module
from tests.fakes import ORDERS

HANGING = f"""{ORDERS}
    async def hang(self):
        import asyncio
        await asyncio.sleep(3600)
"""
HOLD = threading.Event()
"""What a test waits for that can't be interrupted."""
HOLDS = __name__
"""The module that has it, for texts."""


def tried(app: AppContext, tests: str, *, api: str = ORDERS, **more: str) -> Module:
    """The orders module with a file of tests, loaded behind the gate."""
    texts = {"api.py": api, "test_api.py": dedent(tests), **{k: dedent(v) for k, v in more.items()}}
    return app.load(texts, id="orders", test=True)


def red(app: AppContext, tests: str, *, api: str = ORDERS, **more: str) -> LoadError:
    """The error of a load whose tests must not pass."""
    with pytest.raises(LoadError) as caught:
        tried(app, tests, api=api, **more)
    assert caught.value.step == "test"
    return caught.value


def number(app: AppContext) -> int:
    return app.modules["orders"].generation


def load_outcome(app: AppContext, texts: dict[str, str]) -> Any:
    """The outcome of a draft that is tried behind the gate."""
    from modframe.source import SourceFile

    for file, text in texts.items():
        app.draft("orders", file, SourceFile(dedent(text), f"<{file}>"))
    return app.try_draft("orders", test=True)


def runs() -> list[threading.Thread]:
    """The threads that tests run on."""
    return [one for one in threading.enumerate() if one.name == "modframe-test"]
