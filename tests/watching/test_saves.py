"""However a file is saved, the new text goes live and no intermediate state does."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import weakref
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import BlockedError
from tests import inside
from tests.fakes import simple
from tests.watching.conftest import WAYS, Saved, get


@pytest.mark.parametrize("save", WAYS, ids=lambda way: way.__name__)
def test_every_way_to_save_is_one_swap(
    saved: Saved, save: Callable[[Path, str], None], errors: Callable[[], list[str]]
) -> None:
    """No temporary file, empty file or backup of an editor goes live or is reported."""
    path = saved.save("orders", get(1))
    saved.until_answer("orders", 1)
    save(path, get(2))
    saved.until_answer("orders", 2)
    saved.settle()
    assert saved.number("orders") == 2
    assert errors() == []
    assert not [line for line in saved.said if "stopped" in line]


def test_a_new_folder_is_loaded(saved: Saved) -> None:
    """Its files and folders are written one by one, as a person or a generator does."""
    saved.save("orders", "def seven():\n    return 7\n", "deep/rules.py")
    saved.save(
        "orders", get(0, head="from .deep.rules import seven").replace("return 0", "return seven()")
    )
    saved.until_answer("orders", 7)
    saved.save("orders", "def seven():\n    return 77\n", "deep/rules.py")
    saved.until_answer("orders", 77)
    assert saved.number("orders") == 2


def test_a_half_written_file_keeps_the_old(saved: Saved) -> None:
    """Its error is reported, and forgotten once the other files are there."""
    text = get("all of it", head="import json\n")
    path = saved.save("orders", get(1))
    saved.until_answer("orders", 1)
    path.write_text(text[: text.index("async")] + "async def get(se")
    saved.until(lambda: saved.app.modules["orders"].error)
    assert saved.answers("orders") == 1
    path.write_text(text)
    saved.until_answer("orders", "all of it")
    assert saved.app.modules["orders"].error is None


def test_the_old_text_again_is_no_swap(saved: Saved) -> None:
    """Undoing the mistake clears the error."""
    path = saved.save("orders", get(1))
    saved.until_answer("orders", 1)
    path.write_text("1 / 0\n" + get(2))
    saved.until(lambda: saved.app.modules["orders"].error)
    path.write_text(get(1))
    saved.until(lambda: saved.app.modules["orders"].error is None)
    assert saved.number("orders") == 1


@pytest.mark.soak
@pytest.mark.usefixtures("unhurried")
def test_fifty_saves_are_few_swaps(saved: Saved) -> None:
    """The last text is live at the end."""
    path = saved.save("orders", get(-1))
    saved.until_answer("orders", -1)
    for number in range(50):
        path.write_text(get(number))
    saved.until_answer("orders", 49)
    saved.settle()
    assert saved.number("orders") <= 8
    assert saved.answers("orders") == 49


def test_temporary_files_are_no_saves(saved: Saved) -> None:
    """A file that is saved without a change is not swapped either."""
    path = saved.save("orders", get(1))
    saved.until_answer("orders", 1)
    for name in ("api.py.swp", ".api.py.swx", "api.py~", "4913", "#api.py#", "x.tmp"):
        (path.parent / name).write_text("!")
    (path.parent / "__pycache__").mkdir()
    (path.parent / "__pycache__/api.py").write_text("!")
    path.write_text(get(1))
    saved.settle()
    assert saved.number("orders") == 1


def git(folder: Path, *words: str) -> None:
    """Run git without a user's settings."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *who, *words], cwd=folder, env=env, check=True, capture_output=True)


@pytest.mark.usefixtures("unhurried")
def test_a_checkout_of_several_files_is_one_transaction(
    saved: Saved, errors: Callable[[], list[str]]
) -> None:
    """Texts that only work together go live together."""
    top = simple(
        "async def get(self):\n    return NAME",
        head="from modules.standard.base.api import {} as NAME",
    )
    for name in ("old", "new"):
        saved.save("base", simple("pass", head=f"{name} = {name!r}"))
        saved.save("top", top.format(name))
        if name == "old":
            git(saved.folder, "init", "-q")
        git(saved.folder, "add", "modules")
        git(saved.folder, "commit", "-qm", name)
        saved.until_answer("top", name)
    before = [saved.number(name) for name in ("base", "top")]
    git(saved.folder, "checkout", "-q", "HEAD~1")
    saved.until_answer("top", "old")
    saved.settle()
    assert [saved.number(name) for name in ("base", "top")] == [one + 1 for one in before]
    assert errors() == []


