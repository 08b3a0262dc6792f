"""Who may ask for what: hosts, origins, tokens; before everything else, for HTTP and websockets.

A `Site` makes one `Guard` and one more for each server. The names here are those that the other
files of the server need.
"""

from __future__ import annotations

from .access import HOLDER_KEY, LINK_KEY, Need, holds_token
from .guard import Guard
from .hosts import check_token, is_loopback, reachable

__all__ = [
    "HOLDER_KEY",
    "LINK_KEY",
    "Guard",
    "Need",
    "check_token",
    "holds_token",
    "is_loopback",
    "reachable",
]
