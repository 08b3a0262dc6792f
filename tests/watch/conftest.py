"""Files of modules as people and their tools save them, and an app that follows them."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import modframe
from modframe.app import AppContext
from tests.fakes import simple

PATIENCE = 30.0


def get(value: object, *, arguments: str = "", head: str = "") -> str:
    """A module that answers one value."""
    return simple(
        f"async def get(self):\n    return {value!r}", arguments=arguments, head=dedent(head)
    )


class Saved:
    """A workspace whose modules are followed."""

    def __init__(self, app: AppContext, folder: Path) -> None:
        self.app = app
        self.folder = folder
        self.said: list[str] = []
        app._engine.watching.report = self.said.append
        self.watcher = app.watch()
        self._fences = 0

    def path(self, name: str, file: str = "api.py") -> Path:
        """Where a file of a module is; its folder is there."""
        path = self.folder / "modules/standard" / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def save(self, name: str, text: str, file: str = "api.py") -> Path:
        """Write a file in place."""
        path = self.path(name, file)
        path.write_text(text)
        return path

    def answers(self, name: str) -> Any:
        """What a module answers, or nothing while it isn't live."""
        if name not in self.app.modules or self.app.modules[name].state != "LIVE":
            return None
        return self.app.get_service(name).get().result()

    def until(self, question: Callable[[], Any]) -> Any:
        """Ask until the answer is true; a bound against hanging, not a clock."""
        wait = threading.Event()
        for _ in range(int(PATIENCE / 0.01)):
            if answer := question():
                return answer
            wait.wait(0.01)
        raise AssertionError(f"it never became true; the watch said {self.said}")

    def until_answer(self, name: str, value: object) -> None:
        """Wait for an answer."""
        self.until(lambda: self.answers(name) == value)

    def settle(self) -> None:
        """Wait until everything that was saved so far has been looked at."""
        self._fences += 1
        self.save("fence", get(self._fences))
        self.until_answer("fence", self._fences)

    def number(self, name: str) -> int:
        """The generation that is live."""
        return self.app.modules[name].generation


@pytest.fixture
def saved(app: AppContext, workspace: Path) -> Saved:
    """A running app that follows an empty workspace."""
    return Saved(app, workspace)


@pytest.fixture
def errors(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What was logged as an error so far."""
    caplog.set_level(logging.WARNING, "modframe")
    return lambda: [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR]


def rename_over(path: Path, text: str) -> None:
    """A temporary file beside it, put in its place."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    beside.write_text(text)
    beside.replace(path)


def in_place(path: Path, text: str) -> None:
    """One write."""
    path.write_text(text)


def truncate_then_write(path: Path, text: str) -> None:
    """Emptied for a moment that is longer than a burst's quiet one."""
    path.write_text("")
    threading.Event().wait(0.1)
    path.write_text(text)


def delete_then_create(path: Path, text: str) -> None:
    """Gone for such a moment."""
    path.unlink()
    threading.Event().wait(0.1)
    path.write_text(text)


def as_vim(path: Path, text: str) -> None:
    """Probe, swap file, the old one renamed to a backup, the new one written, the backup gone."""
    swap = path.with_name(f".{path.name}.swp")
    swap.write_bytes(b"b0VIM 9.0")
    probe = path.with_name("4913")
    probe.write_text("")
    probe.unlink()
    backup = path.with_name(f"{path.name}~")
    path.rename(backup)
    path.write_text(text)
    backup.unlink()
    swap.unlink()


def as_emacs(path: Path, text: str) -> None:
    """A lock that is a link to nowhere, an autosave, and the file."""
    lock = path.with_name(f".#{path.name}")
    lock.symlink_to("someone@somewhere.1234")
    autosave = path.with_name(f"#{path.name}#")
    autosave.write_text(text[: len(text) // 2])
    path.rename(path.with_name(f"{path.name}~"))
    path.write_text(text)
    autosave.unlink()
    lock.unlink()


def in_pieces(path: Path, text: str) -> None:
    """Half of it, then the rest."""
    with path.open("w") as file:
        file.write(text[: len(text) // 2])
        file.flush()
        file.write(text[len(text) // 2 :])


WAYS = (
    in_place,
    rename_over,
    truncate_then_write,
    delete_then_create,
    as_vim,
    as_emacs,
    in_pieces,
)


@pytest.fixture
def started(workspace: Path) -> Iterator[Callable[..., AppContext]]:
    """Starts an app in the workspace as a test wants it, and stops it."""
    apps: list[AppContext] = []

    def start(**options: Any) -> AppContext:
        apps.append(modframe.start(workspace=workspace, data=":memory:", **options))
        return apps[-1]

    yield start
    for one in apps:
        one.stop()