# -- groups --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("unhurried")
def test_what_is_sound_and_unrelated_goes_live(saved: Saved) -> None:
    """A module that was saved with a broken one and names it waits until that one is mended."""
    for name in ("a", "b", "c"):
        saved.save(name, get(1, arguments='requires=["a"]' if name == "b" else ""))
    saved.until(lambda: all(saved.answers(name) == 1 for name in "abc"))
    second = get(2, arguments='requires=["a"]')
    saved.save_together({"a": "1 / 0\n" + get(2), "b": second, "c": get(2)})
    saved.until_answer("c", 2)
    saved.settle()
    assert (saved.answers("a"), saved.answers("b")) == (1, 1)
    assert "ZeroDivisionError" in str(saved.app.modules["a"].error)
    assert isinstance(saved.app.modules["b"].error, BlockedError)
    assert saved.app.modules["c"].error is None
    saved.save("a", get(3))
    saved.until(lambda: (saved.answers("a"), saved.answers("b")) == (3, 2))


def test_a_text_that_breaks_an_importer_stays_out(saved: Saved) -> None:
    """The error names the importer, which was not saved."""
    saved.save("base", simple("pass", head="NAME = 1"))
    saved.save(
        "top",
        simple(
            "async def get(self):\n    return NAME",
            head="from modules.standard.base.api import NAME",
        ),
    )
    saved.until_answer("top", 1)
    saved.save("base", simple("pass", head="OTHER = 1"))
    saved.until(lambda: saved.app.modules["base"].error)
    assert "standard.top" in str(saved.app.modules["base"].error)
    assert "cannot import name 'NAME'" in str(saved.app.modules["top"].error)
    assert saved.answers("top") == 1
    saved.save("base", simple("pass", head="NAME = 2"))
    saved.until_answer("top", 2)


def test_a_module_that_waits_for_another_starts_with_it(saved: Saved) -> None:
    """That holds for a requirement and for an import."""
    saved.save("b", get(1, arguments='requires=["a"]'))
    saved.save("c", get(2, head="from modules.standard.a.api import Thing as Other"))
    saved.until(lambda: all(n in saved.app.modules and saved.app.modules[n].error for n in "bc"))
    saved.save("a", get(0))
    saved.until(lambda: (saved.answers("b"), saved.answers("c")) == (1, 2))
    assert [saved.app.modules[name].error for name in "abc"] == [None] * 3


def test_a_newer_text_takes_the_place_of_one_that_hangs(saved: Saved) -> None:
    """The newer text does not wait for the timeout of a phase."""
    saved.save("orders", get(1))
    saved.until_answer("orders", 1)
    hangs = simple(
        "async def initialize(self):\n    (self.app_context.path / 'began').touch()\n"
        "    await asyncio.Event().wait()",
        head="import asyncio",
    )
    path = saved.save("orders", hangs)
    saved.until((path.parent / "began").exists)
    saved.save("orders", get(3))
    saved.until_answer("orders", 3)
    assert saved.app.modules["orders"].error is None


def test_what_is_live_though_it_could_not_be_activated_is_not_built_twice(saved: Saved) -> None:
    """What went live with it stays as well, and the error is kept."""
    for name in "ac":
        saved.save(name, get(1))
    saved.until(lambda: all(saved.answers(name) == 1 for name in "ac"))
    saved.save(
        "a",
        simple(
            "async def activate(self):\n    raise ValueError('no consumer')\n\n"
            "async def get(self):\n    return 2"
        ),
    )
    saved.save("c", get(2))
    saved.until(lambda: (saved.answers("a"), saved.answers("c")) == (2, 2))
    saved.settle()
    assert (saved.number("a"), saved.number("c")) == (2, 2)
    assert "no consumer" in str(saved.app.modules["a"].error)
    assert saved.app.modules["c"].error is None


