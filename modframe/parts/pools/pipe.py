"""Messages between a process and its child: eight bytes of length, then the content."""

from __future__ import annotations

import struct
from typing import IO

_LENGTH = struct.Struct("!Q")


def write_message(stream: IO[bytes], content: bytes) -> None:
    """Write a message, whole."""
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def read_message(stream: IO[bytes]) -> bytes:
    """Return the next message; empty once the other side has closed the pipe."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return b""
    return stream.read(*_LENGTH.unpack(head))
