"""`bind_unix`: returns a `Listener` on a Unix socket, whose file belongs to it.

``modframe serve --uds`` calls it before anything loads. The file is only for this user; in a folder
with the setgid bit, also for the folder's group, such as that of a proxy. It goes with the server.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from ..errors import ServeError
from ..source.folder_lock import lock_folder
from .binding import Listener

_QUEUE = 128
_OWN, _WITH_GROUP = 0o600, 0o660


class UnixListener(Listener):
    """A listening Unix socket.

    Attributes:
        path: Where its file is.
    """

    path: Path
    _file: tuple[int, int] | None = None

    def own(self, path: Path) -> None:
        """Remove the file at ``path`` when this is closed, if it is still the same one."""
        self.path = path
        self._file = _identity(path)

    def close(self) -> None:
        """Close it, and remove its file."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                if _identity(self.path) == file:
                    self.path.unlink()
        super().close()


def bind_unix(path: Path) -> UnixListener:
    """Return a Unix socket that listens: clients wait there until the server accepts them.

    It listens at once, since another process can't tell a socket that nobody listens on yet from
    one that was left behind. One that was left behind is replaced.

    Raises:
        ServeError: If something listens there, a file of another kind is in the way, or it can't
            be made.
    """
    path = path.expanduser().absolute()
    if not hasattr(socket, "AF_UNIX"):
        raise _refusal(path, "this system has no Unix sockets", cure="pass --host and --port")
    bound = UnixListener(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with lock_folder(path.parent):  # two processes that begin take turns
            _remove_left_behind(path)
            _bind(bound, path)
            bound.listen(_QUEUE)
            bound.own(path)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        raise _refusal(path, error.strerror or str(error)) from error
    except BaseException:
        bound.close()
        raise
    return bound


def _bind(bound: socket.socket, path: Path) -> None:
    """Make the file with its final mode: one that is set later comes too late for some client."""
    shared = path.parent.stat().st_mode & stat.S_ISGID
    before = os.umask(0o777 & ~(_WITH_GROUP if shared else _OWN))  # of the process: no thread yet
    try:
        bound.bind(str(path))
    finally:
        os.umask(before)


def _remove_left_behind(path: Path) -> None:
    """Remove the file of a socket that nobody listens on.

    Raises:
        ServeError: If it is something else, or somebody listens.
    """
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise _refusal(path, "a file that is no socket is there", cure="name another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.setblocking(False)
        answer = client.connect_ex(str(path))
    if answer != errno.ECONNREFUSED:
        raise _refusal(
            path, "a process listens there already", cure="stop it, or name another path"
        )
    path.unlink()


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino


def _refusal(path: Path, why: str, *, cure: str = "") -> ServeError:
    return ServeError(
        f"can't serve on the Unix socket {path}: {why}",
        cure=cure or "name a path of at most 100 bytes in a folder that exists and is yours",
        path=path,
    )
