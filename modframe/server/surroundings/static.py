"""`static_app`: a folder of files as an ASGI application, for `Surroundings.mount_static`.

Starlette's `StaticFiles` does the work: ranges, ETags, no way out of the folder by ``..`` or a
link. Hidden files stay hidden.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from ...parts.web.boundary import Boundary
from .errors import SurroundingsError

_INDEX = "index.html"
_MISSING = 404
_REVALIDATE = "no-cache"
_SHOWN = frozenset({".", "..", ".well-known"})
"""Names with a dot in front that hide nothing; others, such as ``.env``, are hidden."""


def checked_prefix(path: str) -> str:
    """Return a path as a prefix: with a slash in front and none at the end.

    Raises:
        SurroundingsError: If it is none.
    """
    if not path.startswith("/") or set(path) & set("?#{}%\\"):
        raise SurroundingsError(
            f"{path!r} is no path for static files", cure='write it like "/" or "/assets"'
        )
    return path.rstrip("/") or "/"


def static_app(prefix: str, folder: str | Path, *, spa: bool) -> ASGIApp:
    """Return the application that answers below ``prefix`` with the files of a folder.

    With ``spa``, a path that looks like no file (``/orders/7``) gets the folder's ``index.html``,
    whose script then shows what the path means.

    Raises:
        SurroundingsError: If there is no such folder, or no ``index.html`` where ``spa`` needs it.
    """
    place = Path(folder).expanduser().resolve()
    if not place.is_dir():
        raise SurroundingsError(
            f"the folder {place} of the static files at {prefix!r} is not there",
            cure="give a folder that exists; build the front end first",
        )
    if spa and not (place / _INDEX).is_file():
        raise SurroundingsError(
            f"the front end at {prefix!r} has no {_INDEX} in {place}",
            cure="build the front end first, or leave spa=True out",
        )
    files = _Pages(place, spa=spa)
    below = "" if prefix == "/" else prefix

    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        root = scope.get("root_path", "")
        await files({**scope, "root_path": root + below}, receive, send)

    return Boundary(mounted, "modframe.server")


class _Pages(StaticFiles):
    """Static files, with the front end's page for the paths that it shows by itself."""

    def __init__(self, folder: Path, *, spa: bool) -> None:
        super().__init__(directory=folder, html=True)
        self._spa = spa

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """Return the file of a path, and that none is there for what is hidden in the folder."""
        parts = path.replace(os.sep, "/").split("/")
        if any(part.startswith(".") and part not in _SHOWN for part in parts):
            return "", None
        return super().lookup_path(path)

    async def get_response(self, path: str, scope: Scope) -> Response:
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != _MISSING or not self._is_shown_by_page(path):
                raise
            response = await super().get_response(_INDEX, scope)
        if response.headers.get("content-type", "").startswith("text/html"):
            # Its scripts have names of their own for each version, and the page has not.
            response.headers["Cache-Control"] = _REVALIDATE
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def _is_shown_by_page(self, path: str) -> bool:
        return self._spa and not PurePosixPath(path.replace(os.sep, "/")).suffix
