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
import modframe.cockpit.widget
print([name for name in heavy[:5] if name in sys.modules])
import modframe.server.site
print([name for name in sys.modules if name.partition(".")[0] in ("mcp", "mcp_types")])
"""


def test_the_app_loads_no_framework_by_itself() -> None:
    """Web framework, server, databases and widgets are imported where they are used.

    The cockpit in a notebook needs widgets alone. So is what answers assistants, which serving
    alone doesn't need.
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "[]\n[]\n[]\n", done.stderr
