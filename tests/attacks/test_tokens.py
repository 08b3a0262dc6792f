"""Tokens and one-time links: guessed, taken from where they stood, used again, used elsewhere."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from modframe.errors import ServeError
from tests.attacks.conftest import TOKEN, Site
from tests.attacks.wire import Answer, Header, ask_head, bearer, exchange, handshake, request

PAGE = "/modframe/"
CHANGED = [
    "",
    " ",
    "x",
    TOKEN[:-1],
    TOKEN + "x",
    TOKEN + "/",
    TOKEN.upper(),
    TOKEN.replace("-", "_"),
    TOKEN[1:],
    f"{TOKEN} {TOKEN}",
    f"{TOKEN},{TOKEN}",
    f'"{TOKEN}"',
    f"'{TOKEN}'",
    f"<{TOKEN}>",
    f"{TOKEN};",
    "%74" + TOKEN[1:],
    "null",
    "None",
    "undefined",
    "true",
    "0",
    "*",
    ".*",
    "' or 1=1 --",
    "ümläut-ümläut-ümläut",
    "a" * 7000,
]
HEADERS: list[Header] = [
    ("Authorization", TOKEN),
    ("Authorization", f"Basic {TOKEN}"),
    ("Authorization", f"Digest {TOKEN}"),
    ("Authorization", f"Token {TOKEN}"),
    ("Authorization", f"BearerX {TOKEN}"),
    ("Authorization", f"Bearer{TOKEN}"),
    ("Authorization", f"Bearer\t{TOKEN}"),
    ("Authorization", f"Bearer:{TOKEN}"),
    ("Authorization", f"Bearer token={TOKEN}"),
    ("Proxy-Authorization", f"Bearer {TOKEN}"),
    ("X-Authorization", f"Bearer {TOKEN}"),
    ("X-Api-Key", TOKEN),
    ("X-Token", TOKEN),
    ("Token", TOKEN),
    ("Cookie", f"token={TOKEN}"),
    ("Cookie", f"Authorization=Bearer {TOKEN}"),
    ("Cookie", f"modframe={TOKEN}"),
    ("Referer", f"http://localhost/modframe/?token={TOKEN}"),
    ("X-Forwarded-Authorization", f"Bearer {TOKEN}"),
    ("Modframe-Holder", "true"),
    ("modframe.holder", "True"),
    ("X-Modframe-Holder", "1"),
    ("X-Forwarded-For", "127.0.0.1"),
    ("X-Real-IP", "127.0.0.1"),
    ("Forwarded", "for=127.0.0.1;proto=https;by=127.0.0.1"),
    ("Client-IP", "127.0.0.1"),
    ("X-Client-IP", "::1"),
    ("True-Client-IP", "127.0.0.1"),
    ("CF-Connecting-IP", "127.0.0.1"),
    ("X-Originating-IP", "127.0.0.1"),
    ("X-Remote-Addr", "127.0.0.1"),
    ("Via", "1.1 localhost"),
]
QUERIES = [
    "",
    "token",
    "token=",
    "token=&token=",
    "token=wrong",
    f"Token={TOKEN}",
    f"TOKEN={TOKEN}",
    f"token[]={TOKEN}",
    f"token[0]={TOKEN}",
    f"token.x={TOKEN}",
    f"xtoken={TOKEN}",
    f"access_token={TOKEN}",
    f"api_key={TOKEN}",
    f"tokens={TOKEN}",
    f"token={TOKEN[:-1]}",
    f"token={TOKEN}x",
    f"token={TOKEN}%00",
    f"token=%20{TOKEN}",
    f"token={TOKEN}%0a",
    f"token={TOKEN};a=1",
    f"a=1;token={TOKEN}",
    f"a?token={TOKEN}",
    f"%26token={TOKEN}",
    "once=",
    "once=wrong",
    f"once={TOKEN}",
    "once[]=a",
    "holder=true",
    "modframe.holder=true",
]
IN_THE_PATH = [f"{PAGE};token={TOKEN}", f"{PAGE}{TOKEN}", f"{PAGE}%3Ftoken={TOKEN}"]


def sees(answer: Answer) -> bool:
    """Return whether an answer is the status page."""
    return b"standard.shop" in answer.body


@pytest.mark.parametrize("token", CHANGED)
def test_no_other_word_is_the_token(site: Site, token: str) -> None:
    """Nor one that begins like it, ends like it or means it elsewhere."""
    answer = exchange(site.far, request("GET", PAGE, bearer(token)))
    assert answer.status in {400, 401}
    assert not sees(answer)


@pytest.mark.parametrize("header", HEADERS)
def test_no_other_header_lets_in(site: Site, header: Header) -> None:
    """Nor does one that says where a request comes from."""
    for path in (PAGE, "/api/v1/shop/items/7", "/api/v1/core/settings/standard.shop"):
        answer = exchange(site.far, request("GET", path, header))
        assert answer.status in {400, 401}
    if header[0] not in {"Authorization"}:
        assert exchange(site.port, request("GET", PAGE, header)).status in {400, 401}


@pytest.mark.parametrize("query", QUERIES)
def test_no_other_query_lets_in(site: Site, query: str) -> None:
    """A code that is none leads to the page, which then asks for the token."""
    answer = exchange(site.far, request("GET", f"{PAGE}?{query}"))
    assert answer.status in ({303} if query.startswith("once=") else {400, 401})
    assert not sees(answer)
    assert not answer.header("set-cookie")


@pytest.mark.parametrize("target", IN_THE_PATH)
def test_the_path_is_no_place_for_it(site: Site, target: str) -> None:
    """There it would be in every log."""
    assert exchange(site.far, request("GET", target)).status == 401


def test_the_right_one_lets_in(site: Site) -> None:
    """In the header, and in the query, from where no handler, link or log gets it."""
    assert sees(exchange(site.far, request("GET", PAGE, bearer(TOKEN))))
    assert sees(exchange(site.far, request("GET", f"{PAGE}?token={TOKEN}")))
    who = exchange(site.far, request("GET", f"/api/v1/shop/who?a=1&token={TOKEN}"))
    assert json.loads(who.body)["query"] == "a=1"
    assert TOKEN not in who.text


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/shop/echo?text={}",
        "/api/v1/shop/echo?text=a&token={}",
        "/api/v1/shop/broken?token={}",
        "/api/v1/shop/broken?text={}",
        "/api/v1/shop/items/x?token={}",
        "/api/v1/nothing/{}?token={}",
        "/nothing?token={}",
        "/api/v1/fails/x?token={}",
        "/docs?token={}&x=1",
        "/api/v1/shop/slash?token={}",
        "/modframe?token={}&x=1",
    ],
)
def test_it_is_not_kept_where_others_read_it(site: Site, target: str) -> None:
    """Neither logs, nor records, nor answers of routes repeat it; no referrer takes it along."""
    path = target.replace("{}", TOKEN)
    answer = exchange(site.far, request("GET", path, bearer(TOKEN)))
    if answer.status >= 400:
        assert TOKEN not in answer.text
    if answer.header("content-type").startswith("text/html"):
        assert answer.header("referrer-policy") == "no-referrer"
    for log in (site.folder / "data").rglob("*.*"):
        if log.suffix in {".log", ".jsonl"}:
            assert TOKEN not in log.read_text()


def test_guessing_is_counted_for_each_address(site: Site) -> None:
    """Also of a client that a trusted proxy names; whom others name, nobody believes."""

    def guess(port: int, address: str, token: str = "wrong") -> int:
        forwarded = ("X-Forwarded-For", address)
        return exchange(port, request("GET", PAGE, bearer(token), forwarded)).status

    assert [guess(site.proxied, "203.0.113.7") for _ in range(25)][-1] == 429
    assert guess(site.proxied, "203.0.113.7", TOKEN) == 429
    assert guess(site.proxied, "203.0.113.8, 203.0.113.7") == 429
    assert guess(site.proxied, "203.0.113.8", TOKEN) == 200
    assert [guess(site.far, "203.0.113.9") for _ in range(25)][-1] == 401
    assert guess(site.far, "203.0.113.9", TOKEN) == 200


def test_open_paths_tell_a_guesser_nothing(site: Site) -> None:
    """After some guesses they don't look at tokens, and a public module may take its own."""

    def is_taken_out(address: str, token: str) -> bool:
        """Return whether the token was recognised: it stays in no query."""
        target = f"/api/v1/open/query?token={token}"
        got = exchange(site.proxied, request("GET", target, ("X-Forwarded-For", address)))
        assert got.status == 200
        return token not in got.text

    assert is_taken_out("203.0.113.20", TOKEN)
    assert not any(is_taken_out("203.0.113.20", f"guess-{n}") for n in range(25))
    assert not is_taken_out("203.0.113.20", TOKEN)
    page = request("GET", PAGE, bearer(TOKEN), ("X-Forwarded-For", "203.0.113.20"))
    assert sees(exchange(site.proxied, page))


