"""`bind`: returns a `Listener` that has its port and does not listen yet, or raises `ServeError`.

It is called before anything loads, so that a busy port is known at once.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Any

from ..errors import ServeError

_HIGHEST_PORT = 65535


class Listener(socket.socket):
    """A socket that accepts connections, also where the process can open nothing more.

    Attributes:
        lack: Called when there was no descriptor for a connection.
    """

    lack: Callable[[], object] = staticmethod(lambda: None)
    _lacked = False

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection.

        Raises:
            OSError: If there is no descriptor for it; asyncio then waits for a second. Python 3.11
                tries on at once all the same, up to 2,000 times, and logs each; so the next call
                says that nobody is there.
        """
        if self._lacked:
            self._lacked = False
            raise BlockingIOError(errno.EAGAIN, "no descriptor was left a moment ago")
        try:
            return super().accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._lacked = True
                self.lack()
            raise


def bind(host: str, port: int) -> Listener:
    """Return a TCP socket that is bound to an address and does not listen; port 0 picks a free one.

    Raises:
        ServeError: If the port is taken or the address is bad.
    """
    if not 0 <= port <= _HIGHEST_PORT:  # getaddrinfo would take it modulo 65536
        raise _refusal(OverflowError("the port is out of range"), host, port)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, OverflowError, UnicodeError) as error:
        raise _refusal(error, host, port) from error
    bound = Listener(family, kind, protocol)
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
    """Bind without sharing the port, except with connections that a stopped server left behind.

    With SO_REUSEADDR from the start, two programs that both load before they listen would both
    get the port, and the second would fail only after it had loaded.
    """
    try:
        bound.bind(address)
    except OSError as error:
        if error.errno != errno.EADDRINUSE or os.name != "posix":
            raise
        release_leftovers(bound)
        bound.bind(address)


def release_leftovers(bound: socket.socket) -> None:
    """Allow the port to be bound again while old connections on it are still closing.

    Called right before listening: no other socket can bind a port that is listened on.
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
    """Return the error for a port that another process has, naming the process if possible."""
    from .processes import describe_listener  # psutil takes 40 ms to import; only this needs it

    holder = describe_listener(port)
    return ServeError(
        f"port {port} on {host!r} is in use{f' by {holder}' if holder else ''}",
        cure="stop that one, or pass port=0 for a free port",
        host=host,
        port=port,
    )
