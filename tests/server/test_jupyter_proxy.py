"""Behind a real jupyter-server-proxy, which takes its prefix off the path, or leaves it there."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from modframe.server.proxies import behind_proxies
from tests.server.fakes import live_of, served, site_of
from tests.server.test_proxies import BEARER, TOKEN, routes

pytestmark = pytest.mark.soak
pytest.importorskip("jupyter_server_proxy", reason="jupyter-server-proxy is in the extra test")
BASE = "/user/ada"


@pytest.fixture(scope="module")
def jupyter() -> Iterator[str]:
    """The address of a Jupyter server whose users have to sign in elsewhere, as on a hub."""
    with tempfile.TemporaryDirectory() as folder:
        env = {key: value for key, value in os.environ.items() if not key.startswith("JUPYTER")}
        env |= {"JUPYTER_CONFIG_DIR": folder, "JUPYTER_DATA_DIR": folder, "HOME": folder}
        words = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--port=0"]
        words += ["--IdentityProvider.token=", f"--ServerApp.base_url={BASE}"]
        words += ["--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={folder}"]
        with subprocess.Popen(
            words, env=env, cwd=folder, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                yield _address_in(process)
            finally:
                process.terminate()


def _address_in(process: subprocess.Popen[str]) -> str:
    """Return where it serves, and read on, so that it never waits for a reader."""
    assert process.stderr is not None
    for line in process.stderr:
        if "http://127.0.0.1:" in line:
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return f"http://127.0.0.1:{line.partition('http://127.0.0.1:')[2].split('/')[0]}"
    raise AssertionError("jupyter server ended before it served")


@contextlib.contextmanager
def app_at(prefix: str) -> Iterator[str]:
    """Serve a site that knows where it is, if its prefix is left in its paths; yield where."""
    guarded = site_of(live_of(some=routes()), token=TOKEN)
    made: list[Any] = []

    async def asgi(*connection: Any) -> None:
        await made[0](*connection)

    with served(asgi) as site:
        root = f"{BASE}{prefix}/{site.port}"
        left = root if "absolute" in prefix else ""
        made.append(behind_proxies(guarded, ["127.0.0.1"], left))
        yield root


@pytest.mark.parametrize("prefix", ["/proxy", "/proxy/absolute"])
def test_links_posts_and_websockets_go_through_it(jupyter: str, prefix: str) -> None:
    """Under both of its addresses."""
    with app_at(prefix) as root:
        here = f"{jupyter}{root}"
        path = f"{here}/api/v1/some/seen"
        seen = httpx.get(path, headers=BEARER, timeout=30)
        assert seen.json()["self"] == path
        own = {**BEARER, "Origin": jupyter}
        assert httpx.post(path, headers=own, timeout=30).status_code == 200
        foreign = {**BEARER, "Origin": "http://evil.example"}
        assert httpx.post(path, headers=foreign, timeout=30).status_code == 403
        document = httpx.get(f"{here}/openapi.json", headers=BEARER, timeout=30).json()
        assert document["servers"] == [{"url": root}]
        moved = httpx.get(f"{here}/api/v1/some/slash", headers=BEARER, timeout=30)
        assert moved.headers["location"] == f"{here}/api/v1/some/slash/"
        socket = f"{here}/api/v1/some/socket".replace("http", "ws", 1)
        with connect(socket, additional_headers=BEARER, origin=jupyter) as web:  # type: ignore[arg-type]
            # It says its prefix of HTTP alone, so the server knows it only where it is left.
            assert str(web.recv(10)).endswith("/api/v1/some/socket")
