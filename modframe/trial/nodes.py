"""The tests of a source as pytest's tree: folders with their ``conftest.py``, and files.

No path is looked at: the files are the source's, from cells or from a folder, and their modules
belong to the private package of the generation under test.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..load.text import is_test
from .subject import Subject


class Folder(pytest.Directory):
    """A folder of the module, its own included."""

    subject: Subject
    inside: str
    """``""`` for the module's folder, ``"tests/"`` for one in it."""

    @classmethod
    def of(cls, parent: pytest.Collector, subject: Subject, inside: str) -> Folder:
        """The node of a folder."""
        made: Folder = cls.from_parent(parent, path=subject.folder / inside)
        made.subject, made.inside = subject, inside
        return made

    def collect(self) -> Iterator[pytest.Collector]:
        """Its conftest, which pytest then takes the fixtures of; its files; its folders."""
        files = [one for one in self.subject.source.files if one.startswith(self.inside)]
        conftest = f"{self.inside}conftest.py"
        if conftest in files:
            module = self.subject.package.import_file(conftest)
            self.config.pluginmanager.register(module, str(self.path / "conftest.py"))
        folders: dict[str, None] = {}
        for file in sorted(files):
            head, deeper, _ = file.removeprefix(self.inside).partition("/")
            if deeper and has_tests(self.subject, f"{self.inside}{head}/"):
                folders[head] = None
            elif is_test(file) and not deeper:
                yield TestFile.of_file(self, self.subject, file)
        for name in folders:
            yield Folder.of(self, self.subject, f"{self.inside}{name}/")


class TestFile(pytest.Module):
    """A file of tests."""

    __test__ = False

    subject: Subject
    file: str

    @classmethod
    def of_file(cls, parent: pytest.Collector, subject: Subject, file: str) -> TestFile:
        """The node of a file."""
        path: Path = subject.folder / file
        made: TestFile = cls.from_parent(parent, path=path)
        made.subject, made.file = subject, file
        return made

    def _getobj(self) -> Any:
        """The module, where pytest would import the path."""
        return self.subject.package.import_file(self.file)


def has_tests(subject: Subject, inside: str = "") -> bool:
    """Whether there are test files in a folder of the module, or anywhere in it."""
    return any(is_test(one) and one.startswith(inside) for one in subject.source.files)
