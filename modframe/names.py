"""Module ids as words: the types, the type that goes without saying, and a module's folder.

The lowest of all files, imported by ``import modframe`` itself: it imports nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` alone would take longer to import than all of this
if TYPE_CHECKING:
    from pathlib import Path

MODULE_TYPES = ("core", "standard", "extensions")
DEFAULT_TYPE = "standard"
"""What an id without a type means."""


def full_id(name: str) -> str:
    """An id with its type: ``"orders"`` is ``"standard.orders"``. Checks nothing.

    >>> full_id("orders"), full_id("core.settings")
    ('standard.orders', 'core.settings')
    """
    return name if "." in name else f"{DEFAULT_TYPE}.{name}"


def folder_of(modules: Path, module_id: str) -> Path:
    """Where a module's files lie below a folder of modules: ``<type>/<name>``."""
    kind, _, name = module_id.partition(".")
    return modules / kind / name
