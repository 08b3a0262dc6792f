"""`Limits`: what a server takes of its clients: how many connections, how much, and how slowly.

The engine makes it of the settings, and hands it to the site. `Connections` and `BodyLimit` hold
the clients to it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass

if sys.platform != "win32":
    import resource

_MOST = 10_000
_FEWEST = 8
_NO_LIMIT = 1 << 20
_FOLDER_OF_DESCRIPTORS = "/dev/fd"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server takes of its clients.

    Attributes:
        max_body: Bytes of a request's body, unless its route says otherwise.
        client_timeout: Seconds that the head of a request may take, and its body beside a second
            for each kilobyte; 0 for as long as it takes.
        max_connections: Connections that are open at a time; ``None`` for three quarters of the
            files that the process may still open, at most 10,000.
    """

    max_body: int = 16_000_000
    client_timeout: float = 20.0
    max_connections: int | None = None

    def connections(self) -> int:
        """Return how many connections may be open at a time, as the process is now."""
        return self.max_connections or _affordable()


def _affordable() -> int:
    """Return three quarters of the descriptors that are left; modules need the rest."""
    if sys.platform == "win32":
        return _MOST
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft in (resource.RLIM_INFINITY, -1) or soft > _NO_LIMIT:
        return _MOST
    used = 0
    with contextlib.suppress(OSError):
        used = len(os.listdir(_FOLDER_OF_DESCRIPTORS))  # noqa: PTH208  # names alone
    return max(_FEWEST, min(_MOST, (soft - used) * 3 // 4))
