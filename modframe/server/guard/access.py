"""`Need`: what a path demands of whoever asks for it; `holds_token`: what the guard found out.

`AccessRule` says for each path what it needs, the guard enforces it and marks requests of holders
of the token, and pages and the dispatcher show these more than others.
"""

from __future__ import annotations

from enum import IntEnum, auto

from ...parts.web.problem import Scope

HOLDER_KEY = "modframe.holder"
"""The key of a scope that says whether the request carries the token."""
LINK_KEY = "modframe.new_code"
"""The key of a scope with what makes the code of a one-time link."""


class Need(IntEnum):
    """What a path needs; the higher, the stricter.

    Attributes:
        OPEN: Nothing: probes, what is public, static files.
        TOKEN_FROM_ELSEWHERE: The token, unless only this machine can reach the server.
        TOKEN: The token in any case: what shows or changes the system.
    """

    OPEN = auto()
    TOKEN_FROM_ELSEWHERE = auto()
    TOKEN = auto()


def holds_token(scope: Scope) -> bool:
    """Return whether a request carries the token, or comes from this process itself."""
    return scope.get(HOLDER_KEY) is True
