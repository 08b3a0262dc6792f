"""The files that a module reads while it is loaded belong to its text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError
from tests.fakes import simple
from tests.watching.conftest import Saved

READS = {
    "open": "with open({path}) as file:\n    TEXT = file.read()",
    "pathlib": "from pathlib import Path\nTEXT = Path({path}).read_text()",
    "os": "import os\nfile = os.open({path}, os.O_RDONLY)\nTEXT = os.read(file, 99).decode()\nos.close(file)",
    "jinja2": (
        "import jinja2\nfrom pathlib import Path\n"
        "TEXT = jinja2.Environment(loader=jinja2.FileSystemLoader(Path({path}).parent))"
        ".get_template(Path({path}).name).render()"
    ),
}


def module(head: str, body: str = "") -> str:
    """Return a module that answers ``TEXT``."""
    return simple(f"async def get(self):\n    return TEXT\n{body}", head=head)


@pytest.mark.parametrize("way", READS)
def test_a_file_that_a_body_reads_rebuilds_it(saved: Saved, way: str) -> None:
    """It does so however it is opened, though the module's text is the same."""
    data = saved.path("orders", "words.txt")
    data.write_text("one")
    saved.save("orders", module(READS[way].format(path=repr(str(data)))))
    saved.until_answer("orders", "one")
    (view,) = [one for one in saved.app.snapshot().modules if one.id == "standard.orders"]
    assert view.reads == (str(data),)
    data.write_text("two")
    saved.until_answer("orders", "two")
    assert saved.number("orders") == 2


@pytest.mark.parametrize("phase", ["__init__", "async initialize", "thread"])
def test_a_file_that_a_phase_reads_rebuilds_it(saved: Saved, phase: str) -> None:
    """Reads in threads that it starts count as well."""
    data = saved.path("orders", "words.txt")
    data.write_text("one")
    read = f"open({str(data)!r}).read()"
    bodies = {
        "__init__": f"def __init__(self):\n    with open({str(data)!r}) as file:\n        self.text = file.read()",
        "async initialize": f"async def initialize(self):\n    self.text = Path({str(data)!r}).read_text()",
        "thread": f"async def initialize(self):\n    self.text = await asyncio.to_thread(Path({str(data)!r}).read_text)",
    }
    text = simple(
        f"{bodies[phase]}\n\nasync def get(self):\n    return self.text",
        head="import asyncio\nfrom pathlib import Path",
    )
    assert read
    saved.save("orders", text)
    saved.until_answer("orders", "one")
    data.write_text("two")
    saved.until_answer("orders", "two")


def test_a_file_elsewhere_is_followed_too(saved: Saved, tmp_path: Path) -> None:
    """That holds for a module from cells, and for a file that is replaced by another."""
    data = tmp_path / "far/away/words.txt"
    data.parent.mkdir(parents=True)
    data.write_text("one")
    saved.app.load({"api.py": module(READS["open"].format(path=repr(str(data))))}, id="orders")
    assert saved.answers("orders") == "one"
    saved.settle()
    beside = data.with_suffix(".tmp")
    beside.write_text("two")
    beside.replace(data)
    saved.until_answer("orders", "two")
    data.write_text("three")
    saved.until_answer("orders", "three")


def test_a_broken_file_keeps_the_old_and_mending_it_helps(saved: Saved) -> None:
    """Mending the file is enough; the module's text need not change."""
    data = saved.path("orders", "conf.json")
    data.write_text("[1]")
    head = "import json\nfrom pathlib import Path\nTEXT = json.loads(Path({path}).read_text())"
    saved.save("orders", module(head.format(path=repr(str(data)))))
    saved.until_answer("orders", [1])
    data.write_text("[1")
    saved.until(lambda: saved.app.modules["orders"].error)
    assert saved.answers("orders") == [1]
    data.write_text("[2]")
    saved.until_answer("orders", [2])
    assert saved.app.modules["orders"].error is None


def test_a_module_that_failed_at_its_file_starts_with_it(saved: Saved) -> None:
    """Nothing was live before, so only the failed attempt knows what it read."""
    data = saved.path("orders", "conf.json")
    data.write_text("[1")
    head = "import json\nfrom pathlib import Path\nTEXT = json.loads(Path({path}).read_text())"
    saved.save("orders", module(head.format(path=repr(str(data)))))
    saved.until(lambda: "orders" in saved.app.modules and saved.app.modules["orders"].error)
    data.write_text("[2]")
    saved.until_answer("orders", [2])


