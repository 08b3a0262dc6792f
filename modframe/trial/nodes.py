"""The tests of a source as nodes of pytest: folders with their ``conftest.py``, and files.

Nothing is read from disk. The files come from the source, and are imported as files of the private
package of the generation under test.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..load.text import is_test
from .subject import Subject


class Folder(pytest.Directory):
    """The module's folder, or a folder in it."""

    subject: Subject
    inside: str
    """``""`` for the module's folder, ``"tests/"`` for one in it."""

    @classmethod
    def of(cls, parent: pytest.Collector, subject: Subject, inside: str) -> Folder:
        node: Folder = cls.from_parent(parent, path=subject.folder / inside)
        node.subject, node.inside = subject, inside
        return node

    def collect(self) -> Iterator[pytest.Collector]:
        """Register the folder's conftest, then yield its files and its folders."""
        files = [file for file in self.subject.source.files if file.startswith(self.inside)]
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
        path: Path = subject.folder / file
        node: TestFile = cls.from_parent(parent, path=path)
        node.subject, node.file = subject, file
        return node

    def _getobj(self) -> Any:
        """Import the file into the package; pytest would import the path."""
        return self.subject.package.import_file(self.file)


def has_tests(subject: Subject, inside: str = "") -> bool:
    """Return whether there are test files in a folder of the module, by default in all of it."""
    return any(is_test(file) and file.startswith(inside) for file in subject.source.files)
