"""The server room: Live in, HTTP out. The engine makes its `Site` and hands it the table and facts.

guard → dispatcher → a generation's sub-application, or the system pages; and the server itself.
Here stands what the shell needs before there is a site.
"""

from __future__ import annotations

from ..errors import ServeError
from .binding import bind
from .hosts import check_token
from .serving import Server

__all__ = ["ServeError", "Server", "bind", "check_token"]