# -- deletion ------------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [True, False], ids=["folder", "api.py"])
def test_a_deleted_module_is_unloaded(saved: Saved, whole: bool) -> None:
    """It is loaded under the next number when the file is there again."""
    path = saved.save("orders", get(1))
    saved.until_answer("orders", 1)
    if whole:
        shutil.rmtree(path.parent)
    else:
        path.unlink()
    saved.until(lambda: saved.app.modules["orders"].state == "STOPPED")
    assert saved.app.snapshot().ready
    with httpx.Client(base_url=saved.app.serve(port=0).url) as client:
        assert client.get("/api/v1/orders/x").status_code == 404
    saved.save("orders", get(1))
    saved.until_answer("orders", 1)
    assert saved.number("orders") == 2


def test_what_others_need_is_not_unloaded(saved: Saved) -> None:
    """That is reported, and it is unloaded as soon as no module needs it."""
    base = saved.save("base", get(1))
    user = saved.save("user", get(2, arguments='requires=["base"]'))
    saved.until_answer("user", 2)
    shutil.rmtree(base.parent)
    saved.until(lambda: saved.app.modules["base"].error)
    assert "standard.user requires it" in str(saved.app.modules["base"].error)
    assert saved.answers("base") == 1
    user.write_text(get(3))
    saved.until_answer("user", 3)
    saved.until(lambda: saved.app.modules["base"].state == "STOPPED")


def test_modules_that_are_deleted_together_stop_together(saved: Saved) -> None:
    """Dependents stop first."""
    saved.save("base", get(1))
    saved.save("user", get(2, arguments='requires=["base"]'))
    saved.until_answer("user", 2)
    shutil.rmtree(saved.folder / "modules")
    saved.until(lambda: saved.app.modules["base"].state == "STOPPED")
    assert saved.app.modules["user"].state == "STOPPED"
    saved.save("base", get(5))
    saved.until_answer("base", 5)


def test_a_module_that_never_ran_is_forgotten_with_its_folder(saved: Saved) -> None:
    """It no longer keeps the app from being ready."""
    path = saved.save("orders", "1 / 0\n" + get(1))
    saved.until(lambda: "orders" in saved.app.modules and saved.app.modules["orders"].error)
    assert not saved.app.snapshot().ready
    shutil.rmtree(path.parent)
    saved.until(lambda: "orders" not in saved.app.modules)
    assert saved.app.snapshot().ready


# -- what it leaves alone ------------------------------------------------------------------------


def test_what_cells_made_live_outlives_its_folder(saved: Saved) -> None:
    """A saved file replaces the text from cells; deleting the file does not unload it."""
    path = saved.save("orders", get(1))
    saved.until_answer("orders", 1)
    saved.app.load({"api.py": get("cells")}, id="orders")
    shutil.rmtree(path.parent)
    saved.settle()
    assert saved.answers("orders") == "cells"
    saved.save("orders", get("saved"))
    saved.until_answer("orders", "saved")


def test_core_modules_and_modules_from_elsewhere_stay(saved: Saved, tmp_path: Path) -> None:
    """Changes below ``modules/`` do not affect them."""
    elsewhere = tmp_path / "elsewhere/standard/far"
    elsewhere.mkdir(parents=True)
    (elsewhere / "api.py").write_text(get("far"))
    saved.app.load(elsewhere)
    saved.save("orders", get(1))
    saved.until_answer("orders", 1)
    shutil.rmtree(saved.folder / "modules")
    saved.until(lambda: saved.app.modules["orders"].state == "STOPPED")
    assert saved.answers("far") == "far"
    assert saved.app.modules["core.settings"].state == "LIVE"


def test_modules_that_nobody_saved_are_not_loaded(
    started: Callable[..., AppContext], workspace: Path
) -> None:
    """A new folder of a type does not load the modules that were left out at the start."""
    for name in ("x", "y"):
        (workspace / f"modules/standard/{name}").mkdir(parents=True)
        (workspace / f"modules/standard/{name}/api.py").write_text(get(name))
    saved = Saved(started(modules=["x"]), workspace)
    (workspace / "modules/extensions/more").mkdir(parents=True)
    (workspace / "modules/extensions/more/api.py").write_text(get("more"))
    saved.until(lambda: "extensions.more" in saved.app.modules)
    saved.settle()
    assert sorted(one for one in saved.app.modules if not one.startswith("core.")) == [
        "extensions.more",
        "standard.fence",
        "standard.x",
    ]


