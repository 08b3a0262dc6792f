"""``@enforce_data_integrity(anti_mock=True)``: no test double goes live with a module."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from unittest import mock

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import DataIntegrityViolation, LoadError, MockDataViolation
from modframe.source import SourceFile
from tests.load.shapes import GUIDE, changed, line_of

CLASS = "class Scales:\n"
STRICT = "strict_mode=True, anti_mock=True"


def service(*lines: str, head: str = "", before: str = "") -> str:
    """A module whose service's ``__init__`` has these lines; ``before`` stands above its class."""
    body = "".join(f"        {line}\n" for line in lines or ("pass",))
    text = changed(CLASS, f"{before}\n\n{CLASS}    def __init__(self):\n{body}\n")
    return f"from unittest import mock\n{head}\n{text}"


def refused(app: AppContext, text: str, **files: str) -> MockDataViolation:
    """Load a text that has doubles and return the refusal."""
    with pytest.raises(MockDataViolation) as caught:
        app.load({"api.py": text, **files}, id="thing")
    return caught.value


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (service("self.client = mock.MagicMock()"), "service.client is a MagicMock"),
        (service("self.client = mock.Mock()"), "service.client is a Mock"),
        (service("self.client = mock.AsyncMock()"), "service.client is an AsyncMock"),
        (service("self.client = mock.NonCallableMock()"), "service.client is a NonCallableMock"),
        (service("self.pool = mock.MagicMock(spec=dict)"), "service.pool is a MagicMock"),
        (service("self.client = mock.create_autospec(dict)"), "service.client is a MagicMock"),
        (service("self.get = mock.create_autospec(len)"), "service.get is a"),
        (
            service("self.get = mock.create_autospec(get)", before="def get(): ..."),
            "service.get is an autospec of a function",
        ),
        (service("self.mark = mock.sentinel.mark"), "service.mark is a SentinelObject"),
        (service("self.make = mock.MagicMock"), "service.make is the class MagicMock"),
        (service("self.open = mock.patch('os.getcwd')"), "service.open is a patch"),
        (service("self.by = {'eu': [mock.Mock()]}"), "service.by['eu'][0] is a Mock"),
        (service("self.all = {mock.Mock()}"), "service.all[...] is a Mock"),
        (service("self.by = {mock.Mock(): 1}"), "a key of service.by is a Mock"),
        (
            service("self.by = defaultdict(mock.Mock)", head="from collections import defaultdict"),
            "service.by.default_factory is the class Mock",
        ),
        (
            service("self.get = partial(print, mock.Mock())", head="from functools import partial"),
            "service.get.args[0] is a Mock",
        ),
        (
            service("kept = mock.Mock()", "self.get = lambda: kept"),
            "service.get.<closure>.kept is a Mock",
        ),
        (
            service("self.client = SimpleNamespace(session=mock.Mock())",
                    head="from types import SimpleNamespace"),
            "service.client.session is a Mock",
        ),
        (
            service("self.client = Client()",
                    before="class Client:\n    __slots__ = ('session',)\n"
                           "    def __init__(self): self.session = mock.Mock()"),
            "service.client.session is a Mock",
        ),
        (
            service("self.client = Client()",
                    before="class Base:\n    session = mock.Mock()\nclass Client(Base): ..."),
            "api.Base.session is a Mock",
        ),
        (
            service("self.client = Fake()", before="class Fake(mock.MagicMock): ..."),
            "service.client is a Fake, a subclass of MagicMock",
        ),
        (service(before="class Fake(mock.MagicMock): ..."),
         "api.Fake is the class Fake, a subclass of MagicMock"),
        (service(before="CLIENTS = {'eu': mock.Mock()}"), "api.CLIENTS['eu'] is a Mock"),
        (service(before="def get(client=mock.Mock()): ..."), "api.get(client=...) is a Mock"),
        (service(before="def get(*, client=mock.Mock()): ..."), "api.get(client=...) is a Mock"),
        (
            service(before="@mock.patch('os.getcwd')\ndef get(cwd): ..."),
            "api.get is a function that a decorator of unittest.mock made",
        ),
        (
            service("self.patch = pytest.MonkeyPatch()", head="import pytest"),
            "service.patch is a MonkeyPatch",
        ),
    ],
)  # fmt: skip
def test_a_double_is_refused_with_the_way_to_it(app: AppContext, text: str, says: str) -> None:
    """Wherever the module's own objects hold it."""
    error = refused(app, text)
    assert says in str(error)
    assert "and @enforce_data_integrity(anti_mock=True) lets no test double go live" in str(error)
    assert error.step == "integrity"
    assert isinstance(error, DataIntegrityViolation)
    assert isinstance(error, LoadError)
    assert all((one.file, one.line > 0) == ("api.py", True) for one in error.findings)


