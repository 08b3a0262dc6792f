"""`Shipment`: the texts that a child process needs to import a module's functions.

Made of a generation in the parent and installed by `child`. The private packages have the same
names there, so that either side finds what the other pickles by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...source import Source

if TYPE_CHECKING:
    from ...runtime.generation import Generation


@dataclass(frozen=True, slots=True)
class Shipment:
    """Private packages by name, with their sources.

    Attributes:
        workspace: The folder with ``modules/``, where other modules are found.
        sources: Private package → its source.
    """

    workspace: str
    sources: dict[str, Source]


def pack(generation: Generation, others: Iterable[Generation], *, workspace: Path) -> Shipment:
    """Return the text of a generation, and of the generations that it was built with.

    Args:
        generation: The generation.
        others: All generations there are.
        workspace: The folder with ``modules/``.
    """
    by_package = {other.package_name: other for other in others}
    sources: dict[str, Source] = {}
    waiting = [generation]
    while waiting:
        one = waiting.pop()
        if one.package_name in sources:
            continue
        sources[one.package_name] = one.source
        for package in one.built_on.values():
            if package.name in by_package:
                waiting.append(by_package[package.name])
            else:  # closed since
                sources.setdefault(package.name, package.source)
    return Shipment(str(workspace), sources)
