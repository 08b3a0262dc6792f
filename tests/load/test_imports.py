"""Where imports lead, inside loaded modules and outside them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError
from tests.fakes import simple
from tests.load.support import Context, loaded

ROOT = Path(__file__).parents[2]


def python(code: str, *, cwd: Path) -> str:
    """Return the output of a fresh process."""
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def inside(head: str, expression: str, *, context: object = None) -> object:
    """Return the value of an expression inside a module."""
    text = simple(f"def look(self):\n    return {expression}", head=head)
    with loaded({"api.py": text}, context=context) as found:
        return found.spec.module_class().look()  # type: ignore[attr-defined]  # the text above


# -- app_context ---------------------------------------------------------------------------------

OWN = [
    ("from core.app_context import app_context", "app_context"),
    ("from core import app_context", "app_context"),
    ("from modframe import app_context", "app_context"),
    ("from modframe.app_context import app_context", "app_context"),
    ("from modframe import Result, app_context, __version__", "app_context"),
    ("from modframe import *", "app_context"),
    ("import core", "core.app_context"),
    ("import core.app_context", "core.app_context.app_context"),
    ("import core.app_context as there", "there.app_context"),
    ("", "__import__('core').app_context"),
]


@pytest.mark.parametrize(("head", "expression"), OWN)
def test_a_module_gets_its_own_context(head: str, expression: str) -> None:
    """Every form of import gives the generation's own context."""
    context = Context()
    assert inside(head, expression, context=context) is context


def test_the_door_is_as_good_as_the_context() -> None:
    """`core.app_context` has the attributes of the context."""
    assert inside("import core.app_context as there", "there.answer") == 42


@pytest.mark.parametrize("head", ["import modframe", "import modframe.app_context"])
def test_the_attribute_of_the_package_stays_the_peoples(head: str) -> None:
    """`modframe.app_context` stays the proxy; `from modframe import` gives the own context."""
    kind = inside(head, "type(modframe.app_context).__name__")
    assert kind == "AppContextProxy"


FORMS = [
    "from modframe import app_context as {}",
    "from modframe.app_context import app_context as {}",
    "import modframe.app_context as {}",
]


@pytest.mark.parametrize("first", FORMS)
@pytest.mark.parametrize("second", FORMS)
def test_outside_all_forms_give_one_object(first: str, second: str, tmp_path: Path) -> None:
    """Outside modules every form of import, in any order, gives the same object."""
    names = ["a", "b", "c", "d"]
    lines = [form.format(name) for form, name in zip([first, second] * 2, names, strict=True)]
    code = "\n".join([*lines, "print(a is b is c is d)"])
    assert python(code, cwd=tmp_path).strip() == "True"


# -- core ----------------------------------------------------------------------------------------


def test_nothing_outside_sees_core() -> None:
    """Outside modules `core` can't be imported and isn't in `sys.modules`."""
    inside("import core, core.logging\nfrom core.decorators import *", "1")
    assert not [name for name in sys.modules if name.partition(".")[0] == "core"]
    with pytest.raises(ModuleNotFoundError):
        __import__("core")


