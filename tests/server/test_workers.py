"""Several workers of one server: the second one is refused, with the reason."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modframe.server.workers import sole_worker
from tests.fakes import ORDERS

ROOT = str(Path(__file__).parents[2])
HOLD = """
import sys
from pathlib import Path
from modframe.server.workers import sole_worker

with sole_worker(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
FORK = """
import os, sys
from pathlib import Path
from modframe.server.workers import sole_worker

if child := os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
with sole_worker(Path(sys.argv[1])):
    if grandchild := os.fork():
        os._exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]))
"""


def environment() -> dict[str, str]:
    own = {key: value for key, value in os.environ.items() if not key.startswith("MODFRAME_")}
    return {**own, "PYTHONPATH": ROOT}


@pytest.fixture
def app(workspace: Path) -> Path:
    """A workspace with an ``app.py`` for other servers."""
    folder = workspace / "modules" / "standard" / "orders"
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(ORDERS)
    (workspace / "app.py").write_text("import modframe\n\napp = modframe.create_app()\n")
    return workspace


def run(app: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=app,
        env={**environment(), **env},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=90,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "env"),
    [
        pytest.param(["--workers", "2"], {}, id="workers"),
        pytest.param([], {"WEB_CONCURRENCY": "3"}, id="environment", marks=pytest.mark.soak),
    ],
)
def test_uvicorn_ends_with_the_reason(app: Path, words: list[str], env: dict[str, str]) -> None:
    """It doesn't serve with one of them, and the cure is said."""
    ended = run(app, "uvicorn", "app:app", "--port", "0", *words, **env)
    assert "is a second worker of a server: process" in ended.stdout, ended.stdout
    assert "a swap would reach one of them" in ended.stdout
    assert "--workers 1" in ended.stdout
    assert "stopping the parent process" in ended.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="no such lock")
def test_programs_that_were_started_separately_may_share_a_folder(tmp_path: Path) -> None:
    """Of one shell as well; the lock of one that was killed is free."""
    words = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(
        words, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with sole_worker(tmp_path):
            assert (tmp_path / "worker.lock").read_text().split() == [
                str(other.pid),
                str(os.getpid()),
            ]
        other.send_signal(signal.SIGKILL)
        other.wait()
    with sole_worker(tmp_path):
        assert (tmp_path / "worker.lock").read_text().split()[0] == str(os.getpid())


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_without_a_folder_or_after_a_fork_nothing_is_held(tmp_path: Path) -> None:
    """A worker that was forked runs alone, and its own children keep no lock."""
    with sole_worker(None):
        pass
    ended = subprocess.run(
        [sys.executable, "-c", FORK, str(tmp_path)], env=environment(), timeout=60, check=False
    )
    assert ended.returncode == 0


@pytest.mark.soak
@pytest.mark.parametrize("server", ["granian", "hypercorn"])
def test_other_servers_refuse_as_well(app: Path, server: str) -> None:
    """They end as well, and the reason is in their output."""
    pytest.importorskip(server)
    words = {
        "granian": ["--interface", "asgi", "--workers", "2", "--port", "0", "app:app"],
        "hypercorn": ["--workers", "2", "--bind", "127.0.0.1:0", "app:app"],
    }
    ended = run(app, server, *words[server])
    assert "is a second worker of a server" in ended.stdout, ended.stdout