def test_links_are_followed(saved: Saved, tmp_path: Path) -> None:
    """The link leads to a module's folder elsewhere; without it the module is unloaded."""
    real = tmp_path / "elsewhere/orders"
    real.mkdir(parents=True)
    (real / "api.py").write_text(get(1))
    link = saved.path("x").parent.with_name("orders")
    link.symlink_to(real)
    saved.until_answer("orders", 1)
    (real / "api.py").write_text(get(2))
    saved.until_answer("orders", 2)
    link.unlink()
    saved.until(lambda: saved.app.modules["orders"].state == "STOPPED")
    assert (real / "api.py").read_text() == get(2)
    assert saved.number("orders") == 0


def test_nothing_is_followed_after_stop(saved: Saved) -> None:
    """What was live stays; watching again loads what was saved meanwhile."""
    path = saved.save("orders", get(1))
    saved.until_answer("orders", 1)
    assert repr(saved.watcher) == f"<Watcher {saved.folder}/modules: 1 swap>"
    assert saved.watcher.running
    saved.watcher.stop()
    saved.watcher.stop()
    assert repr(saved.watcher) == "<Watcher stopped, 1 swap>"
    path.write_text(get(2))
    assert saved.answers("orders") == 1
    saved.app.watch()
    saved.until_answer("orders", 2)


def test_the_app_takes_its_watcher_along(
    started: Callable[..., AppContext], workspace: Path
) -> None:
    """No thread is left afterwards."""
    import threading

    app = started(modules=[])
    watcher = app.watch()
    assert app.watch().running
    app.stop()
    assert not watcher.running
    assert not [one for one in threading.enumerate() if one.name == "modframe-watch"]
    watcher.stop()


def test_a_broken_save_is_logged_once(saved: Saved, errors: Callable[[], list[str]]) -> None:
    """It is reported once however often it is saved; another mistake is another line."""
    broken = "1 / 0\n" + get(2)
    saved.save("orders", get(1))
    saved.until_answer("orders", 1)
    for _ in range(3):
        saved.save("orders", broken)
        saved.settle()
    saved.save("orders", broken + "# a note\n")
    saved.settle()
    assert len(errors()) == 1
    assert "ZeroDivisionError" in errors()[0]
    saved.save("orders", "nothing_at_all\n")
    saved.until(lambda: len(errors()) == 2)
    assert [
        line
        for line in saved.said
        if line.startswith("standard.orders 1 stays live · api.py, line 1: ")
    ]


@pytest.mark.soak
def test_saves_leave_no_generation_behind(saved: Saved, caplog: pytest.LogCaptureFixture) -> None:
    """Neither live nor failed generations stay in memory."""
    kinds: weakref.WeakSet[type] = weakref.WeakSet()
    for number in range(1, 6):
        saved.save("orders", get(number))
        saved.until_answer("orders", number)
        generation = inside.generation(saved.app, "orders")
        kinds.add(generation.spec.module_class)
        del generation
        saved.save("orders", "1 / 0\n" + get(number))
        saved.until(lambda: saved.app.modules["orders"].error)
    saved.save("orders", get(0))
    saved.until_answer("orders", 0)

    def gone() -> bool:
        gc.collect()
        return not kinds

    saved.until(gone)


def test_tests_stand_before_a_save(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With MODFRAME_WATCH_TEST a saved text goes live only if the module's own tests pass."""
    monkeypatch.setenv("MODFRAME_WATCH_TEST", "true")
    with modframe.start(workspace=workspace, data=":memory:") as app:
        saved = Saved(app, workspace)
        saved.save(
            "orders",
            "async def test_it(service):\n    assert await service.get() < 9",
            "test_api.py",
        )
        saved.save("orders", get(1))
        saved.until_answer("orders", 1)
        saved.save("orders", get(10))
        error = saved.until(lambda: app.modules["orders"].error)
        assert "test_it" in str(error)
        assert saved.answers("orders") == 1
        saved.save("orders", get(2))
        saved.until_answer("orders", 2)
        assert any("1 test passed" in line for line in saved.said)
