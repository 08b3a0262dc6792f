"""Runs that hang, are cancelled or take turns."""

from __future__ import annotations

import asyncio
import sys
import threading
import time

import pytest

from modframe.app import AppContext
from modframe.source import Source
from tests import inside
from tests.fakes import simple

from .orders import HANGING, HOLDS, red, tried


@pytest.mark.parametrize(
    ("tests", "line", "state"),
    [
        ("import asyncio\nasync def test_slow():\n    await asyncio.sleep(3600)\n", 3, "was ended"),
        ("def test_slow():\n    while True:\n        x = 1\n", 0, "was ended"),
        (f"import sys\ndef test_slow():\n    sys.modules[{HOLDS!r}].HOLD.wait(60)\n", 3, "was left behind"),
        ("def test_slow(service):\n    service.hang().result()\n", 2, "was ended"),
        (
            "import asyncio\nasync def test_slow():\n    while True:\n        try:\n            await asyncio.sleep(3600)\n"
            "        except asyncio.CancelledError:\n            pass\n",
            5,
            "was left behind|was ended",
        ),
    ],
)  # fmt: skip
def test_a_hanging_test_is_named(impatient: AppContext, tests: str, line: int, state: str) -> None:
    """A test that hangs ends the run in bounded time; nothing went live, and the next run works."""
    app = impatient
    began = time.monotonic()
    error = red(app, f"{tests}\ndef test_after(): pass\n", api=HANGING)
    assert time.monotonic() - began < 20
    (finding,) = error.findings
    assert finding.rule == "test-overdue"
    assert not line or finding.line == line
    with pytest.raises(AssertionError, match=f"test_slow: is not done after the 1.5 s.*({state})"):
        raise AssertionError(str(error))
    assert (
        tried(app, "def test_it(service):\n    assert service.total().result() == 40\n").state
        == "LIVE"
    )


def test_stopping_the_app_ends_a_run(app: AppContext) -> None:
    """A run does not delay app.stop()."""
    started = threading.Event()
    holder: list[BaseException] = []
    sys.modules[__name__].__dict__["STARTED"] = started
    tests = f"""
        import asyncio, sys

        async def test_slow():
            sys.modules[{__name__!r}].STARTED.set()
            await asyncio.sleep(3600)
    """

    def load() -> None:
        try:
            tried(app, tests)
        except BaseException as error:
            holder.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    assert started.wait(30)
    app.stop()
    thread.join(30)
    assert "is being stopped" in str(holder[0])


def test_two_at_a_time_take_turns(app: AppContext) -> None:
    """Unrelated modules that are loaded at the same time are all tested."""

    async def both() -> None:
        sources = [
            Source.from_texts(
                f"standard.m{n}",
                {"api.py": simple("pass"), "test_it.py": f"def test_{n}(tmp_path): pass"},
            )
            for n in range(4)
        ]
        outcomes = await asyncio.gather(
            *(inside.change(app, source, test=[source.module_id]) for source in sources)
        )
        assert [str(outcome.tests) for (outcome,) in outcomes] == ["1 test passed"] * 4

    app.run(both())
