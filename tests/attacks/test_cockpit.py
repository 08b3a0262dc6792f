"""The cockpit's page: who reaches it, and messages that are none, too many, or never read."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests import inside
from tests.attacks.conftest import Site
from tests.attacks.test_exits import HEADERS, says_something_private
from tests.attacks.wire import Answer, Header, bearer, exchange, request
from tests.cockpit.front import AskError, Front
from tests.waiting import wait_for

WAYS = (
    "GET /modframe/",
    "GET /modframe/page.css",
    "GET /modframe/cockpit.mjs",
    "POST /modframe/open",
    "GET /modframe/news?session={}",
    "POST /modframe/send?session={}",
)
DEEP = 900
SENT, TAKEN = "sk-a-secret-that-a-view-sends", "sk-another-one-that-is-taken"
SLOW = """
import asyncio
from modframe.decorators import module


@module
class Slow:
    async def held(self) -> None:
        await asyncio.Event().wait()

    def long(self) -> str:
        return "x" * 39_000
"""
ODD: tuple[Any, ...] = (
    b"",
    b"hello",
    b"[]",
    b"7",
    b"null",
    b'"hello"',
    b"NaN",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"op":"h\xff"}',
    b'\xff\xfe{"op":"hello"}',
    b'{"op":"methods","id":' + b"9" * 5000 + b"}",
    {},
    {"op": []},
    {"op": {}},
    {"op": None},
    {"op": 7},
    {"op": "\ud800"},
    {"op": "x" * 1_000_000},
    {"op": "methods", "id": []},
    {"op": "methods", "id": "1"},
    {"op": "methods", "id": 1.5},
    {"op": "methods", "id": float("nan")},
    {"op": "methods", "id": float("inf")},
    {"op": "methods", "id": True},
    {"op": "methods", "id": -1},
    {"op": "methods", "id": 2**60},
    {"op": "methods", "args": [1]},
    {"op": "methods", "args": "x"},
    {"op": "cancel", "target": []},
    {"op": "cancel", "target": float("nan")},
    {"op": "look", "module": ["orders"]},
    {"op": "look", "module": {"id": "orders"}},
    {"op": "look", "module": 7},
    {"op": "look", "module": "x" * 100_000},
    {"op": "hello", "hidden": "yes"},
)
"""What is no message: it is refused."""
HARMLESS: tuple[dict[str, Any], ...] = (
    {"op": "look", "module": "../../etc/passwd", "tab": []},
    {"op": "look", "module": "\0", "tab": {"a": 1}},
    {"op": "look", "module": "", "tab": None, "more": [[]] * 1000},
    {"op": "cancel"},
    {"op": "cancel", "target": 2**70},
)
"""What leads nowhere: it is taken, and nothing comes of it."""
NO_QUESTION: tuple[tuple[str, Any], ...] = (
    ("", {}),
    ("__class__", {}),
    ("methods", {"ask": 1}),
    ("methods", {"self": 1}),
    ("methods", {"module": ["shop"]}),
    ("methods", {"module": {"id": "shop"}}),
    ("methods", {"module": float("nan")}),
    ("methods", {"module": "../shop"}),
    ("source", {"module": "shop", "file": "../../../etc/passwd"}),
    ("source", {"module": "shop", "file": "/etc/passwd"}),
    ("diff", {"module": "shop", "before": "../x", "after": 7}),
    ("plan", {"module": "shop", "action": "__init__"}),
    ("do", {"module": "shop", "action": None}),
    ("call", {"service": "shop", "method": "__init__", "args": {}}),
    ("call", {"service": "standard.shop.service", "method": "_log", "args": {}}),
    ("restore", {"name": "../../etc"}),
    ("sql", {"query": ["SELECT 1"]}),
    ("rows", {"database": "x", "table": "y", "where": "1=1"}),
)
"""Questions that have no answer but the reason."""


@pytest.fixture
def front(site: Site) -> Iterator[Front]:
    with Front(f"http://localhost:{site.port}", token=site.kept) as front:
        yield front


@pytest.fixture
def slow(site: Site) -> Iterator[str]:
    """Load a module that answers when it is cancelled, or with much; return its service."""
    module = site.app.load({"api.py": SLOW}, id="slow")
    yield "standard.slow.service"
    module.unload()


def errors(front: Front) -> list[Any]:
    """Return the lines of the log that are errors."""
    front.hello()
    return [line for line in front.log if line["level"] in {"ERROR", "CRITICAL"}]


def ask(site: Site, way: str, session: str, *headers: Header, body: bytes = b"{}") -> Answer:
    method, path = way.format(session).split()
    return exchange(site.port, request(method, path, *headers, body=body))


def send(site: Site, front: Front, message: Any) -> Answer:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    way = "POST /modframe/send?session={}"
    return ask(site, way, front.session, bearer(site.kept), body=body)


@pytest.mark.parametrize("headers", list(HEADERS))
@pytest.mark.parametrize("way", WAYS)
def test_a_session_is_nothing_without_the_token(
    site: Site, front: Front, way: str, headers: str
) -> None:
    """A stranger who knows its name is told to sign in, at each exit, as for one that isn't."""
    method, path = way.format(front.session).split()
    for port in (site.port, site.far, site.proxied):
        answer = exchange(port, request(method, path, *HEADERS[headers], body=b"{}"))
        assert answer.status == 401
        assert not says_something_private(site, answer)
        assert b"import" not in answer.body
    assert front.ask("routes", module="shop")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
