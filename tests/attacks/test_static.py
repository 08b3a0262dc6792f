"""Static files: ways out of the folder, and to what is hidden in it."""

from __future__ import annotations

import pytest

from tests.attacks.conftest import Site
from tests.attacks.wire import exchange, request

OUTSIDE = [
    "../beside.txt",
    "%2e%2e/beside.txt",
    "..%2fbeside.txt",
    "%2e%2e%2fbeside.txt",
    "..%5cbeside.txt",
    "..\\beside.txt",
    "....//beside.txt",
    "..../beside.txt",
    "..;/beside.txt",
    "deep/../../beside.txt",
    "deep/..%2f..%2fbeside.txt",
    "deep/../../../../../../../../etc/passwd",
    "//etc/passwd",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "///etc///passwd",
    "file:///etc/passwd",
    "C:/windows/win.ini",
    "C:\\windows\\win.ini",
    "\\\\server\\share",
    "%252e%252e/beside.txt",
    "%c0%ae%c0%ae/beside.txt",
    "%ef%bc%8e%ef%bc%8e/beside.txt",
    "../front-other/file.txt",
    "-other/file.txt",
    "%2e%2e/front-other/file.txt",
    "link.txt",
    "link.txt/",
    "linked",
    "linked/",
    "linked/file.txt",
    "linked/../../beside.txt",
    "./link.txt",
    "deep/../link.txt",
    "app.js/../../beside.txt",
    "app.js%00.txt",
    "..%00/beside.txt",
    "%00../beside.txt",
    "beside.txt%00app.js",
    "~/.ssh/id_rsa",
    "~root/.bashrc",
    "$HOME/.bashrc",
    "%24HOME",
    "proc/self/environ",
    "../../../../../../../proc/self/environ",
    "../data/token",
    "../settings.toml",
    "../modules",
]
HIDDEN = [
    ".env",
    "%2eenv",
    "./.env",
    ".git/config",
    ".git/",
    ".git",
    "deep/../.env",
    ".ENV",
    ".env/",
    ".env%20",
    ".git%2fconfig",
    ".git\\config",
    ".well-known/../.env",
]
ODD = [
    "CON",
    "NUL",
    "COM1.txt",
    "LPT1",
    "AUX",
    "app.js::$DATA",
    "app.js:stream",
    "app.js.",
    "app.js%20",
    "app.js/",
    "app.js//",
    "a" * 300,
    "a" * 5000,
    "a/" * 2500,
    "%ff%fe",
    "%ed%a0%80",
    "*",
    "?",
    "index.html%0d%0aX-Evil: 1".replace(" ", "%20"),
]
METHODS = ["POST", "PUT", "DELETE", "PATCH", "PROPFIND", "MKCOL", "MOVE", "COPY", "TRACE"]
RANGES = [
    "bytes=0-",
    "bytes=-1",
    "bytes=-0",
    "bytes=-99999999999999999999",
    "bytes=0-99999999999999999999",
    "bytes=99999999-",
    "bytes=5-1",
    "bytes=a-b",
    "bytes=--1",
    "bytes=1--1",
    "bytes=",
    "bytes=,",
    "bytes=" + ",".join(["0-"] * 5000),
    "bytes=" + ",".join(f"{n}-{n}" for n in range(1000)),
    "bytes=" + "0-0," * 10000,
    "bytes=0-0" + " " * 20000,
    "items=0-5",
    "bytes 0-5",
    "bytes=\u0664-",
]


@pytest.mark.parametrize("target", [*OUTSIDE, *HIDDEN])
@pytest.mark.parametrize("mount", ["/assets/", "/single/"])
def test_nothing_but_the_files_of_the_folder(site: Site, mount: str, target: str) -> None:
    """Neither what lies beside it, nor what is linked from it or hidden in it."""
    answer = exchange(site.port, request("GET", (mount + target).encode("latin-1")))
    assert b"hunter2" not in answer.raw
    assert b"root:" not in answer.raw
    is_page = mount == "/single/" and answer.body == b"<h1>front</h1>"
    assert is_page or answer.status in {307, 400, 401, 404}


@pytest.mark.parametrize("target", ODD)
def test_odd_names_are_not_there(site: Site, target: str) -> None:
    """And no fault of the server; a name that is too long is no file either."""
    answer = exchange(site.port, request("GET", "/assets/" + target))
    assert answer.status in {400, 404, 405, 307, 200}
    assert answer.status != 200 or answer.body == b"<h1>front</h1>" or b"run()" in answer.body
    assert not answer.header("x-evil")


@pytest.mark.parametrize("method", METHODS)
def test_files_are_only_read(site: Site, method: str) -> None:
    """No method changes one."""
    answer = exchange(site.port, request(method, "/assets/app.js", body=b"changed"))
    assert answer.status in {400, 404, 405}
    assert (site.folder / "front/app.js").read_text().startswith("run()")


@pytest.mark.parametrize("wanted", RANGES)
def test_a_range_costs_no_more_than_the_file(site: Site, wanted: str) -> None:
    """However many parts it has."""
    answer = exchange(
        site.port, request("GET", "/assets/app.js", ("Range", wanted.encode().decode("latin-1")))
    )
    assert answer.status in {200, 206, 400, 416}
    assert len(answer.body) <= 3000 or answer.status == 206
    assert len(answer.body) < 300_000


@pytest.mark.parametrize(
    "etag", ["*", '"', '""', 'W/"', "," * 20000, '"a",' * 8000, "\xff" * 100, "W/" * 10000]
)
def test_conditions_are_read_as_text(site: Site, etag: str) -> None:
    """Odd ones are met by no file."""
    for name in ("If-None-Match", "If-Modified-Since", "If-Range", "If-Match"):
        answer = exchange(site.port, request("GET", "/assets/app.js", (name, etag)))
        assert answer.status in {200, 304}
