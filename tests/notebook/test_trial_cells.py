"""``%%module --test`` in a real kernel: what a person reads, and that the kernel is undisturbed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.kernels import Kernel, kernel
from tests.trial import user_tests

pytestmark = pytest.mark.kernel

API = """%%module {id} {more}
from fastapi import APIRouter
from modframe.decorators import module

router = APIRouter()


@router.get("/total")
def total():
    return {total}


@module
class Orders:
    async def total(self, plus: int = 0) -> int:
        return {total} + plus
"""
TESTS = """%%module {id} test_api.py {more}
import pytest

from .api import Orders


def check(answer):
    assert answer == 42


@pytest.mark.parametrize("plus", [0])
def test_client(client, plus):
    print("a test speaks")
    check(client.get("/api/v1/{id}/total").json() + plus)


async def test_service(service):
    assert await service.total(1) == 43
"""


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel whose tests have five seconds."""
    workspace = tmp_path_factory.mktemp("workspace")
    with kernel(workspace, MODFRAME_TEST_TIMEOUT="5") as running:
        running.run("%load_ext modframe")
        yield running


def number(shell: Kernel, id: str) -> str:
    return shell.run(f"app.modules[{id!r}].generation").value


def test_green_is_one_line(shell: Kernel) -> None:
    """Tests may come first; a green cell leaves its usual line, with the count."""
    first = shell.run(TESTS.format(id="green", more="--test"))
    assert first.stdout == "standard.green drafted · waits for api.py\n"
    cell = shell.run(API.format(id="green", more="--test", total=42))
    assert re.fullmatch(
        r"a test speaks\nstandard\.green 1 · live in [\d.]+ m?s · 1 route · 2 tests passed\n",
        cell.stdout,
    ), cell.stdout
    again = shell.run(TESTS.format(id="green", more="--test"))
    assert "standard.green 1 → 2 · live in " in again.stdout
    assert "2 tests passed" in again.stdout
    plain = shell.run(API.format(id="green", more="", total=43))
    assert "passed" not in plain.stdout


def test_red_shows_the_line_of_the_test(shell: Kernel) -> None:
    """The traceback is the test's own, in its cell; what is live stays and answers."""
    shell.run(API.format(id="red", more="", total=42))
    shell.run(TESTS.format(id="red", more="--test"))
    cell = shell.run(API.format(id="red", more="--test", total=41), fails=True)
    assert cell.error == "LoadError"
    assert re.search(r"Cell In\[\d+\], line 14, in test_client\(client, plus\)", cell.traceback)
    assert re.search(r"---->? 8 +assert answer == 42", cell.traceback), cell.traceback
    assert "AssertionError: assert 41 == 42" in cell.traceback
    assert re.search(
        r"LoadError: standard\.red: 2 faults\n"
        r"  - test_api\.py, Cell In\[\d+\], line 8: test_client\[0\]: assert 41 == 42\n"
        r"  - test_api\.py, Cell In\[\d+\], line 18: test_service: assert 42 == 43\n"
        r"Mend the module or its tests; nothing live has changed\.\n"
        r"Generation 2 stays live; the draft keeps api\.py as this cell says it\.",
        cell.traceback,
    ), cell.traceback
    for plumbing in ("_pytest", "pluggy", "modframe/", "~"):
        assert plumbing not in cell.traceback
    assert number(shell, "red") == "2"
    assert shell.run("await app.get_service('red').total()").value == "42"
    mended = shell.run(API.format(id="red", more="--test", total=42) + "\n# mended\n")
    assert "2 → 3" in mended.stdout


def test_a_test_that_hangs_ends_in_time(shell: Kernel) -> None:
    """The cell shows where it was; the kernel goes on."""
    shell.run(API.format(id="slow", more="", total=42))
    cell = shell.run(
        "%%module slow test_api.py --test\ndef test_slow():\n    while True:\n        pass\n",
        fails=True,
    )
    assert "test_slow: is not done after the 5 s that all tests have" in cell.traceback
    assert number(shell, "slow") == "1"


def test_ctrl_c_ends_a_run(shell: Kernel) -> None:
    """An interrupt while tests run leaves what is live, and the kernel as it was."""
    shell.run(API.format(id="cut", more="", total=42))
    running = shell.send(
        "%%module cut test_api.py --test\nimport asyncio, os, pathlib\n\nasync def test_slow():\n"
        "    pathlib.Path('running').touch()\n    await asyncio.sleep(3600)\n"
    )
    watcher = "import pathlib, time\nwhile not pathlib.Path('running').exists(): time.sleep(0.01)"
    import subprocess
    import sys

    folder = shell.manager.provisioner.process  # the kernel's own folder is its working directory
    cwd = f"/proc/{folder.pid}/cwd"
    subprocess.run([sys.executable, "-c", watcher], cwd=cwd, check=True, timeout=60)
    cell = shell.interrupt(running)
    assert cell.error in ("KeyboardInterrupt", "InterruptedLoadError"), cell.text
    assert number(shell, "cut") == "1"
    assert shell.run("await app.get_service('cut').total()").value == "42"


def test_the_kernel_is_undisturbed(shell: Kernel) -> None:
    """Streams, descriptors, signals, filters and modules are what they were; output still comes."""
    look = """
import faulthandler, os, signal, sys, threading, warnings
def look():
    return (id(sys.stdout), id(sys.stderr), [os.fstat(n).st_ino for n in (0, 1, 2)],
            faulthandler.is_enabled(), id(warnings.filters), list(warnings.filters), sys.path[:],
            [getattr(signal.getsignal(s), "__qualname__", "") for s in (signal.SIGINT, signal.SIGTERM)],
            [m for m in sys.modules if "test_api" in m], len(sys.meta_path), os.getcwd(),
            sorted(os.environ), [t.name for t in threading.enumerate() if "test" in t.name])
"""
    shell.run(look)
    shell.run(API.format(id="calm", more="", total=42))
    shell.run("before = look()")
    shell.run(TESTS.format(id="calm", more="--test"))
    shell.run(TESTS.format(id="calm", more="--test").replace("== 43", "== 44"), fails=True)
    assert shell.run("[(a, b) for a, b in zip(before, look()) if a != b]").value == "[]"
    cell = shell.run("import os\nprint('still here')\nos.write(1, b'')")
    assert cell.stdout == "still here\n"


def test_a_users_tests_from_cells_and_by_pytest_in_a_cell(shell: Kernel) -> None:
    """Cells with ``--test`` give what a terminal gives; pytest in a cell takes the running app."""
    cells = {"tests/test_orders.py": user_tests.TESTS, "tests/test_whole.py": user_tests.WHOLE}
    for file, text in cells.items():
        shell.run(f"%%module orders {file} --test\n{text}")
    cell = shell.run(f"%%module orders --test\n{user_tests.API}")
    assert f"{user_tests.PASS} tests passed, {user_tests.WHOLE_PASS} skipped" in cell.stdout
    run = shell.run(
        "import pathlib, pytest\n"
        "path = pathlib.Path('test_here.py')\n"
        "path.write_text('async def test_it(modframe_app, module_client):\\n'\n"
        '    \'    assert (await module_client("orders").get("/total")).status_code == 200\\n\')\n'
        "code = pytest.main(['-q', '-p', 'no:cacheprovider', str(path)])\n"
        "(int(code), app.modules['orders'].state)"
    )
    assert run.value == "(0, 'LIVE')", run.text
