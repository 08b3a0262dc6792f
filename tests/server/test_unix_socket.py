"""Unix sockets: who may connect, and what happens to a file that is there already."""

from __future__ import annotations

import os
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from modframe.errors import ServeError
from modframe.server.unix_socket import bind_unix

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no Unix sockets")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a path that is short enough for a socket."""
    with TemporaryDirectory(prefix="mf-") as name:
        yield Path(name)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_only_this_user_may_connect(folder: Path) -> None:
    """In a folder with the setgid bit, its group may as well; whatever the umask is."""
    before = os.umask(0)
    try:
        with bind_unix(folder / "a.sock") as bound:
            assert mode_of(folder / "a.sock") == 0o600
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(bound.path))
        folder.chmod(0o2750)
        with bind_unix(folder / "a.sock"):
            assert mode_of(folder / "a.sock") == 0o660
        assert os.umask(0) == 0
    finally:
        os.umask(before)


def test_its_file_goes_with_it(folder: Path) -> None:
    """Another one that took its place stays."""
    path = folder / "a.sock"
    bind_unix(path).close()
    assert not path.exists()
    first = bind_unix(path)
    path.unlink()
    second = bind_unix(path)
    first.close()
    assert path.exists()
    second.close()


def test_a_socket_that_was_left_behind_is_replaced(folder: Path) -> None:
    """A killed process leaves its file."""
    path = folder / "a.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.exists()
    bind_unix(path).close()


def test_one_that_listens_is_left_alone(folder: Path) -> None:
    """Also while its process is still loading, and if its queue is full."""
    path = folder / "a.sock"
    with bind_unix(path), pytest.raises(ServeError, match=r"a.sock: a process listens there"):
        bind_unix(path)
    with socket.socket(socket.AF_UNIX) as full:
        full.bind(str(path))
        full.listen(0)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            with pytest.raises(ServeError, match="a process listens there already"):
                bind_unix(path)
    path.unlink()


def test_other_files_and_links_are_left_alone(folder: Path) -> None:
    """Nothing but a socket is removed, and no link is followed."""
    target = folder / "precious"
    target.write_text("mine")
    (folder / "link").symlink_to(target)
    (folder / "dangling").symlink_to(folder / "nowhere")
    for name in ("precious", "link", "dangling"):
        with pytest.raises(ServeError, match="a file that is no socket is there"):
            bind_unix(folder / name)
    assert target.read_text() == "mine"


def test_a_path_that_can_not_be_says_why(folder: Path) -> None:
    """A missing folder, or a path that is too long for a socket."""
    with pytest.raises(ServeError, match="No such file or directory"):
        bind_unix(folder / "none" / "a.sock")
    with pytest.raises(ServeError, match=r"too long.* at most 100 bytes"):
        bind_unix(folder / ("a" * 120))
    assert [*folder.iterdir()] == []
