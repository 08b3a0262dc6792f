"""Checks of a text before it runs: no false alarm, and the exact place of a fault."""

from __future__ import annotations

import ast
import contextlib
import re
import sys
import threading
from pathlib import Path

import pytest

from modframe.load import check, missing_files
from modframe.load.text import Fault, analyze
from modframe.source import Source, SourceFile
from tests.fakes import simple

from .support import fault, findings

FINE = {
    "a name that may be missing": "try:\n    unicode\nexcept NameError:\n    unicode = str",
    "del and again": "x = 1\ndel x\nx = 2\ny = x",
    "del in a branch": "import sys\nx = 1\nif sys.argv == 5:\n    del x\ny = x",
    "star import": "from math import *\ny = sqrt(4)",
    "star import of an own file": "from .extra import *\ny = VALUE",
    "an optional package": "try:\n    import ujson\nexcept ImportError:\n    ujson = None",
    "an optional file": "try:\n    from .absent import x\nexcept ImportError:\n    x = None",
    "a file for type checkers": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .absent import x"
    ),
    "injected names": "y = __name__, __file__, __spec__, __package__, __builtins__, __doc__",
    "class scope": "class A:\n    b = 1\n    c = b\n    d = [i for i in range(b)]",
    "a global of a function": "def f():\n    global g\n    g = 1\nf()\nh = g",
    "a loop variable": "for i in range(3):\n    pass\nprint(i)",
    "a walrus": "if (n := 3) > 2:\n    print(n)",
    "a match": "match [1, 2]:\n    case [a, *b]:\n        print(a, b)",
    "a name defined later": "def f():\n    return LATER\nLATER = 1",
    "a nested function": "def f():\n    x = 1\n    def g():\n        return x\n    return g",
    "a lambda's default": "fs = [lambda i=i: i for i in range(3)]",
    "a type by name": "from __future__ import annotations\ndef f(a: A) -> A: ...\nclass A: ...",
    "string annotations": "def f(a: 'A') -> 'list[A]': ...\nclass A: ...",
    "a literal type": "from typing import Literal\ndef f(a: Literal['some', 'words']): ...",
}


@pytest.mark.parametrize("head", FINE.values(), ids=FINE)
def test_no_false_alarm(head: str) -> None:
    """Code that Python runs has no finding."""
    future = "from __future__ import annotations\n"
    text = future + simple(head=head.removeprefix(future)) if future in head else simple(head=head)
    assert findings({"api.py": text, "extra.py": "VALUE = 1"}) == []


UNDEFINED = {
    "def f():\n    return WHERE": ("WHERE", 3),
    "x = 1\ndel x\ny = x": ("x", 4),
    "try:\n    1 / 1\nexcept OSError as e:\n    pass\nprint(e)": ("e", 6),
    "def f():\n    inner = 1\ndef g():\n    return inner": ("inner", 5),
    "class A:\n    b = 1\n    def c(self):\n        return b": ("b", 5),
    "def f(a: Missing): ...": ("Missing", 2),
}


@pytest.mark.parametrize(("head", "expected"), UNDEFINED.items())
def test_an_undefined_name_is_an_error_at_its_line(head: str, expected: tuple[str, int]) -> None:
    """An undefined name is reported before anything runs."""
    name, line = expected
    finding = fault({"api.py": simple(head=head)})
    assert (finding.rule, finding.line) == ("undefined-name", line)
    assert finding.message == f"name {name!r} is not defined"


def test_postponed_annotations_are_looked_at_too() -> None:
    """Names in postponed annotations are checked, because pydantic and FastAPI resolve them."""
    text = "from __future__ import annotations\n" + simple(head="def f(a: Missing): ...")
    assert fault({"api.py": text}).message == "name 'Missing' is not defined"


@pytest.mark.parametrize(
    "head",
    [
        "globals()['MADE'] = 1\ny = MADE",
        "exec('MADE = 1')\ny = MADE",
        "def f(a: 'MADE'): ...",
    ],
)
def test_what_may_yet_be_defined_is_a_warning(head: str) -> None:
    """Names in strings, and in files that define names at run time, are only warnings."""
    (finding,) = findings({"api.py": simple(head=head)})
    assert (finding.rule, finding.level) == ("undefined-name", "warning")


@pytest.mark.parametrize(
    ("head", "cure"),
    [
        ("def f(): return select(1)", "from sqlalchemy import select"),
        ("def f(): return app_context.path", "from core.app_context import app_context"),
        ("def f(): logging.debug('x')", "import logging"),
        ("AMOUNT = 1\ndef f(): return AMOUMT", "did you mean 'AMOUNT'"),
    ],
)
def test_an_undefined_name_has_its_cure(head: str, cure: str) -> None:
    """The cure is the missing import, or the name that was meant."""
    assert cure in fault({"api.py": simple(head=head)}).cure


def test_a_name_of_the_notebook_says_so() -> None:
    """The finding says that module code doesn't see the notebook's names."""
    source = Source.from_texts("standard.thing", {"api.py": simple(head="y = frame")})
    (finding,) = check(source, {"frame"})
    assert "'frame' exists only in the notebook" in finding.message


