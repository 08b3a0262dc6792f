"""One edit live, in process: modframe, its floor and its peers; then modframe among much else.

Run `python benchmarks/swap.py`. Every contender works in a process of its own and all take turns,
so that a busy machine slows all; the figures are of all edits, the ratios medians of the rounds.
All but FastHTML are given the same file. A peer that isn't installed is left out, with a line.

The floor is what any way of making this text live has to do: parse it with modframe's own checks,
compile it, execute it, make the instance, assign it. An edit of modframe's is `app.load(...)`, from
another thread, until it returns: the new generation answers then, and the old one ends behind.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

PAUSE = 0.005
"""Seconds before each edit: edits come out of the blue, and what rests has cold caches."""
Edit = Callable[[int], float]
"""Makes the text with a number live; gives the seconds, once it has seen the number answered."""

PLAIN = """from modframe.decorators import module

LIMITS = {{"least": 1, "most": 10}}


def within(number: int) -> bool:
    return LIMITS["least"] <= number <= LIMITS["most"]


@module
class Answers:
    async def initialize(self):
        pass

    def get(self) -> int:
        return {number}

    async def check(self, number: int) -> bool:
        return within(number)

    async def cleanup_resources(self):
        pass
"""
ROUTES = """from fastapi import APIRouter
from pydantic import BaseModel

router = APIRouter()


class Item(BaseModel):
    number: int
    name: str = ""


@router.get("/number")
async def number() -> int:
    return {number}


@router.get("/items/{{item_id}}")
async def item(item_id: int, name: str = "") -> Item:
    return Item(number=item_id, name=name)


@router.post("/items")
async def add(item: Item) -> Item:
    return item


"""
TEXTS = {"no routes": PLAIN, "3 routes": ROUTES + PLAIN}
CELL = """@rt("/number")
def number():
    return "{number}"
"""
FILLER = """from modframe.decorators import module


@module
class Other:
    def get(self):
        return {number}
