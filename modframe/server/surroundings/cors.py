"""`Origins`: which web pages may use the API from a browser; `cors_layer` tells browsers so.

Starlette's `CORSMiddleware` does the work. The guard asks `Origins` too, since a page that may
read answers may also send what changes something.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from starlette.middleware.cors import CORSMiddleware

from ...parts.web.problem import ASGIApp
from .errors import SurroundingsError

ANY = "*"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_SHOWN = ("X-Correlation-ID", "Retry-After", "Content-Disposition", "ETag", "Location", "Link")
"""Headers of answers that scripts may read beside the simple ones."""
_DAY = 86_400


class Origins:
    """A set of origins, such as ``http://localhost:5173``; ``*`` is any.

    Raises:
        SurroundingsError: If one of them is no origin.
    """

    def __init__(self, origins: Iterable[str] = ()) -> None:
        self._origins = tuple(dict.fromkeys(map(_checked, origins)))

    @property
    def any(self) -> bool:
        """Whether every page may."""
        return ANY in self._origins

    def __contains__(self, origin: object) -> bool:
        return origin in self._origins

    def __iter__(self) -> Iterator[str]:
        return iter(self._origins)

    def __len__(self) -> int:
        return len(self._origins)

    def __repr__(self) -> str:
        return f"<Origins: {', '.join(self._origins) or 'none'}>"


def _checked(origin: str) -> str:
    """Return an origin as browsers write it: lower case, without the default port."""
    if origin == ANY:
        return origin
    try:
        parts = urlsplit(origin.strip().rstrip("/").lower())
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    bare = f"{parts.scheme}://{parts.netloc}"
    if not (parts.scheme and parts.hostname) or "@" in parts.netloc or parts.geturl() != bare:
        raise SurroundingsError(
            f"{origin!r} is not the origin of a web page",
            cure='write scheme, host and port alone, such as "http://localhost:5173"; "*" is any',
        )
    if port == {"http": 80, "https": 443}.get(parts.scheme):
        bare = bare.removesuffix(f":{port}")
    return bare


def cors_layer(origins: Origins, app: ASGIApp) -> ASGIApp:
    """Return an application that lets the pages of some origins read the answers of another.

    Pages of listed origins may send cookies as well; where any origin may, none does.
    """
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=list(origins),
        allow_credentials=not origins.any,
        allow_methods=_METHODS,
        allow_headers=[ANY],
        expose_headers=_SHOWN,
        max_age=_DAY,
    )
