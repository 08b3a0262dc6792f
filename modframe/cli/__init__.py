"""The shell: ``modframe ...`` and ``python -m modframe``.

In come words from the command line, out goes an exit status: 0 done, 1 error-level findings or a
failure, 2 usage. Each command imports what it needs when it runs, so ``--help`` is quick.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run a command, by default that of this process's arguments, and exit with its status."""
    from .commands import run

    raise SystemExit(run(args))
