"""When packages are imported: the web framework with the first router, the server on serving."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
import modframe.app
heavy = ("fastapi", "starlette", "uvicorn", "duckdb", "sqlalchemy", "ipywidgets")
print([name for name in heavy if name in sys.modules])
"""


def test_the_app_loads_no_framework_by_itself() -> None:
    """Web framework, server, databases and widgets are imported where they are used."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "[]\n", done.stderr
