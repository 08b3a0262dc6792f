"""`find_clashes`: what of a change can't be live beside the modules that stay, or beside itself.

A batch asks for it once its texts were read, and last before publish: another change may have gone
live meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import LoadError
from ..failure import as_load_error
from ..generation import Generation
from ..part import Parts


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one generation is refused, and the module that it clashes with."""

    other: str
    error: LoadError


def find_clashes(
    parts: Parts, going: Mapping[str, Generation], live: Mapping[str, Generation]
) -> dict[str, Refusal]:
    """Return module id → the first clash of its generation that a part finds.

    Args:
        parts: The parts of the app.
        going: The generations of the change that have not failed.
        live: What runs; the generations of the change replace their own.
    """
    refused: dict[str, Refusal] = {}
    for part in parts.defining("clashes"):
        for key, clash in part.clashes(going, live).items():
            error = as_load_error(going[key].source, part.name, clash.error)
            refused.setdefault(key, Refusal(clash.other, error))
    return refused
