"""`declared_databases`: the databases of a module, read from its files without starting it.

In goes a source; out come `DatabaseSpec`s, with the tables of its models. ``modframe db`` and the
upgrades before a start call it. No data is touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ModframeError
from ..runtime.failure import as_load_error
from ..source import Source
from .check import load_in_time
from .detached import DetachedModules

if TYPE_CHECKING:
    from ..parts.database.discover import DatabaseSpec


@contextmanager
def declared_databases(source: Source, *, modules: Path) -> Iterator[tuple[DatabaseSpec, ...]]:
    """Yield the databases that a module declares; its models live as long as the block.

    Args:
        modules: The folder of modules, for what it imports from others.

    Raises:
        LoadError: If the module can't be loaded, or its models can't work.
    """
    from ..parts.database.discover import discover

    detached = DetachedModules(modules, mark="models")
    try:
        loaded = load_in_time(detached, source)
        try:
            specs = discover(loaded.package.modules(), named=loaded.spec.database_name)
        except ModframeError as error:
            raise as_load_error(source, "database", error) from error
        yield specs
    finally:
        detached.close()