def test_what_is_live_stays(app: AppContext) -> None:
    """The refusal comes before publish, and the module mended goes live."""
    app.load({"api.py": GUIDE}, id="thing")
    text = service("self.client = mock.Mock()")
    error = refused(app, text)
    module = app.modules["thing"]
    assert (module.state, module.generation, module.error) == ("LIVE", 1, error)
    assert error.paths == ("service.client",)
    assert (error.file, error.line) == ("api.py", line_of("self.client =", text))
    assert app.get_service("thing").weigh().result() == 7
    app.load({"api.py": service("self.client = object()")}, id="thing")
    assert app.modules["thing"].generation == 2
    assert app.modules["thing"].error is None


def test_every_double_is_named_once(app: AppContext) -> None:
    """All of them at once, each by its nearest way, and nothing of what a double itself has."""
    text = service(
        "self.client = mock.MagicMock()",
        "self.client.session.get.return_value = 7",
        "self.same = self.client",
        "self.other = mock.Mock()",
        before="SHARED = mock.Mock()",
    )
    assert set(refused(app, text).paths) == {"service.client", "service.other", "api.SHARED"}


def test_the_place_is_that_of_the_decorator_where_no_line_assigns_it(app: AppContext) -> None:
    """As for what ``setattr`` put there."""
    text = service("setattr(self, ''.join(['cli', 'ent']), mock.Mock())")
    error = refused(app, text)
    assert (error.file, error.line) == ("api.py", line_of("@enforce_data_integrity", text))


def test_another_file_is_named(app: AppContext) -> None:
    """The globals of every file count."""
    error = refused(
        app,
        "from .clients import CLIENT\n" + GUIDE,
        **{"clients.py": "from unittest.mock import Mock\n\nCLIENT = Mock()\n"},
    )
    assert error.paths == ("api.CLIENT",) or error.paths == ("clients.CLIENT",)
    assert (error.file, error.line) in {("api.py", 1), ("clients.py", 3)}


def test_kept_state_counts(app: AppContext) -> None:
    """A double that was put on the live service is not handed over."""
    kept = changed('    MODULE_ID = "standard.thing"', '    MODULE_ID = "standard.thing"\n'
                   '    MODULE_KEEP_STATE = ("client",)')  # fmt: skip
    kept = changed(CLASS, f"{CLASS}    client = None\n\n    def use(self, it):\n"
                   "        self.client = it\n\n", kept)  # fmt: skip
    app.load({"api.py": kept}, id="thing")
    app.get_service("thing").use(mock.Mock()).result()
    error = refused(app, f"{kept}\n# again\n")
    assert error.paths == ("service.client",)
    assert app.modules["thing"].generation == 1


def test_the_phases_count(app: AppContext) -> None:
    """What a phase puts on the module or on its service is looked at as well."""
    text = changed("        pass\n\n    async def begin", "        self.helper = mock.Mock()\n\n"
                   "    async def begin", f"from unittest import mock\n{GUIDE}")  # fmt: skip
    assert refused(app, text).paths == ("module.helper",)


def test_who_requires_it_is_blocked(app: AppContext) -> None:
    """In one start, a module that needs the refused one does not go live without it."""
    other = dedent(
        """
        from modframe.decorators import module

        @module("standard.shop", requires=["standard.thing"])
        class Shop:
            def one(self): return 1
        """
    )
    with pytest.raises(MockDataViolation):
        app.load(
            [
                ("thing", {"api.py": service("self.client = mock.Mock()")}),
                ("shop", {"api.py": other}),
            ]
        )
    assert app.modules["thing"].state == "FAILED"
    assert app.modules["shop"].state == "BLOCKED"