@pytest.mark.parametrize("token", ["x", "short", "a" * 15])
def test_a_token_that_can_be_guessed_is_not_taken(site: Site, token: str) -> None:
    """Sixteen characters are the least."""
    with pytest.raises(ServeError, match=r"can be guessed|serves at"):
        site.app.serve(port=0, token=token)


# -- one-time links -------------------------------------------------------------------------------


def code_of(site: Site, port: int) -> str:
    """Return the code of a new link of the server at a port."""
    made = exchange(port, request("POST", "/modframe/link", bearer(site.token(port))))
    assert made.status == 201
    assert made.header("cache-control") == "no-store"
    found = re.search(r"once=([\w-]+)", made.text)
    assert found is not None
    return found[1]


def cookie_of(answer: Answer) -> Header:
    return "Cookie", answer.header("set-cookie").partition(";")[0]


def test_a_code_is_good_once_however_many_ask_at_a_time(site: Site) -> None:
    """One of sixteen that come together gets a cookie."""
    data = request("GET", f"{PAGE}?once={code_of(site, site.far)}")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: exchange(site.far, data), range(16)))
    assert {answer.status for answer in answers} == {303}
    assert sum(bool(answer.header("set-cookie")) for answer in answers) == 1


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "OPTIONS"])
def test_other_methods_use_no_code_up(site: Site, method: str) -> None:
    """A preview of a link in a chat asks with HEAD."""
    code = code_of(site, site.far)
    tried = exchange(site.far, request(method, f"{PAGE}?once={code}"))
    assert not tried.header("set-cookie")
    assert exchange(site.far, request("GET", f"{PAGE}?once={code}")).header("set-cookie")


