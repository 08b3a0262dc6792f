"""The five edits that IPython's ``%autoreload 2`` gets wrong: the text before, and the text after.

`test_autoreload.py` gives them to modframe; run as a script, this file gives them to autoreload, in
a process of its own, and prints what became of each.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import time
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

EDITS = {
    "base class": (
        """
        class First:
            def name(self):
                return "first"

        class Second:
            def name(self):
                return "second"

        @module
        class Thing(First):
            pass
        """,
        ("class Thing(First)", "class Thing(Second)"),
    ),
    "dataclass field": (
        """
        from dataclasses import dataclass

        @dataclass
        class Row:
            name: str

        @module
        class Thing:
            def row(self):
                return repr(Row(*ROW))

        ROW = ("a",)
        """,
        ("name: str", "name: str\n    amount: int = 0"),
        ('ROW = ("a",)', 'ROW = ("a", 2)'),
    ),
    "half a file": (
        """
        @module
        class Thing:
            def both(self):
                return "first" in globals(), "second" in globals()
        """,
        ("@module", "def first():\n    pass\n\n1 / 0\n\ndef second():\n    pass\n\n@module"),
    ),
    "state": (
        """
        COUNTS = {}

        @module(keep_state=("counts",))
        class Thing:
            def __init__(self):
                self.counts = COUNTS

            def count(self):
                self.counts["calls"] = self.counts.get("calls", 0) + 1
                return self.counts["calls"]
        """,
        ("COUNTS = {}", "COUNTS = {}\n[one for one in range(3)]"),
    ),
    "running coroutine": (
        """
        from tests_gate import GATE

        def helper():
            return "old"

        @module
        class Thing:
            async def work(self):
                before = "old", helper()
                await GATE.wait()
                return before, ("old", helper())
        """,
        ('return "old"', 'return "new"'),
        ('before = "old"', 'before = "new"'),
        ('before, ("old"', 'before, ("new"'),
    ),
}
"""Name → the body of ``api.py`` before, and what is replaced in it."""

HEAD = "from modframe.decorators import module\n\n"


def before(name: str) -> str:
    """Return the text that runs."""
    return HEAD + dedent(EDITS[name][0]).lstrip()


def after(name: str) -> str:
    """Return the text after the edit."""
    text = before(name)
    for old, new in EDITS[name][1:]:
        if old not in text:
            raise LookupError(old)
        text = text.replace(old, new)
    return text


# -- autoreload, in a process of its own -------------------------------------------------------


class Reloader:
    """A shell under ``%autoreload 2`` and the files it watches."""

    def __init__(self, folder: Path) -> None:
        from IPython.core.interactiveshell import InteractiveShell

        sys.dont_write_bytecode = True
        sys.path.insert(0, str(folder))
        self.folder = folder
        self.shell = InteractiveShell.instance()
        self.shell.run_line_magic("load_ext", "autoreload")
        self.shell.run_line_magic("autoreload", "2")
        self.saved = time.time() - 1000

    def load(self, name: str) -> Any:
        """Import the text before the edit in a cell, run another cell, and return the module."""
        imported = name.replace(" ", "_")
        self.save(name, before(name))
        self.shell.run_cell(f"import {imported}")
        self.shell.run_cell("pass")
        return importlib.import_module(imported)

    def save(self, name: str, text: str) -> None:
        """Write a text, dated a few seconds later than the one before."""
        self.saved += 10
        path = self.folder / f"{name.replace(' ', '_')}.py"
        path.write_text(text)
        os.utime(path, (self.saved, self.saved))

    def edit(self, name: str) -> None:
        """Save the text after the edit and run a cell, which makes autoreload look at its files."""
        self.save(name, after(name))
        self.shell.run_cell("pass")


async def in_flight(reloader: Reloader) -> Any:
    """Return the answer of a coroutine that was running during the edit."""
    gate = sys.modules["tests_gate"] = ModuleType("tests_gate")
    gate.GATE = asyncio.Event()  # type: ignore[attr-defined]  # a module made for this
    thing = reloader.load("running coroutine").Thing()
    work = asyncio.ensure_future(thing.work())
    await asyncio.sleep(0)
    reloader.edit("running coroutine")
    gate.GATE.set()  # type: ignore[attr-defined]  # as above
    return await work


def verdicts(folder: Path) -> dict[str, Any]:
    """Return what autoreload made of each edit, by its name."""
    reloader = Reloader(folder)
    answers: dict[str, Any] = {}
    thing = reloader.load("base class").Thing()
    reloader.edit("base class")
    answers["base class"] = thing.name()
    rows = reloader.load("dataclass field")
    reloader.edit("dataclass field")
    try:
        answers["dataclass field"] = rows.Thing().row()
    except TypeError as error:
        answers["dataclass field"] = str(error)
    thing = reloader.load("half a file").Thing()
    reloader.edit("half a file")
    answers["half a file"] = thing.both()
    counts = reloader.load("state")
    counts.Thing().count()
    reloader.edit("state")
    answers["state"] = counts.Thing().count()
    answers["running coroutine"] = asyncio.run(in_flight(reloader))
    return answers


if __name__ == "__main__":
    out, sys.stdout = sys.stdout, sys.stderr
    print(json.dumps(verdicts(Path(sys.argv[1]))), file=out)