def test_a_start_goes_on_without_it(workspace: Path) -> None:
    """The start names it as failed, and what requires it as blocked."""
    for name, text in {
        "thing": service("self.client = mock.Mock()"),
        "shop": "from modframe.decorators import module\n\n@module(requires=['standard.thing'])\n"
        "class Shop:\n    def one(self): return 1\n",
        "free": "from modframe.decorators import module\n\n@module\nclass Free: ...\n",
    }.items():
        folder = workspace / "modules" / "standard" / name
        folder.mkdir(parents=True)
        (folder / "api.py").write_text(text)
    with modframe.start(workspace=workspace, data=":memory:") as app:
        states = {key: module.state for key, module in app.modules.items() if key[0] == "s"}
    assert states == {
        "standard.thing": "FAILED", "standard.shop": "BLOCKED", "standard.free": "LIVE",
    }  # fmt: skip


def test_what_its_own_tests_leave_behind_is_refused(app: AppContext) -> None:
    """A monkeypatch that was never undone, once the module's tests have passed."""
    tests = dedent(
        """
        import pytest
        from . import api

        def test_weigh():
            pytest.MonkeyPatch().setattr(api, "weight", lambda: 3)
            assert api.weight() == 3
        """
    )
    text = service(before="def weight(): return 7")
    with pytest.raises(MockDataViolation, match=r"api\.weight is an object of a test, test_thing"):
        app.load({"api.py": text, "test_thing.py": tests}, id="thing", test=True)


