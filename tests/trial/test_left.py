"""A run leaves nothing behind, neither in the process nor of the generation."""

from __future__ import annotations

import contextlib
import gc
import linecache
import logging
import os
import pkgutil
import sys
import tempfile
import threading
import warnings
import weakref
from pathlib import Path
from typing import Any

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError
from tests import inside
from tests.fakes import ORDERS

from .orders import HOLD, HOLDS, red, runs, tried


def surroundings(*, at_rest: bool = True) -> dict[str, Any]:
    """Return what a run may not change in its process."""
    for thread in runs() if at_rest else ():
        thread.join(30)  # it has said that it is done, and is about to end
    return {
        "path": list(sys.path),
        "meta": list(map(id, sys.meta_path)),
        "modules": sorted(one for one in sys.modules if "~" in one),
        "filters": (id(warnings.filters), list(warnings.filters), warnings.showwarning),
        "handlers": list(logging.getLogger().handlers),
        "environment": {k: v for k, v in os.environ.items() if k.startswith("PYTEST_")},
        "cwd": os.getcwd(),
        "hooks": (sys.excepthook, sys.unraisablehook, threading.excepthook, sys.displayhook),
        "streams": (sys.stdout, sys.stderr, sys.stdin, pkgutil.resolve_name),
        "left": sorted(Path(tempfile.gettempdir()).glob("modframe-test-*")),
        "last": getattr(sys, "last_value", None),
        "threads": runs(),
    }


def test_the_process_is_as_it_was(app: AppContext) -> None:
    """Neither green nor red tests change paths, modules, filters, handlers, hooks or files."""
    app.load({"api.py": ORDERS}, id="orders")
    before = surroundings()
    texts = {
        "api.py": ORDERS,
        "tests/test_it.py": "import os, sys\ndef test_it(tmp_path):\n    os.chdir(tmp_path)\n    sys.path.append('/x')\n    assert 0",
    }
    with contextlib.suppress(LoadError):
        app.load(texts, id="orders", test=True)
    assert surroundings() == before
    texts["tests/test_it.py"] = texts["tests/test_it.py"].replace("assert 0", "assert 1")
    app.load(texts, id="orders", test=True)
    inside.settle(app)
    after = surroundings()
    before["modules"] = [one.replace("orders~1", "orders~2") for one in before["modules"]]
    assert after == before
    assert not list(Path.cwd().rglob("*pytest*"))
    assert not list(Path.cwd().rglob("__pycache__"))


def test_a_left_behind_run_leaves_the_process_as_it_was(impatient: AppContext) -> None:
    """That holds even if a test could not be ended."""
    before = surroundings()
    tests = f"import sys\ndef test_slow(caplog):\n    sys.modules[{HOLDS!r}].HOLD.wait(60)\n"
    red(impatient, tests)
    meanwhile = surroundings(at_rest=False)
    assert len(meanwhile["threads"]) == 1
    assert {**meanwhile, "threads": [], "left": before["left"]} == before
    HOLD.set()
    assert surroundings() == before


def test_the_files_of_a_user_say_nothing(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pytest.ini, conftest.py or PYTEST_ADDOPTS outside of the module has no effect."""
    Path("pytest.ini").write_text("[pytest]\naddopts = --nonsense\n")
    Path("conftest.py").write_text("raise RuntimeError('outside')\n")
    Path("modules/standard/orders").mkdir(parents=True)
    Path("modules/conftest.py").write_text("raise RuntimeError('outside')\n")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--more-nonsense")
    assert tried(app, "def test_it(): pass").state == "LIVE"


def test_a_folder_module_is_tried(app: AppContext) -> None:
    """Tests in a module's folder run, and find data files beside them."""
    folder = Path("modules/standard/orders")
    (folder / "tests").mkdir(parents=True)
    (folder / "api.py").write_text(ORDERS)
    (folder / "tests/data.txt").write_text("40")
    (folder / "tests/test_orders.py").write_text(
        "from pathlib import Path\n\ndef test_it(service):\n"
        "    assert service.total().result() == int((Path(__file__).parent / 'data.txt').read_text())\n"
    )
    assert app.load("orders", test=True).state == "LIVE"
    (folder / "tests/data.txt").write_text("41")
    with pytest.raises(LoadError, match=r"tests/test_orders.py, line 4: test_it: assert 40 == 41"):
        app.load("orders", test=True)
    assert not list(folder.rglob("__pycache__"))


def test_tasks_of_tests_end_with_them(app: AppContext) -> None:
    """Tasks that tests start end with the tests."""
    tried(
        app,
        """
        import asyncio

        async def test_it(service):
            task = asyncio.create_task(asyncio.sleep(3600))
            asyncio.create_task(forever(), name="forgotten")

        async def forever():
            await asyncio.sleep(3600)
        """,
    )
    generation: Any = inside.generation(app, "orders")
    assert "forgotten" not in app.snapshot().to_json()
    assert [file for file in generation.package.modules() if "test" in file] == []


@pytest.mark.parametrize("green", [True, False])
def test_nothing_of_a_generation_that_was_tried_stays(
    app: AppContext, caplog: pytest.LogCaptureFixture, green: bool
) -> None:
    """A tested generation can be collected once it is replaced or refused."""
    kept: list[weakref.ref[Any]] = []
    lines = set(linecache.cache)
    caplog.set_level(100, "modframe.modules")  # this pytest would keep the failure's record
    sys.modules[__name__].__dict__["KEPT"] = kept
    tests = f"""
        import sys, weakref
        import pytest
        from .api import Orders

        @pytest.fixture
        async def thing(service, client):
            yield Orders()

        def test_it(thing, client, monkeypatch, caplog, tmp_path):
            sys.modules[{__name__!r}].KEPT += [weakref.ref(Orders), weakref.ref(thing), weakref.ref(test_it)]
            client.get("/api/v1/orders/total")
            assert {green}

        async def test_other(thing, client):
            await client.get("/api/v1/orders/total")
    """
    if green:
        tried(app, tests)
    else:
        red(app, tests)
    app.load({"api.py": ORDERS + "\n"}, id="orders")
    inside.settle(app)
    gc.collect()
    gc.collect()
    assert len(kept) == 3
    assert [one() for one in kept if one() is not None] == []
    if green:
        assert not {one for one in linecache.cache if "standard.orders test" in one} - lines
