"""A front end in Chromium, on another port and on the app's own, while its module is changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from modframe import AppContext
from tests.browser.lab import PATIENCE

pytestmark = pytest.mark.browser

FRONT = Path(__file__).with_name("front")
ACCOUNTS = '''
import secrets

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel

from modframe import app_context
from modframe.decorators import module

router = APIRouter()


class Login(BaseModel):
    name: str
    password: str


@router.post("")
async def log_in(login: Login) -> dict[str, str]:
    if login.password != "enigma":
        raise HTTPException(401, "name or password is wrong")
    return {"name": login.name, "token": await app_context.get_service("accounts").let_in(login.name)}


@module(path="/api/login")
class Accounts:
    """Knows who is logged in."""

    def __init__(self):
        self.names = {}

    async def let_in(self, name: str) -> str:
        token = secrets.token_urlsafe()
        self.names[token] = name
        return token

    async def name_of(self, token: str) -> str | None:
        return self.names.get(token)
'''
NOTES = '''
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, UploadFile
from pydantic import BaseModel

from modframe import app_context
from modframe.decorators import module

EDITION = {edition}


async def author(authorization: Annotated[str, Header()] = "") -> str:
    token = authorization.removeprefix("Token ")
    name = await app_context.get_service("accounts").name_of(token)
    if name is None:
        raise HTTPException(401, "log in first")
    return name


Author = Annotated[str, Depends(author)]
router = APIRouter()


class New(BaseModel):
    title: str


@router.get("")
async def listed(author: Author) -> list[dict]:
    notes = await app_context.get_service("notes").listed()
    return [{{**note, "edition": EDITION}} for note in notes]


@router.post("", status_code=201)
async def write(new: New, author: Author) -> dict:
    return await app_context.get_service("notes").write(new.title, author)


@router.put("/{{number}}/file")
async def attach(number: int, file: UploadFile, author: Author) -> dict:
    return await app_context.get_service("notes").attach(number, len(await file.read()))


@module(path="/api/notes", requires=["standard.accounts.service"], keep_state=("notes",))
class Notes:
    """Keeps notes."""

    async def initialize(self):
        self.notes = []

    async def listed(self) -> list[dict]:
        return self.notes

    async def write(self, title: str, author: str) -> dict:
        number = len(self.notes) + 1
        self.notes.append({{"number": number, "title": title, "author": author, "size": None}})
        return self.notes[-1]

    async def attach(self, number: int, size: int) -> dict:
        self.notes[number - 1]["size"] = size
        return self.notes[number - 1]
'''


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def other_origin() -> Iterator[str]:
    """Serve the front end's files on a port of its own."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=FRONT)) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def app(app: AppContext) -> AppContext:
    """An app with accounts and notes."""
    app.load({"api.py": ACCOUNTS}, id="accounts")
    app.load({"api.py": NOTES.format(edition=0)}, id="notes")
    return app


@pytest.fixture
def page(chromium: Any, picture: Path) -> Iterator[Any]:
    """A page of its own, with ``page.faults``: requests that failed, and errors of its script."""
    context = chromium.new_context(viewport={"width": 720, "height": 560})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.faults = faults = []
    page.on("requestfailed", lambda one: faults.append(f"{one.method} {one.url}: {one.failure}"))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("response", lambda one: faults.append(one.url) if one.status >= 400 else None)
    yield page
    page.screenshot(path=picture)
    context.close()


def log_in(page: Any, name: str, password: str = "enigma") -> None:  # of no account
    """Fill in the form."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def add(page: Any, title: str, content: bytes) -> None:
    """Add a note with a file, and wait until it is listed with the file's size."""
    page.get_by_label("Title").fill(title)
    file = {"name": "scan.txt", "mimeType": "text/plain", "buffer": content}
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Add").click()
    page.locator("li", has_text=title).get_by_text(f"{len(content)} bytes").wait_for()


@pytest.mark.parametrize("changes", [5, pytest.param(50, marks=pytest.mark.soak)])
def test_a_front_end_on_another_port_works_through_changes(
    app: AppContext, other_origin: str, page: Any, changes: int
) -> None:
    """It logs in, lists, adds and uploads through CORS, and no request fails at any change."""
    server = app.serve(port=0, cors=[other_origin])
    page.goto(f"{other_origin}/?api={server.url}")
    log_in(page, "Ada")
    for edition in range(1, changes + 1):
        text = {"api.py": NOTES.format(edition=edition)}
        change = threading.Thread(target=app.load, args=(text,), kwargs={"id": "notes"})
        change.start()
        add(page, f"Note {edition:02}", b"#" * (1000 + edition))
        change.join()
    page.locator(f"li[data-edition='{changes}']").first.wait_for()
    assert page.locator("li").count() == changes
    assert app.modules["notes"].generation == changes + 1
    assert page.faults == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_app_serves_the_front_end_itself(app: AppContext, page: Any, scheme: str) -> None:
    """The same files work on the app's own origin, a path of the front end included."""
    page.emulate_media(color_scheme=scheme)
    app.mount_static("/", FRONT, spa=True)
    server = app.serve(port=0)
    page.goto(f"{server.url}/notes/2")
    log_in(page, "Grace", "wrong")
    page.get_by_role("alert").get_by_text("name or password is wrong").wait_for()
    assert page.faults == [f"{server.url}/api/login"]
    log_in(page, "Grace")
    add(page, "Compilers", b"#" * 70_000)
    add(page, "Nanoseconds", b"#" * 30)
    page.locator("li.marked").get_by_text("Nanoseconds").wait_for()
    assert page.locator("#problem").is_hidden()
    assert page.faults == [f"{server.url}/api/login"]
