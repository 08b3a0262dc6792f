"""Ways in which editors and tools save the files of modules, and an app that follows them."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partialmethod
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import modframe
from modframe.app import AppContext
from modframe.source.watch import FileWatch
from tests.fakes import simple

PATIENCE = 60.0


def get(value: object, *, arguments: str = "", head: str = "") -> str:
    """Return the text of a module that answers one value."""
    return simple(
        f"async def get(self):\n    return {value!r}", arguments=arguments, head=dedent(head)
    )


class Saved:
    """A workspace whose modules are followed."""

    def __init__(self, app: AppContext, folder: Path) -> None:
        self.app = app
        self.folder = folder
        self.watcher = app.watch()
        self._fences = 0

    @property
    def said(self) -> list[str]:
        """The log's lines so far; there is one for each module of a burst."""
        return [f"{line.module_id} {line.message}" for line in self.app.snapshot().log]

    def path(self, name: str, file: str = "api.py") -> Path:
        """Return the path of a module's file, and make its folder."""
        path = self.folder / "modules/standard" / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def save(self, name: str, text: str, file: str = "api.py") -> Path:
        """Write a file in place."""
        path = self.path(name, file)
        path.write_text(text)
        return path

    def save_together(self, texts: Mapping[str, str]) -> None:
        """Save several modules in one burst: their texts are written before, and put in place."""
        written = {self.path(name, ".new"): self.path(name) for name in texts}
        for new, text in zip(written, texts.values(), strict=True):
            new.write_text(text)
        for new, path in written.items():
            new.replace(path)

    def answers(self, name: str) -> Any:
        """Return what a module answers; None while it isn't live."""
        if name not in self.app.modules or self.app.modules[name].state != "LIVE":
            return None
        return self.app.get_service(name).get().result()

    def until(self, question: Callable[[], Any]) -> Any:
        """Ask until the answer is true, and return it; fail after a bound."""
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
        """Wait until everything that was saved so far has been handled."""
        self._fences += 1
        self.save("fence", get(self._fences))
        self.until_answer("fence", self._fences)

    def number(self, name: str) -> int:
        """Return the number of the live generation."""
        return self.app.modules[name].generation


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the pause that ends a burst longer than a busy machine lets pass between two saves."""
    patient = partialmethod(FileWatch.bursts, quiet=0.25, longest=PATIENCE)
    monkeypatch.setattr(FileWatch, "bursts", patient)


@pytest.fixture
def saved(app: AppContext, workspace: Path) -> Saved:
    """A running app that follows an empty workspace."""
    return Saved(app, workspace)


@pytest.fixture
def errors(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return what was logged as an error so far."""
    caplog.set_level(logging.INFO, "modframe")
    return lambda: [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR]


def rename_over(path: Path, text: str) -> None:
    """Write a temporary file and rename it over the path."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    beside.write_text(text)
    beside.replace(path)


def in_place(path: Path, text: str) -> None:
    """Write the file once."""
    path.write_text(text)


def truncate_then_write(path: Path, text: str) -> None:
    """Empty the file for longer than the pause that ends a burst, then write it."""
    path.write_text("")
    threading.Event().wait(0.1)
    path.write_text(text)


def delete_then_create(path: Path, text: str) -> None:
    """Delete the file for as long, then write it."""
    path.unlink()
    threading.Event().wait(0.1)
    path.write_text(text)


def as_vim(path: Path, text: str) -> None:
    """Write a probe and a swap file, rename the old file to a backup, write the new one, clean up."""
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
    """Make a lock, which is a link to nowhere, and an autosave, then write the file."""
    lock = path.with_name(f".#{path.name}")
    lock.symlink_to("someone@somewhere.1234")
    autosave = path.with_name(f"#{path.name}#")
    autosave.write_text(text[: len(text) // 2])
    path.rename(path.with_name(f"{path.name}~"))
    path.write_text(text)
    autosave.unlink()
    lock.unlink()


def in_pieces(path: Path, text: str) -> None:
    """Write one half, then the other."""
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
    """Return a function that starts an app in the workspace; the apps are stopped at the end."""
    apps: list[AppContext] = []

    def start(**options: Any) -> AppContext:
        apps.append(modframe.start(workspace=workspace, data=":memory:", **options))
        return apps[-1]

    yield start
    for one in apps:
        one.stop()
