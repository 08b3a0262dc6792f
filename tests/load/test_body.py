"""Exceptions of module code while its files are executed: a finding at its line, with a cure."""

from __future__ import annotations

import gc
import sys
import threading

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import LoadError
from tests.fakes import simple

from .support import fault, loaded

BODIES = {
    "1 / 0": (2, "ZeroDivisionError: division by zero", "correct it"),
    "import sys\nsys.exit(3)": (3, "SystemExit: 3", "can't end the process"),
    "def f(): return f()\nf()": (2, "RecursionError: maximum recursion depth", "correct it"),
    "class B(BaseException): ...\nraise B('x')": (3, "B: x", "correct it"),
    "import asyncio\nasync def work(): ...\nwaiting = work()\nasyncio.create_task(waiting)": (
        5,
        "create_task() needs an event loop, and a module's body has none",
        "start tasks in initialize()",
    ),
    "import not_there.deep": (2, "No module named 'not_there'", "pip install not_there"),
    "import yaml_not_there as yaml": (2, "No module named 'yaml_not_there'", "pip install"),
    "from json import lods": (2, "cannot import name 'lods' from 'json'", "did you mean 'loads'"),
    "from core.nothing import x": (
        2,
        "No module named 'core.nothing'; inside",
        "import one of those",
    ),
    "from core import nothing": (
        2,
        "cannot import name 'nothing' from 'core'",
        "import one of app_context,",
    ),
    "import importlib\nimportlib.import_module('core.logging')": (
        3,
        "No module named 'core",
        "use an import statement",
    ),
    "from modules.standard.nowhere import x": (
        2,
        "No module named 'modules.standard.nowhere'",
        "write modules/standard/nowhere/api.py",
    ),
    "from core.database import get_database_base\nget_database_base('a b')": (
        3,
        "'a b'",
        "",
    ),
}


@pytest.mark.filterwarnings("ignore:coroutine 'work' was never awaited")
@pytest.mark.parametrize(("head", "expected"), BODIES.items(), ids=range(len(BODIES)))
def test_what_a_body_raises(head: str, expected: tuple[int, str, str]) -> None:
    """The finding names the line in the module, not the one deep inside a library."""
    line, message, cure = expected
    finding = fault({"api.py": simple(head=head)})
    assert (finding.file, finding.line) == ("api.py", line)
    assert message in finding.message
    assert cure in finding.cure
    assert "~" not in str(finding)
    gc.collect()  # the coroutine that nobody awaits goes here, where its warning is expected


def test_an_exception_that_cannot_be_shown() -> None:
    """An exception whose text can't be made is reported with that second exception."""
    head = "class B(Exception):\n    def __str__(self): raise ValueError\nraise B"
    assert "B (its __str__ raises ValueError)" in fault({"api.py": simple(head=head)}).message


def test_files_that_import_each_other() -> None:
    """The cure for a circle of files works."""
    texts = {
        "api.py": simple(head="from .b import B\nA = 1"),
        "b.py": "from .api import A\nB = 1",
    }
    finding = fault(texts)
    assert (finding.file, finding.line) == ("b.py", 1)
    assert "import inside the function that needs it" in finding.cure


def test_a_name_that_another_file_lacks() -> None:
    """The nearest name is offered, and internal names don't show."""
    texts = {"api.py": simple(head="from .rows import Rows"), "rows.py": "class Row: ..."}
    finding = fault(texts)
    assert (
        finding.message
        == "ImportError: cannot import name 'Rows' from 'modules.standard.thing.rows'"
    )
    assert finding.cure == "did you mean 'Row'?"


def test_nothing_of_a_failed_load_stays() -> None:
    """No file of a failed load can be imported."""
    before = set(sys.modules)
    fault({"api.py": simple(head="from .b import x\n1 / 0"), "b.py": "x = 1"})
    assert not {name for name in set(sys.modules) - before if "~" in name}


def test_a_persons_interrupt_is_not_the_modules_fault() -> None:
    """Ctrl-C on the main thread is passed on."""
    with pytest.raises(KeyboardInterrupt), loaded({"api.py": "raise KeyboardInterrupt"}):
        pass


def test_an_interrupt_that_a_body_raises_is(app: AppContext) -> None:
    """A KeyboardInterrupt on the loader thread is an error of the module."""
    with pytest.raises(LoadError, match="KeyboardInterrupt"):
        app.load({"api.py": simple(head="raise KeyboardInterrupt")}, id="thing")


def test_a_body_that_hangs(workspace: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the line, the next load is not affected, and the body ends once it can."""
    monkeypatch.setenv("MODFRAME_LOAD_TIMEOUT", "0.3")
    gate, done = threading.Event(), threading.Event()
    monkeypatch.setattr(sys, "gate_of_this_test", (gate, done), raising=False)
    wait = "try:\n    gate.wait()\n    from . import rows\nfinally:\n    done.set()"
    head = f"import sys\ngate, done = sys.gate_of_this_test\n{wait}"
    with modframe.start(workspace=str(workspace), data=":memory:", modules=[]) as app:
        with pytest.raises(LoadError, match=r"took longer than 0\.3 s") as caught:
            app.load({"api.py": simple(head=head), "rows.py": ""}, id="thing")
        assert (caught.value.file, caught.value.line) == ("api.py", 5)
        text = simple("def whose(self): return ROWS", head="from .rows import ROWS")
        app.load({"api.py": text, "rows.py": "ROWS = 'mine'"}, id="thing")
        gate.set()
        assert done.wait(10)
        assert app.get_service("thing").whose().result(5) == "mine"
        assert app.modules["thing"].generation == 1