def test_cells_that_fail_at_their_file_stay_as_they_were(saved: Saved, tmp_path: Path) -> None:
    """The text from cells is tried again when the file changes, and the old generation stays meanwhile."""
    data = tmp_path / "conf.json"
    data.write_text("[1]")
    head = "import json\nfrom pathlib import Path\nTEXT = json.loads(Path({path}).read_text())"
    saved.app.load({"api.py": module(head.format(path=repr(str(data))))}, id="orders")
    saved.settle()
    data.write_text("[1")
    saved.until(lambda: saved.app.modules["orders"].error)
    saved.settle()
    assert (saved.answers("orders"), saved.number("orders")) == ([1], 1)
    assert not [line for line in saved.said if line.startswith("standard.orders 1 →")]
    data.write_text("[2]")
    saved.until_answer("orders", [2])


def test_declared_files_count_without_being_read(saved: Saved) -> None:
    """New files that match a pattern count too; patterns are relative to the module's folder."""
    saved.path("orders", "queries/a.sql").write_text("select 1")
    body = (
        "MODULE_FILES = ('queries/*.sql',)\n\n"
        "async def get(self):\n"
        "    return sorted(one.read_text() for one in (self.app_context.path / 'queries').iterdir())"
    )
    saved.save("orders", simple(body))
    saved.until_answer("orders", ["select 1"])
    saved.settle()
    saved.path("orders", "queries/a.sql").write_text("select 2")
    saved.until(lambda: saved.number("orders") == 2)
    saved.path("orders", "queries/b.sql").write_text("select 3")
    saved.until(lambda: saved.number("orders") == 3)
    saved.path("orders", "queries/notes.txt").write_text("not declared")
    saved.settle()
    assert saved.number("orders") == 3


@pytest.mark.parametrize("given", ["'queries/*.sql'", "('../x',)", "('/etc/x',)", "(5,)", "('',)"])
def test_a_declaration_that_is_none_is_refused(app: AppContext, given: str) -> None:
    """The message shows how to write it."""
    with pytest.raises(
        LoadError, match=r"(?s)MODULE_FILES is .*write MODULE_FILES = \(|Write MODULE_FILES = \("
    ):
        app.load({"api.py": f"MODULE_FILES = {given}\n" + simple()}, id="orders")


def test_what_is_no_part_of_the_text_is_left_out(
    started: Callable[..., AppContext], workspace: Path
) -> None:
    """Python's own and installed files, written files, and later reads are not followed."""
    data = workspace / "later.txt"
    data.write_text("x")
    head = f"""
        import json.tool, sys, site
        import email.contentmanager
        from pathlib import Path
        Path({str(workspace / "out.txt")!r}).write_text("written")
        Path({str(workspace / "rows.py")!r}).write_text("x = 1")
        Path({str(workspace / "rows.py")!r}).read_text()
        Path(json.__file__).with_name("__init__.py").read_text()
        next(Path(site.getsitepackages()[0]).glob("*/METADATA")).read_text()
        Path("/proc/self/stat").read_text()
        import os
        os.close(os.open({str(workspace)!r}, os.O_RDONLY))
    """
    body = (
        f"async def get(self):\n    with open({str(data)!r}) as file:\n        return file.read()"
    )
    app = started(modules=[])
    app.load({"api.py": simple(body, head=head)}, id="orders")
    assert app.get_service("orders").get().result() == "x"
    view = app.snapshot().module("standard.orders")
    assert view is not None
    assert view.reads == ()


def test_files_in_the_data_folder_are_left_out(workspace: Path) -> None:
    """Files in the data folder are not followed."""
    import modframe

    kept = workspace / "data/words.txt"
    kept.parent.mkdir()
    kept.write_text("one")
    head = f"TEXT = open({str(kept)!r}).read()"
    with modframe.start(workspace=workspace, modules=[]) as app:
        app.load(
            {
                "api.py": module(
                    head.replace("open(", "__import__('pathlib').Path(").replace(
                        ".read()", ".read_text()"
                    )
                )
            },
            id="orders",
        )
        view = app.snapshot().module("standard.orders")
        assert view is not None
        assert view.reads == ()
