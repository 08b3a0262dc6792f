"""Bursts: what a person saved, without the noise around it, once saving has paused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modframe.source.watch import FileWatch, is_noise

PAUSE = 0.25  # s; longer than a busy machine lets pass between two writes and their news


@pytest.mark.parametrize(
    "name",
    ["api.py~", ".api.py.swp", "api.swo", "4913", "x.tmp", ".#api.py", "#api.py#", "api.pyc",
     "__pycache__", "__pycache__/api.py", ".ipynb_checkpoints/a-checkpoint.ipynb", ".git/index",
     ".~orders.ipynb", ".goutputstream-XY12Z0", "api.py___jb_tmp___", ".DS_Store"],
)  # fmt: skip
def test_noise(name: str) -> None:
    """Editors' files, Python's, and version control's."""
    assert is_noise(f"/w/modules/standard/orders/{name}", "/w/modules")


@pytest.mark.parametrize(
    "name", ["api.py", "queries/a.sql", "deep/conf.yaml", "orders", ".env", "tmp"]
)
def test_no_noise(name: str) -> None:
    """The path above the watched folder is not looked at."""
    root = "/home/.hidden/node_modules/w"
    assert not is_noise(f"{root}/{name}", root)


@pytest.fixture
async def watch() -> AsyncIterator[FileWatch]:
    """A watch that is closed at the end."""
    made = FileWatch()
    yield made
    made.close()


async def next_burst(bursts: AsyncIterator[frozenset[Path]]) -> frozenset[Path]:
    """The next one, in bounded time."""
    return await asyncio.wait_for(anext(bursts), 20)


async def test_saves_in_quick_succession_are_one_burst(watch: FileWatch, tmp_path: Path) -> None:
    """In several files and folders, some of them new."""
    assert await watch.follow(trees=[tmp_path], folders=[])
    assert not await watch.follow(trees=[tmp_path], folders=[])
    bursts = watch.bursts(quiet=PAUSE)
    (tmp_path / "a.py").write_text("1")
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.py~").write_text("noise")
    (tmp_path / "b.py").write_text("1")
    burst = await next_burst(bursts)
    assert {tmp_path / "a.py", tmp_path / "b.py", tmp_path / "deep"} <= burst
    assert tmp_path / "a.py~" not in burst
    (tmp_path / "deep/c.py").write_text("1")
    assert await next_burst(bursts) == {tmp_path / "deep/c.py"}


async def test_endless_saves_still_come(watch: FileWatch, tmp_path: Path) -> None:
    """A burst lasts only so long."""
    await watch.follow(trees=[tmp_path], folders=[])

    async def save_for_ever() -> None:
        number = 0
        while True:
            number += 1
            (tmp_path / "a.py").write_text(str(number))
            await asyncio.sleep(0.002)

    saving = asyncio.ensure_future(save_for_ever())
    bursts = watch.bursts(longest=0.1)
    for _ in range(3):
        assert await next_burst(bursts) == {tmp_path / "a.py"}
    saving.cancel()


async def test_what_changes_meanwhile_is_in_the_next_burst(
    watch: FileWatch, tmp_path: Path
) -> None:
    """Nothing is lost while nobody iterates."""
    await watch.follow(trees=[tmp_path], folders=[])
    bursts = watch.bursts(quiet=PAUSE)
    (tmp_path / "a.py").write_text("1")
    await next_burst(bursts)
    (tmp_path / "b.py").write_text("1")
    while not watch._pending:
        await asyncio.sleep(0.001)
    assert await next_burst(bursts) == {tmp_path / "b.py"}


async def test_folders_are_watched_without_what_is_below(watch: FileWatch, tmp_path: Path) -> None:
    """Trees with it; and both can be others from then on."""
    (tmp_path / "flat/below").mkdir(parents=True)
    (tmp_path / "tree/below").mkdir(parents=True)
    await watch.follow(trees=[tmp_path / "none"], folders=[tmp_path / "flat"])
    await watch.follow(trees=[tmp_path / "tree"], folders=[tmp_path / "flat"])
    bursts = watch.bursts()
    (tmp_path / "flat/below/a").write_text("unseen")
    (tmp_path / "tree/below/a").write_text("seen")
    (tmp_path / "flat/a").write_text("seen")
    seen: set[Path] = set()
    while len(seen) < 2:
        seen |= await next_burst(bursts)
    assert seen == {tmp_path / "tree/below/a", tmp_path / "flat/a"}


async def test_nothing_is_lost_while_more_is_watched(watch: FileWatch, tmp_path: Path) -> None:
    """What a replaced thread saw a moment ago is still in a burst."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    await watch.follow(trees=[], folders=[tmp_path / "one"])
    (tmp_path / "one/a").write_text("1")
    assert await watch.follow(trees=[], folders=[tmp_path / "one", tmp_path / "two"])
    assert tmp_path / "one/a" in await next_burst(watch.bursts())


async def test_a_root_that_comes_again_is_watched_again(watch: FileWatch, tmp_path: Path) -> None:
    """The system's watch ended with the old folder of that name."""
    root = tmp_path / "root"
    root.mkdir()
    await watch.follow(trees=[root], folders=[tmp_path])
    bursts = watch.bursts()
    root.rmdir()
    root.mkdir()
    seen: set[Path] = set()
    while root not in seen:
        seen |= await next_burst(bursts)
    assert await watch.follow(trees=[root], folders=[tmp_path])
    (root / "a").write_text("1")
    while root / "a" not in seen:
        seen |= await next_burst(bursts)


async def test_a_closed_watch_ends(tmp_path: Path) -> None:
    """Its threads are gone, and it says so."""
    import threading

    watch = FileWatch()
    await watch.follow(trees=[tmp_path], folders=[])
    assert repr(watch) == "<FileWatch: 1 folders>"
    watch.close()
    assert repr(watch) == "<FileWatch: closed>"
    assert not [one for one in threading.enumerate() if one.name == "modframe-watch"]
    assert [one async for one in watch.bursts()] == []
