"""`PackageFinder`: shows the import system the files of private packages.

A `Package` adds itself when it is made and is marked closed at its end. Plain names such as
``modules.standard.orders`` are found by `modframe.runtime.finder`.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Protocol
from weakref import WeakValueDictionary

from ..names import package_in


class PrivatePackage(Protocol):
    """What the finder and import functions need of a package.

    Attributes:
        complete: Whether all of its files were executed.
        closed: Whether it was taken out of the import system.
    """

    name: str
    complete: bool
    closed: bool

    def find(self, name: str) -> ModuleSpec | None:
        """Return the spec of one of its modules, or ``None``."""

    def close(self) -> None:
        """Take it out of the import system."""

    def import_after_close(self, name: str) -> ModuleType:
        """Import one of its modules after it was closed."""


class PackageFinder:
    """The private packages by name: the open ones, and those closed that are still used.

    Attributes:
        lock: Held while packages are added and closed.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._open: dict[str, PrivatePackage] = {}
        self._closed: WeakValueDictionary[str, PrivatePackage] = WeakValueDictionary()
        self._abandoned: set[str] = set()

    def install(self) -> None:
        """Put the finder first in ``sys.meta_path``, unless it is there."""
        entry: Any = self
        if entry not in sys.meta_path:
            sys.meta_path.insert(0, entry)

    def add(self, package: PrivatePackage, name: str) -> str:
        """Add a package and return its name, with a letter added if ``name`` is in use.

        A load that hangs loses its package but keeps the name: its thread may hold the import
        system's lock of that name for ever.
        """
        with self.lock:
            while name in self._open or name in self._abandoned:
                holder = self._open.get(name)
                if holder is not None and not holder.complete:
                    self._abandoned.add(name)
                    holder.close()
                name += "b"
            self._open[name] = package
            self._closed.pop(name, None)  # of an attempt that failed, or of an earlier run
        return name

    def mark_closed(self, package: PrivatePackage) -> None:
        """Find a package no more; `closed_package` returns it while something refers to it."""
        del self._open[package.name]
        self._closed[package.name] = package

    def closed_package(self, name: str) -> PrivatePackage | None:
        """Return a package that was closed and is still used, or ``None``."""
        return self._closed.get(name)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package = self._open.get(package_in(name))
        return package.find(name) if package else None


PACKAGES = PackageFinder()
"""All private packages. Process-wide, because ``sys.modules`` and ``sys.meta_path`` are."""
