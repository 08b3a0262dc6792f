"""Runs a script in a fresh Python process, for faults that would take the test's own process along."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

_ROOT = str(Path(__file__).parents[2])


def run_script(
    script: str, folder: Path, *, timeout: float = 60, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a script with ``folder`` as its working directory.

    Args:
        script: Its text; a common indentation is taken off.
        folder: The working directory, and the workspace unless the script says otherwise.
        timeout: Seconds; generous, since it only ends a script that hangs.
        env: The whole environment, if it is not the test's own; the script can import ``tests``.

    Raises:
        subprocess.TimeoutExpired: If it hangs, which is a failure of the test.
    """
    whole = {**(os.environ if env is None else env), "PYTHONPATH": _ROOT}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=folder, env=whole, capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
