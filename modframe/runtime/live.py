"""`Live`: the one table of what runs, module id → generation; replaced as a whole to publish."""

from __future__ import annotations

from collections.abc import Mapping

from .generation import Generation


class Live:
    """Holds one mapping that never changes; publishing assigns a new one.

    A reader takes ``generations`` once and works on what it got.
    """

    __slots__ = ("generations",)

    def __init__(self) -> None:
        self.generations: Mapping[str, Generation] = {}

    def publish(self, changes: Mapping[str, Generation | None]) -> dict[str, Generation]:
        """Put generations in, or take ids out, all at once; those that were replaced."""
        before = self.generations
        merged = {**before, **changes}
        self.generations = {key: one for key, one in merged.items() if one is not None}
        return {key: before[key] for key in changes if key in before}

    def __repr__(self) -> str:
        return f"<Live: {len(self.generations)} modules>"
