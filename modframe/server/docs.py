"""`/docs`: Swagger UI over the merged document, with a plain listing that needs neither script nor
network.

Called by the pages. Swagger UI's files come from the `fastapi-swagger` package where it is
installed, so the page works offline; else from the network, and until they arrive, or if they
don't, the listing stands.
"""

from __future__ import annotations

import asyncio
import importlib.util
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from ..parts.web.openapi import operations
from .status import head

_PACKAGE = "fastapi_swagger"
_NETWORK = "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5"
_BUNDLE, _STYLES = "swagger-ui-bundle.js", "swagger-ui.css"
_TYPES = {_BUNDLE: "text/javascript; charset=utf-8", _STYLES: "text/css; charset=utf-8"}
# The page's own address carries the token, if it needs one; so do its requests, then.
_START = """\
const query = new URLSearchParams(location.search);
const token = query.get("token");
const carried = token ? "?token=" + encodeURIComponent(token) : "";
if (window.SwaggerUIBundle) {
  SwaggerUIBundle({
    url: new URL("openapi.json" + carried, location).href,
    dom_id: "#swagger-ui",
    deepLinking: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    docExpansion: "list",
    presets: [SwaggerUIBundle.presets.apis],
    requestInterceptor: (request) => {
      if (token && new URL(request.url, location).origin === location.origin) {
        request.headers["Authorization"] = "Bearer " + token;
      }
      return request;
    },
  });
}
"""
_DARK = (
    "@media(prefers-color-scheme:dark){.swagger-ui{filter:invert(.88) hue-rotate(180deg)}"
    ".swagger-ui .highlight-code,.swagger-ui .microlight{filter:invert(1) hue-rotate(180deg)}}"
)


@dataclass(frozen=True, slots=True)
class Assets:
    """Where Swagger UI's files are: a folder, or the network if it is None."""

    folder: Path | None

    @property
    def names(self) -> tuple[str, ...]:
        """The files that this server serves."""
        return () if self.folder is None else (_BUNDLE, _STYLES)

    @property
    def policy(self) -> str:
        """The page's content security policy."""
        origin = "" if self.folder is not None else " https://cdn.jsdelivr.net"
        return (
            f"default-src 'none'; script-src 'self'{origin}; style-src 'self' 'unsafe-inline'"
            f"{origin}; img-src 'self' data:; font-src 'self' data:; connect-src 'self';"
            " base-uri 'none'; form-action 'none'"
        )

    def url(self, name: str) -> str:
        """Where a page at ``/docs`` gets a file."""
        return f"{_NETWORK}/{name}" if self.folder is None else f"docs/{name}"

    async def read(self, name: str) -> tuple[bytes, str]:
        """A file's bytes and media type."""
        if self.folder is None or name not in self.names:
            raise FileNotFoundError(name)
        return await asyncio.to_thread((self.folder / name).read_bytes), _TYPES[name]


def find_assets() -> Assets:
    """The installed files, without importing the package that brings them; else the network."""
    spec = importlib.util.find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        folder = Path(place) / "resources"
        if all((folder / name).is_file() for name in (_BUNDLE, _STYLES)):
            return Assets(folder)
    return Assets(None)


def start_script() -> bytes:
    """The script that puts Swagger UI in the listing's place."""
    return _START.encode()


def docs_page(document: dict[str, Any], *, assets: Assets, query: str = "") -> bytes:
    """The page.

    Args:
        document: The merged OpenAPI document.
        assets: Where Swagger UI's files are.
        query: What its own files' addresses carry on, with its question mark.
    """
    own = escape(query, quote=True) if assets.folder is not None else ""
    styles = f'<link rel="stylesheet" href="{assets.url(_STYLES)}{own}"><style>{_DARK}</style>'
    start = escape(f"docs/start.js{query}", quote=True)
    scripts = f'<script src="{assets.url(_BUNDLE)}{own}"></script><script src="{start}"></script>'
    title = f"{document['info']['title']} API"
    body = f'<body><div id="swagger-ui">{_listing(document)}</div>{scripts}</body></html>'
    return (head(title, styles) + body).encode()


def _listing(document: dict[str, Any]) -> str:
    """All operations by module, as plain HTML."""
    by_tag: dict[str, list[str]] = {tag["name"]: [] for tag in document.get("tags", ())}
    for path, method, operation in operations(document):
        about = escape(operation.get("summary", ""))
        row = (
            f"<tr><td><code>{method.upper()}</code></td><td><code>{escape(path)}</code></td>"
            f"<td>{about}</td></tr>"
        )
        for tag in operation.get("tags", ("",))[:1]:
            by_tag.setdefault(tag, []).append(row)
    left_out = document["info"].get("description", "")
    note = f"<p>{escape(left_out)}</p>" if left_out else ""
    parts = [
        f"<h2>{escape(tag)}</h2><table><tbody>{''.join(rows)}</tbody></table>"
        for tag, rows in by_tag.items()
        if rows
    ]
    return note + ("".join(parts) or "<p>No module with routes is live.</p>")