@pytest.mark.parametrize("way", [way for way in WAYS if way.startswith("POST")])
def test_a_foreign_page_opens_and_sends_nothing(
    site: Site, front: Front, way: str, origin: str
) -> None:
    """Even if its reader holds the token."""
    right = bearer(site.kept)
    assert ask(site, way, front.session, right, ("Origin", origin)).status == 403
    foreign = ("Sec-Fetch-Site", "cross-site")
    assert ask(site, way, front.session, right, foreign).status == 403


@pytest.mark.parametrize("name", ["", "x", "..", "%00", "[]", "a&session=b"])
def test_a_name_that_is_none_finds_no_session(site: Site, name: str) -> None:
    """And nobody's news are read twice."""
    for way in WAYS[-2:]:
        assert ask(site, way, name, bearer(site.kept)).status == 404


def test_news_are_read_once(site: Site, front: Front) -> None:
    """A second reader of a session gets nothing of it."""
    assert ask(site, WAYS[4], front.session, bearer(site.kept)).status == 404


@pytest.mark.parametrize("message", ODD, ids=range(len(ODD)))
def test_what_is_no_message_is_refused(site: Site, front: Front, message: Any) -> None:
    """With the reason; the session goes on, and nothing is an error of modframe's own."""
    before = errors(front)
    answer = send(site, front, message)
    assert answer.status == 400
    assert "message" in json.loads(answer.body)["detail"]
    assert len(answer.body) < 500
    assert front.ask("routes", module="shop")
    assert errors(front) == before


@pytest.mark.parametrize("message", HARMLESS, ids=range(len(HARMLESS)))
def test_what_leads_nowhere_changes_nothing(site: Site, front: Front, message: Any) -> None:
    """A module that isn't there has no facts; a question that isn't there is not cancelled."""
    assert send(site, front, message).status == 204
    assert front.ask("routes", module="shop")
    assert front.facts == {}


@pytest.mark.parametrize(
    "args",
    [
        {"module": "shop", "name": "api_key", "value": [SENT]},
        {"module": "shop", "name": "api_key", "value": {"a": SENT}},
        {"module": "shop", "name": "api_key", "value": None},
        {"module": "shop", "name": "limit", "value": SENT},
        {"module": "shop", "name": SENT, "value": 1},
        {"module": "shop", "name": "__class__", "value": SENT},
        {"module": "shop", "name": ["api_key"], "value": SENT},
        {"module": "none", "name": "api_key", "value": SENT},
        {"module": "shop", "name": "api_key", "value": SENT, "session": True},
        {"module": "shop", "name": "api_key", "form": {"fields": [], "typed": {"api_key": SENT}}},
        {"module": "shop", "name": "api_key", "form": {"fields": [{}], "typed": SENT}},
        {"module": "shop", "name": "api_key", "form": SENT},
    ],
    ids=range(12),
)
def test_a_secret_that_is_not_taken_is_not_repeated(front: Front, args: dict[str, Any]) -> None:
    """Not in the answer, and not in what the view is told; what counts stays as it was."""
    fault = front.fault("set_session_value", **args)
    assert fault["message"]
    if args["name"] != SENT:
        assert SENT not in json.dumps(fault)
    front.hello("standard.shop", "settings")
    settings = {one["name"]: one for one in front.ask("settings", module="shop")}
    assert not any(one["session"] for one in settings.values())
    assert SENT not in json.dumps([front.facts, settings])


def test_a_secret_that_is_taken_is_not_told(site: Site, front: Front) -> None:
    """Neither this view nor another one, nor its log; a stranger with its session sets nothing."""
    other = {"id": 7, "op": "set_session_value"}
    args = {"module": "shop", "name": "api_key", "value": f"{TAKEN}-2"}
    body = json.dumps({**other, "args": args}).encode()
    assert ask(site, WAYS[5], front.session, body=body).status == 401
    front.hello("standard.shop", "settings")
    front.ask("set_session_value", module="shop", name="api_key", value=TAKEN)
    try:
        with Front(
            f"http://localhost:{site.port}", token=site.kept, module="standard.shop"
        ) as seen:
            for view in (seen, front):
                view.hello("standard.shop", "settings")
                told = [view.ask("settings", module="shop"), view.ask("errors"), view.news]
                assert TAKEN not in json.dumps(told)
                assert any(one["session"] for one in told[0])
            fault = seen.fault("method", module="shop", service=TAKEN, method=TAKEN)
            assert TAKEN not in json.dumps(fault)
    finally:
        front.ask("undo_setting", module="shop", name="api_key")


