"""The shell as a person uses it: real subprocesses, real files, real sockets."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 90.0
"""Seconds after which a process that hangs fails the test."""


class Running:
    """A process whose lines are read as they come."""

    def __init__(self, words: Sequence[str], cwd: Path, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            words, cwd=cwd, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.lines: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def close(self) -> None:
        """Let go of the pipe, once the process has ended."""
        self._reader.join(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def wait_for(self, start: str) -> str:
        """The first line from here on that begins so."""
        return self._wait(lambda line: line.startswith(start), repr(start))

    def _wait(self, fits: Callable[[str], bool], what: str) -> str:
        while True:
            line = self._queue.get(timeout=PATIENCE)
            if line is None:
                raise AssertionError(f"it ended without a line {what}: {self.lines}")
            self.lines.append(line)
            if fits(line):
                return line

    def wait_for_end(self, end: str) -> str:
        """The first line from here on that ends so."""
        return self._wait(lambda line: line.endswith(end), f"that ends with {end!r}")

    def url(self) -> str:
        """Where it serves, once it does."""
        return self.wait_for("serving at ").split()[2]

    def end(self, number: signal.Signals | None = None) -> int:
        """Send a signal, if one is given, and wait for the end; the exit status."""
        if number is not None:
            self.process.send_signal(number)
        status = self.process.wait(timeout=PATIENCE)
        while (line := self._queue.get(timeout=PATIENCE)) is not None:
            self.lines.append(line)
        return status


class Shell:
    """Runs ``modframe`` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            key: value for key, value in os.environ.items() if not key.startswith("MODFRAME_")
        }
        self.env |= {"PYTHONPATH": str(ROOT), "COLUMNS": "60", "PYTHONUNBUFFERED": "1"}
        # Two plugins that no pytest of a shell needs, which take seconds to import.
        self.env |= {"PYTEST_ADDOPTS": "-p no:nbval -p no:hypothesispytest"}
        self.started: list[Running] = []

    def at(self, folder: Path) -> Shell:
        """The same shell in another folder."""
        other = Shell(folder)
        other.started = self.started
        return other

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "modframe", *words],
            cwd=self.folder,
            env={**self.env, **env},
            text=True,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )

    def begin(self, *words: str, **env: str) -> Running:
        """Begin a command that goes on."""
        return self.python("-m", "modframe", *words, **env)

    def python(self, *words: str, **env: str) -> Running:
        """Begin any Python program."""
        running = Running([sys.executable, *words], self.folder, {**self.env, **env})
        self.started.append(running)
        return running

    def write(self, module_id: str, text: str, file: str = "api.py") -> Path:
        """Write a file of a module."""
        path = self.folder / "modules" / module_id.replace(".", "/") / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in an empty folder; what it began ends with the test."""
    made = Shell(tmp_path)
    yield made
    for one in made.started:
        with contextlib.suppress(ProcessLookupError):
            one.process.kill()
        one.process.wait(timeout=PATIENCE)
        one.close()
