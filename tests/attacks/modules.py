"""The texts of the modules that are attacked, and the words that no stranger may read."""

from __future__ import annotations

PRIVATE = "hunter2-of-the-error"
"""Stands in every error."""
SECRET = "sk-live-of-the-settings"
"""The value of a setting that is a secret."""
PLAIN = "plain-value-of-a-setting"
"""The value of another setting."""

SHOP = f'''
import logging
from typing import Annotated
from fastapi import APIRouter, File, Form, Request, Response, UploadFile, WebSocket
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field, SecretStr
from modframe.decorators import module

router = APIRouter()
_log = logging.getLogger(__name__)


class Settings(BaseModel):
    api_key: SecretStr = SecretStr("{SECRET}")
    place: str = "{PLAIN}"
    limit: Annotated[int, Field(ge=0)] = 3


class Item(BaseModel):
    name: str = Field(pattern="^[a-z]+$")
    parts: list[dict] = []


@router.get("/items/{{number}}")
async def item(number: int) -> dict:
    return {{"number": number}}


@router.post("/items")
async def add(item: Item) -> Item:
    return item


@router.get("/echo")
async def echo(text: str = "") -> dict:
    return {{"text": text}}


@router.post("/echo")
async def echo_body(request: Request) -> int:
    return len(await request.body())


@router.post("/form")
async def form(name: Annotated[str, Form()]) -> dict:
    return {{"name": name}}


@router.post("/upload")
async def upload(file: Annotated[UploadFile, File()]) -> dict:
    return {{"name": file.filename, "size": file.size}}


@router.get("/broken")
async def broken(text: str = "") -> None:
    raise ValueError("{PRIVATE} " + text)


@router.get("/log")
async def log(text: str = "") -> None:
    _log.warning("somebody says %s", text)


@router.get("/away")
async def away(to: str = "") -> Response:
    return RedirectResponse("/api/v1/shop/echo?text=" + to)


@router.get("/header")
async def header(value: str = "") -> Response:
    return Response(headers={{"X-Said": value}})


@router.get("/who")
async def who(request: Request) -> dict:
    return {{
        "path": request.url.path,
        "root": request.scope.get("root_path", ""),
        "host": request.url.hostname,
        "scheme": request.url.scheme,
        "client": request.client.host,
        "query": request.url.query,
        "link": str(request.url_for("item", number=1)),
    }}


@router.get("/slash/")
async def slash() -> str:
    return "here"


@router.websocket("/talk")
async def talk(web: WebSocket) -> None:
    await web.accept()
    while True:
        text = await web.receive_text()
        await web.send_text(str(len(text)))


@router.websocket("/fall")
async def fall(web: WebSocket) -> None:
    await web.accept()
    raise ValueError("{PRIVATE}")


@module(settings=Settings)
class Shop:
    pass
'''

OPEN = """
from fastapi import APIRouter, Request
from modframe.decorators import module

router = APIRouter()


@router.get("/ping")
async def ping() -> str:
    return "pong"


@router.get("/query")
async def query(request: Request) -> str:
    return request.url.query


@module(public=True)
class Open:
    pass
"""

FAILS = f'raise ValueError("{PRIVATE}")\n'
"""A module that never was live, or whose newest text isn't."""
