"""The web part: a module's `APIRouter` in, one ASGI sub-application for a generation out.

Called by the web part's `enter` (build) and by settling (forget); the server room dispatches
requests to what is built here. FastAPI and Starlette are imported only here and in the server.
"""

from __future__ import annotations

from .application import WebApp, build_web
from .errors import BrokenResponseError, WebError
from .forget import forget
from .paths import API_PREFIX, module_id_at, prefix_of
from .problem import Problem
from .routes import RouteInfo

__all__ = [
    "API_PREFIX",
    "BrokenResponseError",
    "Problem",
    "RouteInfo",
    "WebApp",
    "WebError",
    "build_web",
    "forget",
    "module_id_at",
    "prefix_of",
]
