"""What ``import modframe`` costs over ``import fastapi``, in fresh processes, interleaved.

Run `python benchmarks/importing.py`. Both figures are without the interpreter's own start.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

ROUNDS = 7
CODE = "import time; t = time.perf_counter(); import {name}; print(time.perf_counter() - t)"


def seconds(name: str) -> float:
    """Seconds that importing a package takes in a fresh interpreter."""
    run = subprocess.run(
        [sys.executable, "-c", CODE.format(name=name)], capture_output=True, text=True, check=True
    )
    return float(run.stdout)


def main() -> None:
    """Print the table."""
    for name in ("modframe", "fastapi"):
        seconds(name)  # compiles and caches
    rounds = [(seconds("modframe"), seconds("fastapi")) for _ in range(ROUNDS)]
    own, other = (statistics.median(one) for one in zip(*rounds, strict=True))
    print(f"{'import modframe':<24} {own * 1000:>8.1f} ms")
    print(f"{'import fastapi':<24} {other * 1000:>8.1f} ms")
    print(f"{'ratio':<24} {own / other:>8.3f}    target ≤ 0.1")


if __name__ == "__main__":
    main()
