"""`/docs`: Swagger UI over the merged document, with a plain listing that needs no script.

The system pages call it. Swagger UI's files come from the `fastapi-swagger` package, so nothing is
fetched from the internet. The listing is shown until the scripts run, or if they can't.
"""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from typing import Any

from ..html import Raw, table, tag, text
from ..parts.web.openapi import operations
from .status import head

_PACKAGE = "fastapi_swagger"
_BUNDLE, _STYLES = "swagger-ui-bundle.js", "swagger-ui.css"
ASSETS = {_BUNDLE: "text/javascript", _STYLES: "text/css"}
"""Swagger UI's files, and the media type of each."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'"
)
"""The page's content security policy."""
# If a token is needed, the page's own address carries it, and its requests must as well.
START_SCRIPT = """\
const query = new URLSearchParams(location.search);
const token = query.get("token");
const carried = token ? "?token=" + encodeURIComponent(token) : "";
const address = new URL("openapi.json" + carried, location).href;
// What a proxy takes off the path without saying so, the browser alone knows.
const prefix = new URL(".", location).pathname.replace(/\\/$/, "");
if (window.SwaggerUIBundle) {
  SwaggerUIBundle({
    url: address,
    dom_id: "#swagger-ui",
    deepLinking: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    docExpansion: "list",
    presets: [SwaggerUIBundle.presets.apis],
    requestInterceptor: (request) => {
      const own = new URL(request.url, location).origin === location.origin;
      if (token && own && !request.headers["Authorization"]) {
        request.headers["Authorization"] = "Bearer " + token;
      }
      return request;
    },
    responseInterceptor: (response) => {
      if (prefix && response.url === address && response.ok) {
        const servers = [{ url: prefix }];
        response.text = JSON.stringify({ servers, ...JSON.parse(response.text) });
      }
      return response;
    },
  });
}
"""
"""Replaces the listing by Swagger UI."""
_DARK = (
    "@media(prefers-color-scheme:dark){.swagger-ui{color-scheme:light;"
    "filter:invert(.88) hue-rotate(180deg)}"
    ".swagger-ui .highlight-code,.swagger-ui .microlight{filter:invert(1) hue-rotate(180deg)}}"
)


async def read_asset(name: str) -> bytes:
    """Return one of `ASSETS`, read from its package without importing that.

    Raises:
        FileNotFoundError: If the package is missing or incomplete.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"{_PACKAGE}, which modframe requires, is not installed")
    file = Path(spec.submodule_search_locations[0]) / "resources" / name
    return await asyncio.to_thread(file.read_bytes)


def docs_page(document: dict[str, Any], *, query: str = "") -> bytes:
    """Return the page as HTML; ``query``, which has the token, ends the addresses of its files."""
    query = text(query)
    styles = f'<link rel="stylesheet" href="docs/{_STYLES}{query}"><style>{_DARK}</style>'
    scripts = "".join(
        f'<script src="docs/{name}{query}"></script>' for name in (_BUNDLE, "start.js")
    )
    title = f"{document['info']['title']} API"
    body = f'<body><div id="swagger-ui">{_listing(document)}</div>{scripts}</body></html>'
    return (head(title, styles) + body).encode()


def _listing(document: dict[str, Any]) -> str:
    """Return all operations by module, as plain HTML."""
    by_tag: dict[str, list[tuple[Raw, Raw, str]]] = {}
    for path, method, operation in operations(document):
        row = tag("code", method.upper()), tag("code", path), operation.get("summary", "")
        by_tag.setdefault(operation["tags"][0], []).append(row)
    left_out = document["info"].get("description")
    note = tag("p", left_out) if left_out else ""
    said = {one["name"]: one.get("description", "") for one in document.get("tags", ())}
    parts = [
        tag("h2", name) + tag("p", said.get(name, "")) + table(rows, classes="all")
        for name, rows in by_tag.items()
    ]
    return note + ("".join(parts) or tag("p", "No module with routes is live."))
