"""The server room: Live in, HTTP out. Called by `app.py`, which hands it the table and the verbs.

guard → dispatcher → a generation's sub-application, or the system pages; and the server itself.
"""

from __future__ import annotations

from .binding import bind
from .dispatcher import Dispatcher
from .errors import ServeError
from .guard import Guard
from .hosts import AllowedHosts, is_loopback
from .openapi import MergedOpenAPI
from .pages import SystemPages
from .serving import RunningServer, Server, start_server
from .tokens import check_token, make_token, needs_token

__all__ = [
    "AllowedHosts",
    "Dispatcher",
    "Guard",
    "MergedOpenAPI",
    "RunningServer",
    "ServeError",
    "Server",
    "SystemPages",
    "bind",
    "check_token",
    "is_loopback",
    "make_token",
    "needs_token",
    "start_server",
]
