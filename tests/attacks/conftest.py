"""One app for all attacks of a file, served at three places: as it is, from elsewhere, by a proxy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import modframe
from modframe.app import AppContext
from modframe.errors import ModframeError
from tests import inside
from tests.attacks.modules import FAILS, OPEN, SHOP

TOKEN = "the-token-that-a-person-gave"
FRONT = "http://localhost:5173"


@dataclass(frozen=True, slots=True)
class Site:
    """An app under attack.

    Attributes:
        port: Where only this machine reaches it, as ``app.serve()`` does.
        far: Where others reach it, as in a container.
        proxied: Where it trusts a proxy on this machine.
        kept: The token that the app keeps for this machine.
        folder: Its workspace.
    """

    app: AppContext
    port: int
    far: int
    proxied: int
    kept: str
    folder: Path

    def token(self, port: int) -> str:
        return self.kept if port == self.port else TOKEN


@pytest.fixture(autouse=True)
def no_app_left() -> None:
    """The app of this folder outlives its tests."""


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return the app; no attack changes what the others find."""
    folder = tmp_path_factory.mktemp("workspace")
    front = folder / "front"
    make_front(front)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("MODFRAME_")]:
            patch.delenv(name)
        with modframe.start(workspace=folder, data=folder / "data") as app:
            app.load({"api.py": SHOP}, id="shop")
            app.load({"api.py": OPEN}, id="open")
            app.load({"api.py": OPEN.replace("Open", "Stale")}, id="stale")
            for name in ("stale", "fails"):
                with pytest.raises(ModframeError):
                    app.load({"api.py": FAILS}, id=name)
            app.mount_static("/assets", front)
            app.mount_static("/single", front, spa=True)
            server = app.serve(port=0, cors=[FRONT], mcp=True)
            with inside.servers(app, TOKEN) as (far, proxied):
                yield Site(app, server.port, far, proxied, server.token, folder)


def make_front(front: Path) -> None:
    """Make a folder of static files, some of which nobody may have."""
    front.mkdir()
    (front / "index.html").write_text("<h1>front</h1>")
    (front / "app.js").write_text("run()" * 200)
    (front / "deep").mkdir()
    (front / "deep" / "page.txt").write_text("deep")
    (front.parent / "beside.txt").write_text("hunter2-of-a-file")
    (front.parent / "front-other").mkdir()
    (front.parent / "front-other" / "file.txt").write_text("hunter2-of-a-file")
    (front / "link.txt").symlink_to(front.parent / "beside.txt")
    (front / "linked").symlink_to(front.parent / "front-other")
    (front / ".env").write_text("hunter2-of-a-file")
    (front / ".git").mkdir()
    (front / ".git" / "config").write_text("hunter2-of-a-file")
