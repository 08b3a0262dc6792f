"""The garbage collector's thresholds while an app starts, and afterwards."""

from __future__ import annotations

import gc
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import modframe

SEES = """
    import gc
    from modframe.decorators import module

    SEEN = gc.get_threshold()

    @module
    class Sees:
        def threshold(self) -> int:
            return SEEN[0]
"""


@pytest.fixture(autouse=True)
def usual() -> Iterator[tuple[int, int, int]]:
    before = gc.get_threshold()
    yield before
    gc.set_threshold(*before)


def write_module(workspace: Path, text: str) -> None:
    folder = workspace / "modules" / "standard" / "sees"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(textwrap.dedent(text))


async def test_a_start_collects_rarely_and_sets_it_back(
    tmp_path: Path, usual: tuple[int, int, int]
) -> None:
    """Module bodies of a start run with a high threshold; afterwards it is what it was."""
    write_module(tmp_path, SEES)
    with modframe.start(tmp_path, data=":memory:") as app:
        assert await app.get_service("sees").threshold() > usual[0]
        assert gc.get_threshold() == usual
        with modframe.start(tmp_path, data=":memory:"):
            assert gc.get_threshold() == usual


def test_a_failed_start_sets_it_back(tmp_path: Path, usual: tuple[int, int, int]) -> None:
    """A start that raises leaves the threshold as it was."""
    with pytest.raises(modframe.errors.ModframeError):
        modframe.start(tmp_path, modules=["nothing"], data=":memory:")
    assert gc.get_threshold() == usual


def test_what_module_code_sets_stays(tmp_path: Path) -> None:
    """A threshold that a body sets itself is not overwritten."""
    write_module(tmp_path, SEES.replace("SEEN =", "gc.set_threshold(901, 11, 12)\n    SEEN ="))
    with modframe.start(tmp_path, data=":memory:"):
        assert gc.get_threshold() == (901, 11, 12)


def test_frozen_objects_stay_frozen(tmp_path: Path) -> None:
    """What was frozen before a start, as before a fork, is frozen afterwards."""
    gc.freeze()
    frozen = gc.get_freeze_count()
    with modframe.start(tmp_path, data=":memory:"):
        assert gc.get_freeze_count() > frozen * 0.9  # some end with their last reference


def test_a_collector_that_is_off_stays_off(tmp_path: Path) -> None:
    """A first threshold of 0, which switches the collector off, is left alone."""
    gc.set_threshold(0)
    with modframe.start(tmp_path, data=":memory:"):
        assert gc.get_threshold()[0] == 0
