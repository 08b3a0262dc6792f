"""A port for what can't be told to take any free one and say which."""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    """Return a port that nobody has, of those that systems hand out to nobody by themselves.

    One that was handed out for port 0 may be handed out again, to a test of another process, before
    the server that it is meant for listens.
    """
    for port in random.SystemRandom().sample(range(20_000, 30_000), 100):
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("a hundred ports were taken")