@pytest.fixture
def real_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make a package of the user's own that is called ``core``."""
    package = tmp_path / "core"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").write_text("from . import logging\nVALUE = 'real'\n")
    (package / "thing.py").write_text("NAME = 'thing'\n")
    (package / "logging.py").write_text("NAME = 'their logging'\n")
    (package / "deep/__init__.py").write_text("")
    (package / "deep/er.py").write_text("NAME = 'deeper'\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "core"]:
        del sys.modules[name]


@pytest.mark.usefixtures("real_core")
@pytest.mark.parametrize(
    ("head", "expression", "expected"),
    [
        ("import core.thing", "core.thing.NAME, core.VALUE", ("thing", "real")),
        ("from core import thing, VALUE", "thing.NAME, VALUE", ("thing", "real")),
        ("from core.thing import NAME", "NAME", "thing"),
        ("import core", "core.VALUE", "real"),
        ("import core.deep.er as deeper", "deeper.NAME", "deeper"),
        ("import core.deep.er", "core.deep.er.NAME", "deeper"),
        ("from core import *", "VALUE", "real"),
        ("import core.thing, core.logging", "core.logging.__name__", "modframe.logging"),
        (
            "from core.logging import get_framework_logger as g",
            "g.__name__",
            "get_framework_logger",
        ),
    ],
)
def test_a_real_core_is_neither_hidden_nor_in_the_way(
    head: str, expression: str, expected: object
) -> None:
    """In `core`, names that modframe has are modframe's, and all others are the user's."""
    assert inside(head, expression) == expected
    assert __import__("core.logging").logging.NAME == "their logging"


# -- print and __import__ ------------------------------------------------------------------------


def test_the_overrides_do_not_leak() -> None:
    """Builtins and other modules keep their own `print` and `__import__`."""
    import builtins
    import json

    builtin_names = inside(
        "import builtins", "(print, __import__, builtins.print, builtins.__import__)"
    )
    assert builtin_names[2:] == (builtins.print, builtins.__import__)  # type: ignore[index]  # a tuple
    assert builtin_names[1] is not builtins.__import__  # type: ignore[index]  # a tuple
    assert json.__builtins__["__import__"] is builtins.__import__  # type: ignore[attr-defined]


# -- between modules -----------------------------------------------------------------------------


@pytest.fixture
def stock(workspace: Path, app: AppContext, monkeypatch: pytest.MonkeyPatch) -> AppContext:
    """Write a module that others import from, with plain packages beside it."""
    folder = workspace / "modules/standard/stock"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(simple(head="from .rows import Row"))
    (folder / "rows.py").write_text("class Row:\n    name = 'row'\n")
    (workspace / "modules/helpers.py").write_text("HELP = 'help'\n")
    (workspace / "modules/standard/plain.py").write_text("PLAIN = 'plain'\n")
    monkeypatch.syspath_prepend(workspace)
    for name in [name for name in sys.modules if name.partition(".")[0] == "modules"]:
        monkeypatch.delitem(sys.modules, name)
    return app


@pytest.mark.parametrize(
    ("head", "expression"),
    [
        ("from modules.standard.stock.rows import Row", "Row.name"),
        ("import modules.standard.stock.rows as rows", "rows.Row.name"),
        ("import modules.standard.stock.rows", "modules.standard.stock.rows.Row.name"),
        ("from modules.standard.stock import rows", "rows.Row.name"),
        ("from modules.standard import stock\nstock.api", "stock.rows.Row.name"),
        ("from ..stock.rows import Row", "Row.name"),
        (
            "import modules, modules.standard.stock.rows, modules.helpers",
            "modules.standard.stock.rows.Row.name if modules.helpers.HELP else ''",
        ),
    ],
)
def test_imports_between_modules(stock: AppContext, head: str, expression: str) -> None:
    """Every form of import loads the other module and is recorded."""
    stock.load({"api.py": simple(f"def look(self): return {expression}", head=head)}, id="user")
    assert stock.get_service("user").look().result(5) == "row"
    spec = stock.modules["user"].spec
    assert spec is not None
    assert spec.imports_modules == ("standard.stock",)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("from modules.helpers import HELP as found", "help"),
        ("from modules import helpers\nfound = helpers.HELP", "help"),
        ("from modules.standard.plain import PLAIN as found", "plain"),
        ("from modules.standard import plain\nfound = plain.PLAIN", "plain"),
    ],
)
def test_other_packages_are_left_alone(stock: AppContext, head: str, expected: str) -> None:
    """A package below ``modules/`` that is no module is imported as usual."""
    stock.load({"api.py": simple("def look(self): return found", head=head)}, id="user")
    assert stock.get_service("user").look().result(5) == expected
    spec = stock.modules["user"].spec
    assert spec is not None
    assert spec.imports_modules == ()


def test_modules_that_import_each_other(app: AppContext) -> None:
    """A circle of imports is an error that shows the path."""
    a = simple(head="from modules.standard.b.api import Thing as Other")
    b = simple(head="from modules.standard.a.api import Thing as Other")
    path = r"in a circle: standard\.a → standard\.b → standard\.a\. Let one import inside"
    with pytest.raises(LoadError, match=path):
        app.load([("a", {"api.py": a}), ("b", {"api.py": b})])


def test_an_import_from_a_module_that_fails(stock: AppContext, workspace: Path) -> None:
    """The error is that of the imported module."""
    (workspace / "modules/standard/stock/rows.py").write_text("1 / 0\n")
    text = simple(head="from modules.standard.stock.rows import Row")
    with pytest.raises(LoadError, match=r"standard\.stock: rows\.py, line 1: ZeroDivisionError"):
        stock.load({"api.py": text}, id="user")


# -- plain names ---------------------------------------------------------------------------------


def test_a_file_called_modules_is_named(tmp_path: Path) -> None:
    """A file ``modules.py`` stays importable, and an error names it as the one in the way."""
    (tmp_path / "modules.py").write_text("X = 5\n")
    code = (
        "import sys; sys.path.insert(0, '')\n"
        "import modframe, modules\nprint(modules.X)\n"
        "try:\n    import modules.standard.orders\n"
        "except ModuleNotFoundError as error:\n    print(error)\n"
    )
    seen = python(code, cwd=tmp_path)
    assert seen.startswith("5\nNo module named 'modules.standard': ")
    assert "modules.py is called 'modules' as well and comes first; rename that file" in seen


def test_a_pickle_finds_the_workspaces_files(tmp_path: Path) -> None:
    """In a process without an app, the name of an old generation leads to the workspace's files."""
    folder = tmp_path / "modules/standard/stock"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(simple(head="from .rows import Row"))
    (folder / "rows.py").write_text("class Row:\n    name = 'row'\n")
    pickled = b"cmodules.standard.stock~7.rows\nRow\n."
    code = f"import modframe, pickle\nprint(pickle.loads({pickled!r}).name)"
    assert python(code, cwd=tmp_path).strip() == "row"


def test_the_proxy_can_be_looked_over(tmp_path: Path) -> None:
    """A name that no app has is an AttributeError of the proxy, whether an app runs or not."""
    code = (
        "from modframe import app_context\n"
        "print(hasattr(app_context, 'setup_module'), 'modules' in dir(app_context))\n"
    )
    assert python(code, cwd=tmp_path).split() == ["False", "True"]
