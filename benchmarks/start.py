"""Starting 1,000 small modules over importing the same files, and the first snapshot of them.

Run `python benchmarks/start.py`. The contenders work in processes of their own and take turns, so
that a busy machine slows both; the figures are medians of the rounds. The import has bytecode
files switched off, as modframe, which checks every text, writes none.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

MODULES = 1000
TEXT = """from modframe.decorators import module


@module
class Thing{number}:
    def get(self) -> int:
        return {number}
"""
IMPORT = """
import importlib, json, sys, time
from pathlib import Path
import modframe.decorators
sys.path.insert(0, "modules")  # `modules.standard...` itself is modframe's
names = [f"standard.{folder.name}.api" for folder in sorted(Path("modules/standard").iterdir())]
began = time.perf_counter()
for name in names:
    importlib.import_module(name)
print(json.dumps({"start": time.perf_counter() - began}))
"""
START = """
import json, time
import modframe, modframe.app
with modframe.start(modules=[], data=":memory:"):
    pass  # imports what any start imports
began = time.perf_counter()
app = modframe.start(data=":memory:")
start = time.perf_counter() - began
states = [module.state for module in app.modules.values()]
assert states.count("LIVE") == len(states) > 1000, states
times = []
for _ in range(2):
    began = time.perf_counter()
    app.snapshot()
    times.append(time.perf_counter() - began)
app.stop()
print(json.dumps({"start": start, "first snapshot": times[0], "next snapshot": times[1]}))
"""


def run(code: str, workspace: Path) -> dict[str, float]:
    """What a fresh process measured."""
    command = [sys.executable, "-B", "-c", code]
    root = Path(__file__).parents[1]
    done = subprocess.run(
        command,
        cwd=workspace,
        env={"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        for number in range(MODULES):
            file = workspace / "modules" / "standard" / f"thing{number}" / "api.py"
            file.parent.mkdir(parents=True)
            file.write_text(TEXT.format(number=number))
        imports, starts = [], []
        for _ in range(rounds):
            imports.append(run(IMPORT, workspace))
            starts.append(run(START, workspace))
    imported = statistics.median(one["start"] for one in imports)
    started = statistics.median(one["start"] for one in starts)
    print(f"import {MODULES} files         {imported * 1000:>8.1f} ms")
    print(
        f"modframe: start           {started * 1000:>8.1f} ms    "
        f"ratio {started / imported:.2f}, target ≤ 2"
    )
    for name, target in (("first snapshot", "target ≤ 60 ms"), ("next snapshot", "")):
        spent = statistics.median(one[name] for one in starts)
        print(f"modframe: {name:<15} {spent * 1000:>8.1f} ms    {target}")


if __name__ == "__main__":
    main()
