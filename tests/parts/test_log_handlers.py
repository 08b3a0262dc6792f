"""Log handlers and loggers of module code: gone with their generation; its lines reach the log."""

from __future__ import annotations

import logging

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError
from tests import inside
from tests.fakes import simple

HEAD = """
import io
import logging

from core.app_context import app_context

STREAM = io.StringIO()
log = logging.getLogger(__name__)


class Own(logging.StreamHandler):
    pass
"""
BODY = """
async def initialize(self):
    app_context.get_logger().addHandler(logging.StreamHandler(STREAM))
    logging.getLogger("standard.thing").addHandler(logging.StreamHandler(STREAM))
    log.addHandler(logging.StreamHandler(STREAM))
    log.getChild("more").addHandler(logging.StreamHandler(STREAM))
    logging.getLogger("some.library").addHandler(Own(STREAM))

async def say(self, text: str) -> str:
    log.warning(text)
    return STREAM.getvalue()
"""


def text(number: int = 1) -> dict[str, str]:
    return {"api.py": simple(BODY, head=HEAD) + f"\n# {number}\n"}


def handlers() -> dict[str, list[logging.Handler]]:
    """The handlers on the loggers that the module adds some to."""
    names = ("modframe.modules.standard.thing", "standard.thing", "some.library")
    return {name: list(logging.getLogger(name).handlers) for name in names}


def private() -> list[str]:
    """The loggers that are called after a private package."""
    return [name for name in logging.Logger.manager.loggerDict if "standard.thing~" in name]


def test_lines_of_a_files_own_logger_are_the_modules(app: AppContext) -> None:
    """``getLogger(__name__)`` reaches the log under the module's id, once."""
    app.load(text(), id="thing")
    app.get_service("thing").say("hello").result()
    lines = [one for one in app.snapshot().log if one.message == "hello"]
    assert [(one.module_id, one.level) for one in lines] == [("standard.thing", "WARNING")]


def test_handlers_go_with_their_generation(app: AppContext) -> None:
    """On the module's loggers and of its own class anywhere; closed; others are left alone."""
    mine = logging.NullHandler()
    logging.getLogger("some.library").addHandler(mine)
    logging.getLogger("standard.thing").addHandler(mine)
    try:
        app.load(text(1), id="thing")
        first = handlers()
        assert [len(one) for one in first.values()] == [1, 2, 2]
        app.load(text(2), id="thing")
        inside.settle(app)
        second = handlers()
        assert [len(one) for one in second.values()] == [1, 2, 2]
        new = {one for each in second.values() for one in each} - {mine}
        assert new.isdisjoint(one for each in first.values() for one in each)
        app.modules["thing"].unload()
        assert list(handlers().values()) == [[], [mine], [mine]]
        assert app.modules["thing"].state == "STOPPED"
        assert private() == []
    finally:
        for name in ("some.library", "standard.thing"):
            logging.getLogger(name).removeHandler(mine)


def test_a_failed_load_leaves_no_handler(app: AppContext) -> None:
    """Whether its text failed or a phase; those of the live generation stay."""
    app.load(text(), id="thing")
    before = handlers()
    at_import = "\napp_context.get_logger().addHandler(Own(STREAM))\nraise ValueError('no')\n"
    for failing in (
        text()["api.py"] + at_import,
        text()["api.py"].replace("async def say", "    raise ValueError('no')\n    async def say"),
    ):
        with pytest.raises(LoadError):
            app.load({"api.py": failing}, id="thing")
        assert handlers() == before
    assert all("~1" in name for name in private())


@pytest.mark.soak
def test_many_swaps_leave_no_logger(app: AppContext) -> None:
    """The tree of loggers is as large after fifty swaps as after one."""
    app.load(text(0), id="thing")
    app.get_service("thing").say("x").result()
    before = len(logging.Logger.manager.loggerDict)
    for number in range(1, 51):
        app.load(text(number), id="thing")
        app.get_service("thing").say("x").result()
    inside.settle(app)
    assert len(logging.Logger.manager.loggerDict) == before
    assert len(private()) <= 3


def test_a_handler_that_will_not_close_is_named(app: AppContext) -> None:
    """It is removed, and its class and failure are among what would not settle."""
    body = "async def initialize(self):\n    app_context.get_logger().addHandler(Bad())"
    bad = HEAD + "\n\nclass Bad(Own):\n    def close(self):\n        raise OSError('disk full')\n"
    app.load({"api.py": simple(body, head=bad)}, id="thing")
    app.modules["thing"].unload()
    (fault,) = app.stop().unsettled
    assert "Bad: OSError('disk full')" in fault
    assert handlers()["modframe.modules.standard.thing"] == []
