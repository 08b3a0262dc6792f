"""A cell and a file behave the same: sources, tracebacks, pickles, relative imports."""

from __future__ import annotations

import inspect
import linecache
import pickle
import sys
import traceback
import typing
from pathlib import Path
from typing import Any

import pytest

from modframe.app import AppContext
from modframe.load import load
from modframe.source import Source, SourceFile, read_folder
from tests import inside
from tests.fakes import simple

from .support import Context, loaded, no_module

TEXT = """\
from __future__ import annotations

import dataclasses
from modframe.decorators import module


@dataclasses.dataclass
class Row:
    name: str
    amount: int = 2


def helper(row: Row) -> Row:
    return row


@module
class Thing:
    def fail(self, row: Row) -> list[Row]:
        raise ValueError("as asked")
"""


def from_mapping(tmp_path: Path) -> Source:
    """Return the source as a program gives it."""
    return Source.from_texts("standard.thing", {"api.py": TEXT})


def from_folder(tmp_path: Path) -> Source:
    """Return the source of a file on disk."""
    folder = tmp_path / "standard/thing"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(TEXT)
    return read_folder(folder)


def from_cell(tmp_path: Path) -> Source:
    """Return the source of a cell under its magic, with blank lines above it."""
    head = "\n\n# %%module thing\n"
    cell = SourceFile(TEXT, str(tmp_path / "1234.py"), 4, "Cell In[3]", head)
    return Source("standard.thing", {"api.py": cell}, "cells")


def from_windows(tmp_path: Path) -> Source:
    """Return the source of a file saved on Windows, with a byte order mark and carriage returns."""
    folder = tmp_path / "standard/thing"
    folder.mkdir(parents=True)
    (folder / "api.py").write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    return read_folder(folder)


every_origin = pytest.mark.parametrize("make", [from_mapping, from_folder, from_cell, from_windows])


@every_origin
def test_inspect_finds_the_source(make: Any, tmp_path: Path) -> None:
    """`inspect` finds the source of classes, methods and functions."""
    with loaded(make(tmp_path)) as found:
        api = found.package.modules()["api.py"]
        assert inspect.getsource(api.Thing) == TEXT[TEXT.index("@module") :]
        assert inspect.getsource(api.Thing.fail).startswith("    def fail(self, row: Row)")
        assert inspect.getsource(api.helper) == "def helper(row: Row) -> Row:\n    return row\n"
        assert api.__file__ == api.helper.__code__.co_filename
        linecache.checkcache()
        assert inspect.getsource(api.Row).endswith("amount: int = 2\n")


@every_origin
def test_a_traceback_points_at_the_line(make: Any, tmp_path: Path) -> None:
    """A traceback shows the line and its text."""
    source = make(tmp_path)
    line = TEXT.splitlines().index('        raise ValueError("as asked")') + 1
    with loaded(source) as found:
        with pytest.raises(ValueError, match="as asked") as caught:
            found.spec.module_class().fail(None)  # type: ignore[attr-defined]  # the text above
        (step,) = traceback.extract_tb(caught.value.__traceback__)[1:]
    assert step.lineno == line + source.files["api.py"].first_line - 1
    assert step.line == 'raise ValueError("as asked")'


def test_a_loader_gives_the_whole_place() -> None:
    """`linecache` finds the right lines through the loader, even with its cache emptied."""
    cell = SourceFile(TEXT, "/tmp/1235.py", 2, "Cell In[3]", "# %%module thing\n")
    with loaded(Source("standard.thing", {"api.py": cell}, "cells")) as found:
        linecache.clearcache()
        api = found.package.modules()["api.py"]
        assert (
            linecache.getlines("/tmp/1235.py", vars(api))[1]
            == "from __future__ import annotations\n"
        )


def test_hints_resolve() -> None:
    """Postponed annotations can be resolved, also those of a dataclass."""
    with loaded({"api.py": TEXT}) as found:
        api = found.package.modules()["api.py"]
        assert typing.get_type_hints(api.Thing.fail) == {"row": api.Row, "return": list[api.Row]}
        assert api.Row("a") == api.Row("a", 2)


def test_the_text_stays_while_any_generation_shows_it(tmp_path: Path) -> None:
    """The end of one load of a file takes no lines from another load of it."""
    source = from_folder(tmp_path)
    with loaded(from_folder_again(source)), loaded(source) as found:
        with loaded(from_folder_again(source)):
            pass
        Path(source.files["api.py"].filename).write_text("# something else\n")
        thing = found.package.modules()["api.py"].Thing
        assert inspect.getsource(thing) == TEXT[TEXT.index("@module") :]
    assert source.files["api.py"].filename not in linecache.cache


