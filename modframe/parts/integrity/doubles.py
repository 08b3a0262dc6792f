"""`Double`: a test double that a module's own objects lead to; the walk makes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where the module's own code names an object that the walk came through.

    Attributes:
        file: The file of the module, where it is known.
        owner: The class whose attribute it is, or whose method it is; empty for a global.
        name: The attribute, or the global.
    """

    file: str = ""
    owner: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Double:
    """One test double.

    Attributes:
        path: The way to it: ``"service.client.session"``, ``"api.CLIENTS['eu']"``.
        kind: What it is, with its article: ``"a MagicMock"``.
        anchor: The last name in the module's own code on that way.
    """

    path: str
    kind: str
    anchor: Anchor
