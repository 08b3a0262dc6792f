"""Text of clients and modules: markup in pages, escapes in a terminal, forged lines in a log.

A text is shown, and never acts where it is shown.
"""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest

from modframe.cli.out import one_line
from modframe.errors import ModframeError
from modframe.observe.line import parse_line
from tests.attacks.conftest import Site
from tests.attacks.wire import bearer, exchange, handshake, request

MARKUP = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "'><iframe srcdoc=x>",
    "</pre><script>alert(1)</script>",
    "</code></td></tr></table><b onclick=alert(1)>",
    "</style><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "<!--",
    "]]><script>",
    "javascript:alert(1)",
    "<a href=javascript:alert(1)>x</a>",
    "&lt;script&gt;",
    "{{7*7}}${7*7}#{7*7}",
    "<math><mi//xlink:href=x>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0>",
    "<link rel=stylesheet href=//evil.example>",
]
ESCAPES = [
    "\x1b[2J",
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1bP+q544e\x1b\\",
    "\x1b[6n",
    "\x1bc",
    "\x9b31m",
    "\x9d0;t\x9c",
    "\x90\x9c",
    "\x07",
    "\x08\x08\x08",
    "a\rb",
    "a\nb",
    "a\x0bb\x0cc",
    "a\x85b",
    "a\u2028b\u2029c",
    "\u202eevil",
    "\u202a\u202b\u202d",
    "\u2066a\u2069",
    "\x00",
    "\x7f",
    "\ud800",
]
ACTS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What does something where a text is shown, but for line breaks and tabs."""


def page_with(site: Site, text: str, path: str) -> bytes:
    """Return a page while the error of a module, and its routes' words, have a text."""
    body = f"raise ValueError({text!r})\n"
    with pytest.raises(ModframeError):
        site.app.load({"api.py": body}, id="words")
    return exchange(site.port, request("GET", path, bearer(site.kept))).body


ROUTES = """
from fastapi import APIRouter
from modframe.decorators import module

router = APIRouter()


@router.get("/a", summary={text!r}, description={text!r}, tags=[{text!r}])
async def a(x: str = {text!r}) -> str:
    return x


@module
class Spoken:
    def said(self):
        {text!r}
"""


@pytest.mark.parametrize("text", MARKUP)
def test_markup_is_text_on_every_page(site: Site, text: str) -> None:
    """Of an error, of a route's words, and in what notebooks show."""
    site.app.load({"api.py": ROUTES.format(text=text)}, id="spoken")
    with pytest.raises(ModframeError):
        site.app.load({"api.py": f"raise ValueError({text!r})\n"}, id="words")
    right = bearer(site.kept)
    shown = [
        exchange(site.port, request("GET", path, right)).text for path in ("/modframe/", "/docs")
    ]
    shown.append(site.app.modules._repr_html_())
    shown.append(site.app.modules["words"]._repr_html_())
    shown.append(site.app._repr_html_())
    for page in shown:
        if "<" in text and text != "<!--":
            assert text not in page
        assert not re.search(
            r"<(script>|img|svg|iframe|base|math|meta http-equiv=r|b onclick)", page
        )


@pytest.mark.parametrize("text", [one for one in ESCAPES if one != "\ud800"])
def test_escapes_are_shown_in_every_view(site: Site, text: str) -> None:
    """Also marks that turn text around."""
    page = page_with(site, text, "/modframe/").decode()
    for shown in (page, site.app.modules["words"]._repr_html_()):
        assert not ACTS.search(shown.replace("\r", "\n"))  # white space in HTML


@pytest.mark.parametrize("text", ESCAPES)
def test_the_console_shows_one_line(text: str) -> None:
    """That does nothing in a terminal."""
    line = one_line(f"before {text} after")
    assert not ACTS.search(line)
    assert "\n" not in line


FORGED = "\n2026-11-25T10:00:00.123Z ERROR core.settings the token is evil"


@pytest.mark.parametrize("text", [*ESCAPES, FORGED, f"a{FORGED} code=x", 'a="b" c=d'])
def test_no_line_of_a_log_is_forged(site: Site, text: str) -> None:
    """Whatever a client says, or a module says of it, is one line that is read back as it was."""
    sent = quote(text, errors="surrogatepass")
    exchange(site.port, request("GET", f"/api/v1/shop/log?text={sent}"))
    exchange(site.port, request("GET", f"/api/v1/shop/broken?text={sent}"))
    exchange(site.port, request("GET", f"/api/v1/core/{sent}"))
    exchange(site.port, request("GET", f"/modframe/{sent}"))
    exchange(site.port, handshake(f"/modframe/{sent}"))
    exchange(
        site.port,
        request("GET", "/x", host=f"evil{text.encode(errors='replace').decode('latin-1')}"),
    )
    for file in (site.folder / "data").rglob("*.log"):
        data = file.read_bytes().decode()
        assert not ACTS.search(data)
        for line in data.splitlines():
            event = parse_line(line)
            assert event is not None
            assert "the token is evil" not in event.message or event.module_id != "core.settings"
    for file in (site.folder / "data").rglob("*.jsonl"):
        for line in file.read_text().split("\n"):
            assert not line or json.loads(line)