def from_folder_again(source: Source) -> Source:
    """Return the source of the same folder, read again."""
    return read_folder(Path(source.place))


# -- relative imports ----------------------------------------------------------------------------

LATE = simple(
    """
    def early(self):
        from .rows import VALUE
        return VALUE

    def late(self):
        from .never_before import VALUE
        from . import never_before
        from .deep.er import OTHER
        return VALUE, never_before.VALUE, OTHER

    def by_name(self):
        import modules.standard.thing.rows as rows
        return rows.VALUE

    def absent(self):
        import importlib
        return __import__("nothing", globals(), locals(), ["x"], 1)
    """
)


def test_a_function_imports_from_its_own_generation_for_ever() -> None:
    """A relative import stays in its own generation, whether that is live, replaced or closed."""

    def texts(mark: str) -> dict[str, str]:
        return {
            "api.py": LATE,
            "rows.py": f"VALUE = '{mark}'",
            "never_before.py": f"VALUE = '{mark}'",
            "deep/er.py": f"from ..rows import VALUE\nOTHER = '{mark}' + VALUE",
        }

    old = load(
        Source.from_texts("standard.thing", texts("old")),
        "modules.standard.thing~1",
        Context(),
        resolve=no_module,
        printer=print,
        folder="nowhere",
    )
    thing: Any = old.spec.module_class()
    late_file = old.package.modules()["never_before.py"]
    with loaded(texts("new")):
        assert thing.early() == "old"
        old.package.close()
        assert thing.early() == "old"
        assert thing.late() == ("old", "old", "oldold")
        assert thing.by_name() == "old"
        assert old.package.modules()["never_before.py"] is late_file
        with pytest.raises(ModuleNotFoundError, match=r"thing~\w+\.nothing"):
            thing.absent()
    assert "modules.standard.thing~1.rows" not in sys.modules


def test_a_file_first_imported_after_the_close() -> None:
    """A file that is first imported after the close is executed once, in the closed package."""
    texts = {"api.py": LATE, "rows.py": "VALUE = 1", "never_before.py": "VALUE = object()"}
    with loaded({**texts, "deep/er.py": "OTHER = 2"}) as found:
        package = found.package
        for name in ("never_before", "deep.er", "deep"):
            del sys.modules[f"{package.name}.{name}"]
        package.close()
        thing: Any = found.spec.module_class()
        first, second, other = thing.late()
        assert first is second
        assert other == 2
        assert thing.late()[0] is first


LAYOUTS: dict[str, dict[str, str]] = {
    "a folder without __init__": {
        "api.py": simple(head="from .sub.x import X\nfrom .sub import x\nfrom . import sub"),
        "sub/x.py": "X = 1",
    },
    "a folder with __init__": {
        "api.py": simple(head="from .sub import X, Y"),
        "sub/__init__.py": "from .x import X\nfrom ..tools import Y",
        "sub/x.py": "from .. import tools\nX = tools.Y",
        "tools.py": "Y = 1",
    },
    "an __init__ of its own": {
        "api.py": simple(head="from . import V\nfrom .a import V as W"),
        "__init__.py": "from .a import V",
        "a.py": "V = 1",
    },
    "stars": {
        "api.py": simple(head="from .a import *\nx = V"),
        "a.py": "from .b import *\n__all__ = ['V']",
        "b.py": "V = 1",
    },
    "a circle that works": {
        "api.py": simple(head="A = 1\nfrom .b import B"),
        "b.py": "from . import api\nB = 2\ndef a(): return api.A",
    },
}


@pytest.mark.parametrize("texts", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(texts: dict[str, str]) -> None:
    """A module can have every layout that a package can have."""
    with loaded(texts) as found:
        assert set(found.package.modules()) == set(texts)


# -- pickles -------------------------------------------------------------------------------------


def test_a_pickle_follows_the_module(app: AppContext) -> None:
    """A pickle leads to its own generation while that is live, and to the live one afterwards."""
    texts = {"api.py": simple(head="from .rows import Row"), "rows.py": "class Row:\n    n = 1\n"}
    app.load(texts, id="thing")
    import modules.standard.thing.rows as first  # type: ignore[import-not-found]  # a plain name

    row = first.Row()
    row.note = "kept"
    pickled = pickle.dumps(row)
    assert type(pickle.loads(pickled)) is first.Row
    app.load({**texts, "rows.py": "class Row:\n    n = 2\n"}, id="thing")
    inside.settle(app)
    unpickled = pickle.loads(pickled)
    assert (unpickled.n, unpickled.note) == (2, "kept")
    with pytest.raises(pickle.PicklingError, match="not the same object"):
        pickle.dumps(row)
