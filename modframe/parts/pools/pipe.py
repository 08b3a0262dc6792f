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
    """Return the next message; empty once the other side has closed the pipe, also within one."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return b""
    (length,) = _LENGTH.unpack(head)
    content = stream.read(length)
    return content if len(content) == length else b""