@pytest.mark.parametrize(("op", "args"), NO_QUESTION, ids=range(len(NO_QUESTION)))
def test_an_odd_question_is_answered_with_a_reason(
    front: Front, op: str, args: dict[str, Any]
) -> None:
    """Names of other things, other types, other folders."""
    before = errors(front)
    fault = front.fault(op, **args)
    assert fault["message"]
    assert "root:" not in json.dumps(fault)
    assert len(json.dumps(fault)) < 5000
    assert errors(front) == before


def test_a_widget_leaves_out_what_is_no_message(site: Site) -> None:
    """A notebook's front end may be any program; nothing is raised into the kernel."""
    widget = site.app.inspect("shop")
    widget._handle_custom_msg({"view": "a", "message": {"op": "hello"}}, [])
    wait_for(lambda: inside.open_views(site.app) == 1)
    messages = [one for one in ODD if not isinstance(one, bytes) and one.get("op") != "hello"]
    for message in (None, [], "hello", *messages, *HARMLESS):
        widget._handle_custom_msg({"view": "a", "message": message}, [])
        widget._handle_custom_msg({"view": ["a"], "message": message}, [])
        widget._handle_custom_msg(message, [])
    assert inside.open_views(site.app) == 1
    widget.close()
    wait_for(lambda: inside.open_views(site.app) == 0)


def test_a_request_goes_to_this_app_alone(front: Front) -> None:
    """Another host is one that the server does not answer to."""
    answer = front.ask("request", request={"method": "GET", "path": "http://evil.example/"})
    assert answer["status"] == 403
    assert "localhost" in answer["body"]["text"]


def test_huge_and_deep_questions_are_answered(front: Front) -> None:
    """Up to what a request may hold; beyond, the server refuses it."""
    before, nested = errors(front), []
    for _ in range(DEEP):
        nested = [nested]
    assert len(json.dumps(front.fault("methods", module=nested))) < 5000
    assert front.fault("methods", module="x" * 1_000_000)["message"]
    assert front.ask("routes", module="shop")
    assert errors(front) == before


def test_a_number_has_one_question_at_a_time(front: Front, slow: str) -> None:
    """So that no front end starts more of them than are answered at once; one that ends is over."""
    held = {"service": slow, "method": "held", "args": {}}
    number = front.start("call", **held)
    front.send({"op": "methods", "id": number})
    with pytest.raises(AskError, match="runs already"):
        front.answer(number)
    others = [front.start("call", **held) for _ in range(40)]
    with pytest.raises(AskError, match="32 questions run already"):
        front.answer(others[-1])
    for one in (number, *others):
        front.cancel(one)
    front.wait_for(lambda: "message" in front.fault("methods", module="none") or None)


def test_many_sessions_that_nobody_reads_end(
    site: Site, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are few bytes each, and the others go on."""
    monkeypatch.setattr("modframe.cockpit.page._UNREAD", 0.2)
    right = bearer(site.kept)
    names = [json.loads(ask(site, WAYS[3], "", right).body)["session"] for _ in range(200)]
    assert len(set(names)) == 200
    hello = json.dumps({"op": "look"}).encode()
    gone = lambda name: ask(site, WAYS[5], name, right, body=hello).status == 404  # noqa: E731
    wait_for(lambda: all(map(gone, names)))
    assert front.ask("routes", module="shop")
    wait_for(lambda: inside.open_views(site.app) == 1)


def test_a_page_that_reads_nothing_is_given_up(
    site: Site, slow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for it is bounded, and so is what it can ask for."""
    monkeypatch.setattr("modframe.cockpit.page._QUEUED", 4)
    right = bearer(site.kept)
    name = json.loads(ask(site, WAYS[3], "", right).body)["session"]
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", site.port))
        client.sendall(request("GET", WAYS[4].split()[1].format(name), right))

        def ask_more() -> bool:
            question = {"op": "call", "id": next(ids), "args": asked}
            body = json.dumps(question).encode()
            return ask(site, WAYS[5], name, right, body=body).status == 404

        ids, asked = count(1), {"service": slow, "method": "long", "args": {}}
        wait_for(ask_more)
    wait_for(lambda: inside.open_views(site.app) == 0)
