"""The two answers that the guard has for a browser: the page that asks for a link, and a redirect.

Both are for paths that need the token; the page has no script, and tells nothing of the system.
"""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import HTMLResponse

from ...html import Raw, tag
from ...parts.web.problem import Receive, Scope, Send
from ..status import head

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
_STEPS = (
    "In a shell: open the link that modframe serve printed, or that modframe link prints.",
    "In a notebook: open the link that app.serve() shows.",
    "Elsewhere: add ?token=... with the token that the server was given.",
)


async def send_sign_in_page(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a browser without a token: how to come in."""
    steps = Raw("".join(tag("li", step) for step in _STEPS))
    body = tag("h1", "modframe") + tag("p", "This page is for holders of the server's token.")
    page = head("modframe: sign in") + tag("body", Raw(body + tag("ul", steps))) + "</html>"
    headers = {
        "Content-Security-Policy": _POLICY,
        "WWW-Authenticate": 'Bearer realm="modframe"',
        "Cache-Control": "no-store",
    }
    await HTMLResponse(page, 401, headers)(scope, receive, send)


async def redirect(place: str, send: Send, *, cookie: str | None) -> None:
    """Send a browser to another place, maybe with a cookie."""
    location = quote(place, safe="/:?=&%~+,;@!$'()*-._")
    if location.startswith("//"):  # else it would be the name of a host
        location = f"/{location.lstrip('/')}"
    headers = [
        (b"location", location.encode("latin-1")),
        (b"content-length", b"0"),
        (b"cache-control", b"no-store"),
        (b"referrer-policy", b"no-referrer"),
    ]
    if cookie is not None:
        headers.append((b"set-cookie", cookie.encode()))
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