"""


# -- contenders --------------------------------------------------------------------------------


@contextmanager
def floor(text: str, modules: int) -> Iterator[Edit]:
    """What has to be done at least."""
    from modframe.load import check
    from modframe.load.text import Analysis, analyze
    from modframe.source import Source

    live: dict[str, Any] = {}

    def edit(number: int) -> float:
        given = text.format(number=number)
        began = time.perf_counter()
        source = Source.from_texts("standard.answers", {"api.py": given})
        if check(source):
            raise SystemExit("the text has findings")
        analysis = analyze(source.files["api.py"])  # what the check has parsed and compiled
        module = sys.modules["answers"] = ModuleType("answers")
        exec(analysis.code if isinstance(analysis, Analysis) else "", module.__dict__)
        live["answers"] = module.Answers()
        spent = time.perf_counter() - began
        _expect(number, live["answers"].get())
        return spent

    yield edit


@contextmanager
def modframe(text: str, modules: int, *, settled: bool = False) -> Iterator[Edit]:
    """`app.load`, with as many other modules live as asked for."""
    import modframe

    with modframe.start(modules=[], data=":memory:", workspace=Path.cwd()) as app:
        names = [f"other{number}" for number in range(modules - 1)]
        if names:
            app.load([(one, {"api.py": FILLER.format(number=one[5:])}) for one in names])
        swap = app._engine.swap

        def edit(number: int) -> float:
            given = {"api.py": text.format(number=number)}
            began = time.perf_counter()
            app.load(given, id="answers")
            if settled:
                app.run(swap.settled())
            spent = time.perf_counter() - began
            app.run(swap.settled())
            _expect(number, app.get_service("answers").get().result())
            return spent

        yield edit


@contextmanager
def modframe_settled(text: str, modules: int) -> Iterator[Edit]:
    """The same until the replaced generation was closed."""
    with modframe(text, modules, settled=True) as edit:
        yield edit


@contextmanager
def _file(text: str) -> Iterator[tuple[Path, Callable[[int], None]]]:
    """``answers.py`` on `sys.path`, and what writes a number into it, each time a second later."""
    sys.dont_write_bytecode = True
    path = Path.cwd() / "answers.py"
    now = time.time()

    def write(number: int) -> None:
        path.write_text(text.format(number=number))
        os.utime(path, (now + number, now + number))

    write(0)
    sys.path.insert(0, str(path.parent))
    yield path, write


@contextmanager
def autoreload(text: str, modules: int) -> Iterator[Edit]:
    """What ``%autoreload 2`` does before a cell, in an IPython shell of this process."""
    from IPython.core.interactiveshell import InteractiveShell

    with _file(text) as (_, write):
        shell = InteractiveShell.instance()
        shell.run_line_magic("load_ext", "autoreload")
        shell.run_line_magic("autoreload", "2")
        shell.run_cell("import answers\ninstance = answers.Answers()")
        before_cells = [
            one for one in shell.events.callbacks["pre_run_cell"] if "AutoreloadMagics" in str(one)
        ]

        def edit(number: int) -> float:
            write(number)
            began = time.perf_counter()
            for one in before_cells:
                one(None)
            spent = time.perf_counter() - began
            _expect(number, shell.user_ns["instance"].get())
            return spent

        yield edit


@contextmanager
def jurigged(text: str, modules: int) -> Iterator[Edit]:
    """What jurigged does once it has seen that a file changed."""
    from jurigged.register import registry

    with _file(text) as (path, write):
        registry.auto_register(filter=lambda name: name == str(path))
        import answers

        instance = answers.Answers()
        watched = registry.get(str(path))

        def edit(number: int) -> float:
            write(number)
            began = time.perf_counter()
            watched.refresh()
            spent = time.perf_counter() - began
            _expect(number, instance.get())
            return spent

        yield edit


@contextmanager
def hmr(text: str, modules: int) -> Iterator[Edit]:
    """What hmr does once it has seen that a file changed: the entry file runs again."""
    from reactivity.hmr.core import SyncReloader

    with _file(text) as (path, write):
        entry = path.with_name("entry.py")
        entry.write_text("import answers\nanswers.Answers().get()\n")
        reloader = SyncReloader(str(entry), [str(path.parent)])
        from reactivity.hmr.core import HMR_CONTEXT

        HMR_CONTEXT.effect(reloader.run_entry_file)
        import answers

        def edit(number: int) -> float:
            write(number)
            began = time.perf_counter()
            reloader.on_changes({path.resolve()})
            spent = time.perf_counter() - began
            _expect(number, answers.Answers().get())
            return spent

        yield edit


@contextmanager
def fasthtml(text: str, modules: int) -> Iterator[Edit]:
    """A cell that defines one route anew, in the shell that JupyUvi would serve from."""
    from fasthtml.common import fast_app
    from IPython.core.interactiveshell import InteractiveShell
    from starlette.testclient import TestClient

    shell = InteractiveShell.instance()
    app, shell.user_ns["rt"] = fast_app()
    shell.run_cell(CELL.format(number=0))
    client = TestClient(app)

    def edit(number: int) -> float:
        cell = CELL.format(number=number)
        began = time.perf_counter()
        shell.run_cell(cell)
        spent = time.perf_counter() - began
        _expect(str(number), client.get("/number").text)
        return spent

    yield edit


CONTENDERS: dict[str, tuple[Callable[[str, int], Any], str]] = {
    "floor": (floor, "modframe"),
    "modframe": (modframe, "modframe"),
    "modframe, old one closed": (modframe_settled, "modframe"),
    "IPython %autoreload 2": (autoreload, "IPython"),
    "jurigged": (jurigged, "jurigged"),
    "hmr": (hmr, "reactivity.hmr"),
    "FastHTML, one route": (fasthtml, "fasthtml"),
}
"""Name → what makes the edits, and the package it needs."""


def _expect(wanted: object, answer: object) -> None:
    if answer != wanted:
        raise SystemExit(f"an old answer, {answer!r}, where {wanted!r} was due")


# -- one process for each ----------------------------------------------------------------------


class Worker:
    """A contender at work in a process of its own."""

    def __init__(self, name: str, text: str, *, modules: int = 1, objects: int = 0) -> None:
        options = ["--contender", name, "--text", text, "--modules", str(modules)]
        self.folder = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [sys.executable, __file__, *options, "--objects", str(objects)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=self.folder.name,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )

    def edits(self, count: int) -> list[float]:
        """Seconds of each of so many edits."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.process.args}: ended without an answer")
        return [float(one) for one in json.loads(answer)]

    def close(self) -> None:
        """Let it end."""
        self.process.communicate()
        self.folder.cleanup()


