"""Serves what is live over HTTP. The engine makes a `Site` and hands it the table and the facts.

A request passes the guard and the dispatcher, and is answered by a generation's sub-application or
by a system page. The names here are those that the shell needs before there is a site.
"""

from __future__ import annotations

from ..errors import ServeError
from .binding import bind
from .guard import check_token, is_loopback
from .serving import Server

__all__ = ["ServeError", "Server", "bind", "check_token", "is_loopback"]
