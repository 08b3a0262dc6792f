"""`serve_on_stdio`: the protocol on standard input and output, until the client closes them.

``modframe mcp`` calls it. `Wire` takes both away from everything else in the process first: what
modules and their children print goes to standard error, and they read nothing.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, BinaryIO, Self

from mcp.server.stdio import stdio_server

from .assistants import Assistants

_STDIN, _STDOUT, _STDERR = 0, 1, 2


class Wire:
    """Standard input and output as the client has them, and nobody else.

    Attributes:
        lines: What the client sends. ``answers``: what it gets.
    """

    def __init__(self, lines: BinaryIO, answers: BinaryIO) -> None:
        self.lines, self.answers = lines, answers

    @classmethod
    def taken(cls) -> Self:
        """Take both; call it before any module is loaded. They are not given back.

        A print that is still buffered at the end of the process must not reach the client, so
        ``sys.stdout`` becomes standard error.
        """
        sys.stdout.flush()
        wire = cls(os.fdopen(os.dup(_STDIN), "rb"), os.fdopen(os.dup(_STDOUT), "wb"))
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, _STDIN)
        os.close(nothing)
        os.dup2(_STDERR, _STDOUT)
        sys.stdout = sys.stderr
        return wire


async def serve_on_stdio(assistants: Assistants, wire: Wire) -> None:
    """Answer the client until it closes its side; must be on the app loop."""
    lines: Any = _Lines(wire.lines)
    answers: Any = _Writer(wire.answers)
    server = assistants.server
    assistants.begin()
    try:
        async with stdio_server(stdin=lines, stdout=answers) as (read, write):
            await server.run(read, write, server.create_initialization_options())
    finally:
        assistants.end()


class _Lines:
    """The lines of a file, read on a daemon thread: one that blocks keeps no process from ending.

    The SDK's own reader would, since a thread that waits for input can't be cancelled.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        threading.Thread(target=self._read, name="modframe-mcp-input", daemon=True).start()

    def _read(self) -> None:
        with suppress(RuntimeError):  # the loop has closed
            for line in self._file:
                text = line.decode("utf-8", "replace")
                self._loop.call_soon_threadsafe(self._lines.put_nowait, text)
            self._loop.call_soon_threadsafe(self._lines.put_nowait, None)

    async def __aiter__(self) -> AsyncIterator[str]:
        while (line := await self._lines.get()) is not None:
            yield line


class _Writer:
    """Writes lines to a file, each at once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    async def write(self, text: str) -> None:
        """Write a text, on a thread: a client that doesn't read keeps nothing but its answers."""
        await asyncio.to_thread(self._file.write, text.encode())

    async def flush(self) -> None:
        """Hand over what was written."""
        await asyncio.to_thread(self._file.flush)