def test_a_code_opens_no_other_server(site: Site) -> None:
    """Nor does its cookie."""
    code = code_of(site, site.port)
    assert not exchange(site.far, request("GET", f"{PAGE}?once={code}")).header("set-cookie")
    cookie = cookie_of(exchange(site.port, request("GET", f"{PAGE}?once={code}")))
    assert sees(exchange(site.port, request("GET", PAGE, cookie)))
    assert not sees(exchange(site.far, request("GET", PAGE, cookie)))


def test_a_cookie_that_came_encrypted_goes_encrypted_alone(site: Site) -> None:
    """Behind a proxy with TLS."""
    data = request(
        "GET", f"{PAGE}?once={code_of(site, site.proxied)}", ("X-Forwarded-Proto", "https")
    )
    assert "; Secure" in exchange(site.proxied, data).header("set-cookie")


def test_only_holders_make_links(site: Site) -> None:
    """Neither strangers nor other pages; nor is one made by reading."""
    for port in (site.port, site.far):
        assert exchange(port, request("POST", "/modframe/link")).status == 401
        assert exchange(port, request("GET", "/modframe/link")).status == 401
        right = bearer(site.token(port))
        assert exchange(port, request("GET", "/modframe/link", right)).status == 405
        assert exchange(port, request("POST", "/modframe/link", bearer("x" * 20))).status == 401


@pytest.mark.parametrize(
    "change",
    [
        lambda name, value: f"{name}=",
        lambda name, value: f"{name}={value[:-1]}",
        lambda name, value: f"{name}={value}x",
        lambda name, value: f"{name}={value.swapcase()}",
        lambda name, value: f"{name.upper()}={value}",
        lambda name, value: f"{name}x={value}",
        lambda name, value: f"x{name}={value}",
        lambda name, value: f'{name}="{value}"',
        lambda name, value: f"{name}: {value}",
        lambda name, value: f"modframe={value}",
        lambda name, value: value,
        lambda name, value: f"a={name}={value}",
        lambda name, value: f"{name}==",
    ],
)
def test_no_other_cookie_lets_in(site: Site, change: object) -> None:
    """It is compared whole, and by its name."""
    answer = exchange(site.far, request("GET", f"{PAGE}?once={code_of(site, site.far)}"))
    name, _, value = cookie_of(answer)[1].partition("=")
    assert sees(exchange(site.far, request("GET", PAGE, ("Cookie", f"{name}={value}"))))
    other = change(name, value)  # type: ignore[operator]
    assert not sees(exchange(site.far, request("GET", PAGE, ("Cookie", other))))


def test_a_cookie_lets_no_other_page_do_anything(site: Site) -> None:
    """Ports of one host share cookies in a browser: the origin decides. Scripts can't read it."""
    answer = exchange(site.port, request("GET", f"{PAGE}?once={code_of(site, site.port)}"))
    said = answer.header("set-cookie")
    assert "HttpOnly" in said
    assert "SameSite=Strict" in said
    assert "Domain" not in said
    cookie = cookie_of(answer)
    for origin in ("http://localhost:8888", "null", "http://evil.example"):
        post = request("POST", "/modframe/link", cookie, ("Origin", origin))
        assert exchange(site.port, post).status == 403
        talk = handshake("/api/v1/shop/talk", cookie, ("Origin", origin))
        assert ask_head(site.port, talk).status == 403
