"""What a thousand swaps of one module cost in memory: resident size, and what Python has allocated.

Run `python benchmarks/memory.py`. The module owns a table, a task, a counter, models and routes;
`tests/runtime/change/test_thousand.py` shows that nothing of its old generations stays alive.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

import modframe
from modframe.app import AppContext
from tests.runtime.change.owning import text

STEPS = 5


def settle(app: AppContext) -> None:
    """Wait for what ends behind, and for the collector."""
    app.run(app._engine.swap.settled())
    for _ in range(2):
        gc.collect()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swaps", type=int, default=1000)
    parser.add_argument("--warm", type=int, default=100, help="swaps before the first look")
    given = parser.parse_args()
    process, numbers = psutil.Process(), itertools.count()
    with (
        tempfile.TemporaryDirectory() as folder,
        modframe.start(workspace=folder, data=":memory:", modules=[]) as app,
    ):

        def swap(count: int) -> float:
            began = time.perf_counter()
            for _ in range(count):
                app.load({"api.py": text(next(numbers))}, id="owner")
            settle(app)
            return (time.perf_counter() - began) / count * 1000

        swap(given.warm)
        first = process.memory_info().rss, sys.getallocatedblocks()
        print(
            f"{'swaps':>8} {'resident, MB':>14} {'growth, MB':>12} {'blocks':>10} {'ms a swap':>10}"
        )
        print(f"{0:>8} {first[0] / 1e6:>14.1f} {0:>12.1f} {0:>+10}")
        resident = first[0]
        for step in range(STEPS):
            took = swap(given.swaps // STEPS)
            resident, blocks = process.memory_info().rss, sys.getallocatedblocks()
            print(
                f"{(step + 1) * (given.swaps // STEPS):>8} {resident / 1e6:>14.1f}"
                f" {(resident - first[0]) / 1e6:>12.1f} {blocks - first[1]:>+10} {took:>10.1f}"
            )
    print(f"growth over {given.swaps} swaps: {(resident - first[0]) / 1e6:.1f} MB    target ≤ 10")


if __name__ == "__main__":
    main()