SYNTAX = {
    "x = = 1": (2, "invalid syntax: x = = 1", "correct the line"),
    "x = '''abc": (2, "unterminated triple-quoted", "correct the line"),
    "return 3": (2, "'return' outside function", "correct the line"),
    "\nawait other()": (3, "'await' outside function", r"do it in initialize\(\)"),
    "%matplotlib inline": (2, "invalid syntax", "take the magic or shell line out"),
    "!pip install x": (2, "invalid syntax", "take the magic or shell line out"),
    "from __future__ import annotations": (2, "__future__", "make it the first statement"),
    "x = 1\0": (2, "a NUL character", "is this a text file"),
    "x = '\udce4'": (2, "byte 0xe4 is not UTF-8 text", "save the file as UTF-8"),
    "half = '\ud800'": (2, "half a character is not UTF-8 text", "save the file as UTF-8"),
    "if 1:\n\tx = 1\n        y = 2": (4, "inconsistent use of tabs", "correct the line"),
    "x = " + "(" * 300 + "1" + ")" * 300: (2, "too many nested parentheses", "correct the line"),
    "x = " + "-" * 100_000 + "1": (0, "nested too deeply", "split the longest expression"),
}


@pytest.mark.parametrize(("text", "expected"), SYNTAX.items(), ids=range(len(SYNTAX)))
def test_what_is_no_python(text: str, expected: tuple[int, str, str]) -> None:
    """A syntax error has its line, its reason, a cure and the shortened text."""
    line, message, cure = expected
    finding = fault({"api.py": f"y = 0\n{text}"})
    assert (finding.rule, finding.line) == ("syntax-error", line)
    assert re.search(message, finding.message)
    assert re.search(cure, finding.cure)
    assert len(finding.message) < 200


def test_faults_of_all_files_come_at_once() -> None:
    """The faults of all files are reported at once, each with its file."""
    errors = findings({"api.py": "x = = 1", "services.py": "y = = 1"})
    assert [(error.file, error.line) for error in errors] == [("api.py", 1), ("services.py", 1)]


def test_a_file_that_is_not_there() -> None:
    """A missing file is reported at its import, with the file that may have been meant."""
    text = simple(head="from .servces import x")
    finding = fault({"api.py": text, "services.py": "x = 1"})
    assert (finding.rule, finding.line) == ("missing-file", 2)
    assert str(finding).endswith("Write servces.py, or import from services.py.")


def test_no_api() -> None:
    """An ``api`` without its suffix is recognized."""
    finding = fault({"api": simple()})
    assert (finding.rule, finding.message) == ("missing-file", "the module has no api.py")
    assert "rename 'api'" in finding.cure


def test_two_files_of_one_name() -> None:
    """Two files of one module name are an error, since only one could be imported."""
    finding = fault({"api.py": simple(), "a.py": "", "a/__init__.py": ""})
    assert finding.message == "a/__init__.py and a.py would be the same module"


def test_what_a_draft_waits_for() -> None:
    """A draft waits for imported files that nobody wrote yet, unless the import is optional."""
    texts = {
        "services.py": (
            "from .rows import Row\nfrom . import tools\nfrom .deep.one import x\n"
            "try:\n    from .fast import y\nexcept ImportError:\n    y = 1\n"
        )
    }
    source = Source.from_texts("standard.thing", texts)
    assert missing_files(source) == ["api.py", "rows.py", "tools.py", "deep/one.py"]


def test_scripts_are_not_looked_at_and_tests_only_read() -> None:
    """Scripts aren't checked, and a test with a syntax error doesn't stop the load."""
    others = {"tests/helper.py": "= 1", "conftest.py": "= 1", "try-me.py": "= 1"}
    assert findings({"api.py": simple(), **others, "test_it.py": "import nowhere\nx = y\n"}) == []
    (finding,) = findings({"api.py": simple(), "tests/test_it.py": "x = = 1"})
    assert (finding.rule, finding.level, finding.file) == (
        "syntax-error",
        "warning",
        "tests/test_it.py",
    )


def test_a_long_file() -> None:
    """A file of ten thousand lines is checked quickly."""
    head = "\n".join(f"def f{n}(a):\n    b = a + {n}\n    return b" for n in range(3333))
    assert findings({"api.py": simple(head=head)}) == []


def test_a_text_is_understood_once() -> None:
    """The same text is parsed once, so that a swap of one file parses one file."""
    file = SourceFile("x = 1", "<a file>")
    assert analyze(file) is analyze_again("x = 1")
    assert isinstance(analyze(SourceFile("x =", "<a file>")), Fault)


def analyze_again(text: str) -> object:
    """Return the analysis of an equal copy."""
    return analyze(SourceFile(text, "<a file>"))


class Finalized:
    """Garbage whose finalizer runs Python code, so that the collector lets other threads run."""

    def __init__(self) -> None:
        self.circle = self

    def __del__(self) -> None:
        for _ in range(50):
            pass


def test_texts_that_others_parse_beside() -> None:
    """A kernel that parses at the same moment causes no false syntax error (gh-106905)."""
    text = Path(re.__file__).read_text().rpartition("\n\n")[0]
    over = threading.Event()

    def beside() -> None:
        while not over.is_set():
            _ = [Finalized() for _ in range(5)]
            with contextlib.suppress(SystemError):
                ast.parse(text)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    thread = threading.Thread(target=beside)
    thread.start()
    try:
        for number in range(50):
            _ = [Finalized() for _ in range(5)]
            assert not isinstance(analyze(SourceFile(f"{text}\n# {number}", "re.py")), Fault)
    finally:
        over.set()
        thread.join()
        sys.setswitchinterval(interval)