def work(name: str, text: str, *, modules: int, objects: int) -> None:
    """Answer each line, a number, with the seconds of so many edits."""
    heap = [(number, [number]) for number in range(objects // 2)]  # a tuple and a list each
    numbers, make = itertools.count(1), CONTENDERS[name][0]
    with redirect_stdout(sys.stderr), make(TEXTS[text], modules) as edit:
        for line in sys.stdin:
            spent = []
            for _ in range(int(line)):
                time.sleep(PAUSE)
                spent.append(edit(next(numbers)))
            print(json.dumps(spent), file=sys.__stdout__, flush=True)
    del heap


def compare(
    workers: dict[str, Worker], *, rounds: int, edits: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Name → the seconds of every edit, and name → the median of every round; interleaved."""
    every: dict[str, list[float]] = {name: [] for name in workers}
    medians: dict[str, list[float]] = {name: [] for name in workers}
    for one in workers.values():
        one.edits(edits)
    for number in range(rounds):
        for name in list(workers) if number % 2 else list(reversed(workers)):
            spent = workers[name].edits(edits)
            every[name] += spent
            medians[name].append(statistics.median(spent))
    for one in workers.values():
        one.close()
    return every, medians


def report(workers: dict[str, Worker], base: str, targets: dict[str, str], **how: int) -> None:
    """Print one table, with ratios to ``base``."""
    every, medians = compare(workers, **how)
    for name, spent in every.items():
        p50, p95 = statistics.median(spent) * 1000, statistics.quantiles(spent, n=20)[-1] * 1000
        ratios = [a / b for a, b in zip(medians[name], medians[base], strict=True)]
        low, *_, high = statistics.quantiles(ratios, n=10)
        print(
            f"{name:<36} {p50:>8.2f} {p95:>8.2f} {statistics.median(ratios):>8.2f}"
            f"  {low:>6.2f}-{high:<6.2f} {targets.get(name, '')}"
        )


def _there(package: str) -> bool:
    try:
        importlib.import_module(package)
    except ImportError:
        return False
    return True


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--edits", type=int, default=15, help="edits in a round")
    parser.add_argument("--objects", type=int, default=1_000_000)
    parser.add_argument("--modules", type=int, default=1000)
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--text", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.contender:
        work(given.contender, given.text, modules=given.modules, objects=given.objects)
        return
    how = {"rounds": given.rounds, "edits": given.edits}
    head = f"{'':<36} {'p50':>8} {'p95':>8} {'ratio':>8}  {'p10-p90':<13} target"
    there = {name: _there(package) for name, (_, package) in CONTENDERS.items()}
    for name in (one for one, found in there.items() if not found):
        print(f"{name} is not installed, or not to be had on this Python: left out")
    for text in TEXTS:
        print(f"\none edit live, a file with {text}, ms; ratio to the floor\n{head}")
        workers = {name: Worker(name, text) for name in CONTENDERS if there[name]}
        report(workers, "floor", {"modframe": "≤ 2"}, **how)
    print(f"\nmodframe among much else, ms; ratio to itself alone\n{head}")
    much = {"objects": given.objects, "modules": given.modules}
    names = {f"{much['objects']:,} objects": "≤ 1.1", f"{much['modules']:,} modules": "≤ 1.2"}
    workers = {"alone": Worker("modframe", "no routes")}
    for (kind, count), name in zip(much.items(), names, strict=True):
        workers[name] = Worker("modframe", "no routes", **{kind: count})
    report(workers, "alone", names, **how)


if __name__ == "__main__":
    main()
