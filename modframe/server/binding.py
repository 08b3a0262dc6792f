"""`bind`: a socket that has its port and does not listen yet, or an error that says who has it.

Called first of all when a server is asked for, so that a busy port is known before anything loads.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import ServeError

_LISTENING = "0A"
_SHOWN_ARGUMENTS = 3
_HIGHEST_PORT = 65535
_PROC = Path("/proc")


def bind(host: str, port: int) -> socket.socket:
    """A TCP socket bound to an address, not listening; port 0 picks a free one.

    Raises:
        ServeError: If the port is taken (by whom, if this machine tells), or the address is bad.
    """
    try:
        if not 0 <= port <= _HIGHEST_PORT:
            # getaddrinfo would take it modulo 65536.
            raise OverflowError("the port is out of range")
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, OverflowError, UnicodeError) as error:
        raise _refusal(error, host, port) from error
    bound = socket.socket(family, kind, protocol)
    try:
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        _bind_alone(bound, address)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        raise _refusal(error, host, port) from error
    return bound


def _bind_alone(bound: socket.socket, address: tuple[Any, ...]) -> None:
    """Bind without sharing; share only with what a server that stopped a moment ago left behind.

    With SO_REUSEADDR from the start, two programs that both load before they listen would both
    get the port, and the second would learn it only at the end.
    """
    try:
        bound.bind(address)
    except OSError as error:
        if error.errno != errno.EADDRINUSE or os.name != "posix":
            raise
        release_leftovers(bound)
        bound.bind(address)


def release_leftovers(bound: socket.socket) -> None:
    """Let the next server have the port while connections of this one still wind down.

    Called right before listening; a port that is listened on can't be taken in spite of it.
    """
    if os.name == "posix":
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def _refusal(error: Exception, host: str, port: int) -> ServeError:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        return in_use(host, port)
    if number == errno.EACCES:
        cure = "pass a port above 1023, or port=0 for a free one"
    else:
        cure = "give an address of this machine, such as '127.0.0.1', and a port up to 65535"
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return ServeError(
        f"can't serve on {host!r}, port {port}: {text}", cure=cure, host=host, port=port
    )


def in_use(host: str, port: int) -> ServeError:
    """The error for a port that another has, naming it where the system tells."""
    holder = _holder(port)
    return ServeError(
        f"port {port} on {host!r} is in use{f' by {holder}' if holder else ''}",
        cure="stop that one, or pass port=0 for a free port",
        host=host,
        port=port,
    )


# -- who has it: Linux tells, of this user's processes -----------------------------------------


def _holder(port: int) -> str:
    """``"pid 4711 (python -m http.server)"``; empty if nobody tells."""
    links = {f"socket:[{inode}]" for inode in _inodes(port)}
    if not links:
        return ""
    for process in _PROC.glob("[0-9]*"):
        try:
            if any(str(link.readlink()) in links for link in (process / "fd").iterdir()):
                return f"pid {process.name} ({command_of(process)})"
        except OSError:  # gone meanwhile, or another user's
            continue
    return ""


def _inodes(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        try:
            rows = (_PROC / "net" / table).read_text().splitlines()[1:]
        except OSError:  # no such system
            continue
        for row in rows:
            columns = row.split()
            local, state, inode = columns[1], columns[3], columns[9]
            if state == _LISTENING and int(local.rpartition(":")[2], 16) == port:
                yield inode


def command_of(process: Path) -> str:
    """The first words a process was called with, up to one that speaks of a token.

    Args:
        process: Its folder below ``/proc``.

    Raises:
        OSError: If it is gone, or this system has no such folder.
    """
    words = (process / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    shown = [Path(words[0]).name]
    for word in words[1:_SHOWN_ARGUMENTS]:
        if "token" in word.lower():
            break
        shown.append(word)
    return " ".join(word for word in shown if word)
