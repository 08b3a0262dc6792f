"""Names other processes in messages: which one listens on a port, and how it was called.

`bind` asks when a port is taken, ``modframe doctor`` when a database is.
"""

from __future__ import annotations

from pathlib import Path

import psutil

from ..masking import is_secret_name, mask_urls

_SHOWN_ARGUMENTS = 3


def describe_listener(port: int) -> str:
    """Return ``"pid 4711 (python -m http.server)"``, or an empty text if the system does not tell.

    Linux tells it of the processes of the same user, macOS only root.
    """
    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return ""
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
        if listens and connection.pid is not None:
            command = command_of(connection.pid)
            return f"pid {connection.pid} ({command})" if command else f"pid {connection.pid}"
    return ""


def command_of(pid: int) -> str:
    """Return the first words of a process's command line, up to one that may hold a secret.

    Empty if the process has ended or belongs to another user.
    """
    try:
        program, *arguments = psutil.Process(pid).cmdline() or [""]
    except (psutil.Error, OSError):
        return ""
    shown = [Path(program).name]
    for argument in arguments[: _SHOWN_ARGUMENTS - 1]:
        if "token" in argument.lower() or is_secret_name(argument.partition("=")[0]):
            break
        shown.append(mask_urls(argument))
    return " ".join(filter(None, shown))