def test_what_a_test_patched_into_a_library_is_refused(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function of a test file that pytest runs, here this one."""
    library = ModuleType("tests_library")
    monkeypatch.setitem(sys.modules, "tests_library", library)
    monkeypatch.setattr(library, "fetch", lambda: 1, raising=False)
    error = refused(app, service(head="from tests_library import fetch"))
    assert "api.fetch is an object of a test, test_integrity.py" in str(error)
    app.load({"api.py": service(head="import tests_library")}, id="thing")


# -- what is not ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(service(head="import unittest.mock as m"), id="a module that is imported"),
        pytest.param(
            service(head="from unittest.mock import *\nfrom unittest.mock import ANY, call, patch\n"
                    "from unittest.mock import Mock as Other, sentinel, DEFAULT"),
            id="names that are imported",
        ),
        pytest.param(service("self.turtle = MockTurtle()", before="class MockTurtle: ..."),
                     id="a class with such a name"),
        pytest.param(service("self.mock = 'MagicMock'", "self.mocks = ['unittest.mock']"),
                     id="texts"),
        pytest.param(
            service("self.x: mock.Mock | None = None",
                    before="def f(x: mock.Mock, y: 'mock.Mock' = None) -> mock.MagicMock: ...\n"
                    "class C:\n    x: mock.Mock\nLATER: mock.Mock"),
            id="annotations",
        ),
        pytest.param(
            service(head="from typing import Optional\nfrom dataclasses import dataclass\n"
                    "from pydantic import BaseModel, ConfigDict",
                    before="Client = Optional[mock.Mock]\nOther = mock.Mock | None\n"
                    "@dataclass\nclass D:\n    x: mock.Mock | None = None\n"
                    "class M(BaseModel):\n    model_config = ConfigDict(arbitrary_types_allowed="
                    "True)\n    x: mock.Mock | None = None\n"),
            id="types of fields",
        ),
        pytest.param(
            service(before="import sys\ndef f():\n    return mock.Mock()"), id="a function's body"
        ),
        pytest.param(
            service("self.log = app_context.get_logger()", "self.own = app_context",
                    "self.circle = [self]", "self.many = list(range(100_000))",
                    head="from core.app_context import app_context\nimport threading, asyncio, re",
                    before="LOCK, PATTERN, QUEUE = threading.Lock(), re.compile('x'), "
                    "asyncio.Queue()\nANSWERS = iter(range(3))"),
            id="objects of libraries",
        ),
        pytest.param(
            changed(STRICT, "strict_mode=True, anti_mock=False",
                    service("self.client = mock.Mock()")),
            id="a module that allows them",
        ),
    ],
)  # fmt: skip
def test_what_is_no_double_goes_live(app: AppContext, text: str) -> None:
    """Names, texts, types and imports are none, and no code of an object is run."""
    app.load({"api.py": text}, id="thing")
    assert app.modules["thing"].state == "LIVE"


ASKED = """
asked = []

def note(name):
    return lambda *_: asked.append(name) or 1

class Meta(type):
    __eq__, __hash__, __instancecheck__, __subclasscheck__, __getattribute__ = (
        note("eq"), note("hash"), note("isinstance"), note("issubclass"),
        lambda cls, name: asked.append(name) or type.__getattribute__(cls, name),
    )

class Quiet(metaclass=Meta): ...

class Asked:
    x = property(note("property"))
    __class__ = property(note("class"))
    __dict__ = property(note("dict"))
    __getattr__, __eq__, __repr__ = note("getattr"), note("eq"), note("repr")
    __iter__, __len__, __bool__ = note("iter"), note("len"), note("bool")

class Always:
    def __getattribute__(self, name):
        asked.append(name)
        return object.__getattribute__(self, name)

class Many(list):
    __iter__ = note("iter")

class Named(dict):
    items = keys = __iter__ = __getitem__ = note("items")
"""


def test_no_code_of_an_object_runs(app: AppContext) -> None:
    """No property, no metaclass and no ``__iter__`` is asked by the search."""
    line = "self.them = [Asked(), Always(), Quiet(), Quiet, Many([1]), Named(a=1)]"
    text = changed("return 7", "return list(asked)", service(line, before=ASKED))
    # Other parts may ask in phase 1, as whether a global is a router.
    text = changed("return True", "return asked.clear()", text)
    app.load({"api.py": text}, id="thing")
    assert app.get_service("thing").weigh().result() == []


def test_a_module_with_such_a_name_goes_live(app: AppContext) -> None:
    """Doubles are told by their types alone."""
    text = GUIDE.replace("standard.thing", "standard.mockingbird").replace("Scales", "MockScales")
    app.load({"api.py": text, "mock.py": "class Mock: ...\nM = Mock()\n"}, id="mockingbird")
    assert app.modules["mockingbird"].state == "LIVE"


def test_the_short_form_asks_for_nothing(app: AppContext) -> None:
    """Without the decorator a module may hold what it likes."""
    text = (
        "from unittest import mock\nfrom modframe.decorators import module\n\n@module\n"
        "class Thing:\n    client = mock.Mock()\n    def one(self): return 1\n"
    )
    app.load({"api.py": text}, id="thing")
    assert app.modules["thing"].state == "LIVE"


def test_other_modules_are_not_looked_into(app: AppContext) -> None:
    """Each module answers for itself: one that allows doubles may be imported."""
    fakes = (
        "from unittest import mock\nfrom modframe.decorators import module\n\n"
        "class Box:\n    inside = mock.Mock()\nBOX = Box()\n\n@module\nclass Fakes: ...\n"
    )
    app.load({"api.py": fakes}, id="fakes")
    text = service("self.box = BOX", head="from modules.standard.fakes.api import BOX, Box")
    app.load({"api.py": text}, id="thing")
    assert app.modules["thing"].state == "LIVE"


def test_an_override_is_the_declared_way(app: AppContext) -> None:
    """A double that replaces a service stays allowed, over swaps too."""
    app.load({"api.py": GUIDE}, id="thing")
    double = mock.AsyncMock()
    double.weigh.return_value = 99
    with app.override("thing", double):
        app.load({"api.py": f"{GUIDE}\n# again\n"}, id="thing")
        assert app.get_service("thing").weigh().result() == 99
    assert app.get_service("thing").weigh().result() == 7


def test_strict_mode_alone_looks_for_no_doubles(app: AppContext) -> None:
    """Its meaning is that of sessions."""
    text = service("self.client = mock.Mock()").replace("anti_mock=True", "anti_mock=False")
    spec = app.load({"api.py": text}, id="thing").spec
    assert spec is not None
    assert spec.integrity.strict_mode


def test_the_cell_is_named(app: AppContext) -> None:
    """A double of a cell is found in that cell."""
    text = service("self.client = mock.Mock()")
    app.draft("thing", "api.py", SourceFile(text, "<cell 3>", cell="Cell In[3]"))
    with pytest.raises(MockDataViolation) as caught:
        app.try_draft("thing")
    assert (caught.value.cell, caught.value.line) == ("Cell In[3]", line_of("self.client =", text))


def test_a_misspelt_argument_fails_the_load_at_its_line(app: AppContext) -> None:
    """The decorator says what it takes."""
    text = changed("anti_mock=True", "anti_moc=True")
    with pytest.raises(LoadError, match="Did you mean 'anti_mock'") as caught:
        app.load({"api.py": text}, id="thing")
    assert caught.value.line == line_of("@enforce_data_integrity", text)
