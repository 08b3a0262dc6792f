"""The text of a module that uses all of FastAPI in its routes; each of its answers has a number."""

from __future__ import annotations

from pathlib import Path

_HEAD = """
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import (
    APIRouter, BackgroundTasks, Body, Cookie, Depends, FastAPI, File, Form, Header, HTTPException,
    Query, Request, Response, Security, UploadFile, WebSocket,
)
from fastapi.responses import (
    FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, StreamingResponse,
)
from fastapi.routing import APIRoute
from fastapi.security import (
    APIKeyHeader, HTTPBasic, HTTPBasicCredentials, OAuth2PasswordBearer, OAuth2PasswordRequestForm,
)
from fastapi.sse import EventSourceResponse, ServerSentEvent
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection
from starlette.routing import Route

from modframe import Result, service
from modframe.decorators import module
from modules.standard.neighbour.api import greeting
from tests.server.everything.door import DOOR

NUMBER = {number}
FOLDER = Path({folder!r})


async def hold(connection: HTTPConnection):
    connection.state.number = NUMBER
    await DOOR.pass_through(connection.headers)


router = APIRouter(dependencies=[Depends(hold)])
"""

_FORMS = """
class Sent(BaseModel):
    name: str
    tags: list[str] = []


@router.post("/form")
async def form(name: Annotated[str, Form(min_length=1)], age: Annotated[int, Form()] = 0) -> Any:
    return [NUMBER, name, age]

@router.post("/form-model")
async def form_model(sent: Annotated[Sent, Form()]) -> Any:
    return [NUMBER, sent.name, sent.tags]

@router.post("/raw-form")
async def raw_form(request: Request) -> Any:
    async with request.form() as sent:
        return [NUMBER, sent["name"]]

@router.post("/bytes")
async def file_bytes(file: Annotated[bytes, File()]) -> Any:
    return [NUMBER, len(file)]

@router.post("/upload")
async def upload(file: UploadFile, note: Annotated[str, Form()] = "") -> Any:
    return [NUMBER, file.filename, file.content_type, len(await file.read()), note]

@router.post("/uploads")
async def uploads(files: list[UploadFile]) -> Any:
    return [NUMBER, *[file.filename for file in files]]

@router.post("/streamed-upload")
async def streamed_upload(request: Request) -> Any:
    return [NUMBER, sum([len(chunk) async for chunk in request.stream()])]

@router.post("/body")
async def body(sent: Sent, extra: Annotated[int, Body(embed=True)]) -> Any:
    return [NUMBER, sent.name, extra]

@router.get("/models")
async def models(
    query: Annotated[Sent, Query()], x_trace: Annotated[str, Header()], seat: Annotated[str, Cookie()]
) -> Any:
    return [NUMBER, query.name, query.tags, x_trace, seat]

@router.get("/files/{{path:path}}")
async def path(path: str, wait: bool = False) -> Any:
    return [NUMBER, path, wait]
"""

_ANSWERS = """
class Shown(BaseModel):
    number: int
    name: str = "shown"


@router.get("/response-model", response_model=Shown, response_model_exclude={{"name"}})
async def response_model() -> Any:
    return {{"number": NUMBER, "password": "kept back"}}

@router.get("/result")
async def result() -> Result:
    return Result.success([NUMBER])

@router.get("/sync")
def sync() -> list[int]:
    return [NUMBER]

@router.get("/html", response_class=HTMLResponse)
async def html() -> str:
    return f"<p>{{NUMBER}}</p>"

@router.get("/status", status_code=202)
async def status(response: Response) -> list[int]:
    response.headers["x-number"] = str(NUMBER)
    return [NUMBER]

@router.get("/refused")
async def refused() -> None:
    raise HTTPException(409, [NUMBER], headers={{"x-number": str(NUMBER)}})

@router.get("/checked")
async def checked(size: Annotated[int, Query(ge=NUMBER)]) -> None: ...

@router.get("/set-cookie")
async def set_cookie(response: Response) -> list[int]:
    response.set_cookie("seat", f"s{{NUMBER}}", httponly=True)
    return [NUMBER]

@router.get("/redirect")
async def redirect(request: Request) -> Response:
    return RedirectResponse(str(request.url_for("path", path=f"at/{{NUMBER}}")))

@router.get("/file")
async def file() -> FileResponse:
    (FOLDER / f"{{NUMBER}}.txt").write_text(f"file {{NUMBER}}")
    return FileResponse(FOLDER / f"{{NUMBER}}.txt", filename="report.txt")

@router.head("/only-head")
async def only_head(response: Response) -> None:
    response.headers["x-number"] = str(NUMBER)

@router.options("/only-options")
async def only_options() -> list[int]:
    return [NUMBER]

@router.api_route("/many", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
async def many(request: Request) -> Any:
    return [NUMBER, request.method]

@router.get("/state")
async def state(request: Request) -> list[int]:
    return [request.state.number]
"""

_STREAMS = """
async def words(end: str = ""):
    yield f"{{NUMBER}} a{{end}}"
    await DOOR.wait()
    yield f"{{NUMBER}} b{{end}}"


@router.get("/stream")
async def stream() -> StreamingResponse:
    return StreamingResponse(words("\\n"), media_type="text/plain")

@router.get("/lines")
async def lines() -> AsyncIterator[Shown]:
    async for word in words():
        yield Shown(number=NUMBER, name=word)

@router.get("/events", response_class=EventSourceResponse)
async def events() -> AsyncIterator[ServerSentEvent]:
    async for word in words():
        yield ServerSentEvent(data=word, event="word")

@router.websocket("/socket")
async def socket(socket: WebSocket, name: str = "you"):
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(f"{{NUMBER}} {{name}} {{text}}")

@router.websocket("/socket-json/{{room}}")
async def socket_json(socket: WebSocket, room: int, hello: Annotated[str, Depends(greeting)]):
    await socket.accept()
    while True:
        sent = await socket.receive_json()
        await socket.send_json([NUMBER, room, hello, sent])
"""

_DEPENDENCIES = """
async def opened():
    DOOR.seen.append(f"opened {{NUMBER}}")
    try:
        yield NUMBER
    finally:
        DOOR.seen.append(f"closed {{NUMBER}}")


def opened_in_thread(outer: Annotated[int, Depends(opened)]):
    yield outer
    DOOR.seen.append(f"left {{NUMBER}}")


class Page:
    def __init__(self, size: int = 7):
        self.size = size


async def later(word: str):
    await DOOR.wait()
    DOOR.seen.append(f"{{word}} {{NUMBER}}")


@router.get("/yield")
async def with_yield(number: Annotated[int, Depends(opened_in_thread)]) -> list[int]:
    await DOOR.wait()
    return [number]

@router.get("/page")
async def page(page: Annotated[Page, Depends()]) -> list[int]:
    return [NUMBER, page.size]

@router.get("/neighbour")
async def neighbour(hello: Annotated[str, Depends(greeting)]) -> Any:
    return [NUMBER, hello]

@router.get("/service")
async def neighbours_service(other: Annotated[Any, Depends(service("neighbour"))]) -> Any:
    return [NUMBER, await other.name()]

@router.get("/background")
async def background(tasks: BackgroundTasks) -> list[int]:
    tasks.add_task(later, "background")
    return [NUMBER]


oauth2 = OAuth2PasswordBearer(tokenUrl="token", scopes={{"read": "Read everything"}})
api_key = APIKeyHeader(name="X-Key", scheme_name="key")
basic = HTTPBasic()


@router.post("/token")
async def token(sent: Annotated[OAuth2PasswordRequestForm, Depends()]) -> Any:
    return {{"access_token": f"{{sent.username}}-{{NUMBER}}", "token_type": "bearer"}}

@router.get("/oauth2")
async def who(token: Annotated[str, Security(oauth2, scopes=["read"])]) -> Any:
    return [NUMBER, token]

@router.get("/key")
async def key(key: Annotated[str, Security(api_key)]) -> Any:
    return [NUMBER, key]

@router.get("/basic")
async def user(user: Annotated[HTTPBasicCredentials, Depends(basic)]) -> Any:
    return [NUMBER, user.username]
"""

_ROUTERS = '''
class Stamped(APIRoute):
    """Adds a header around everything that its routes do."""

    def get_route_handler(self):
        answer = super().get_route_handler()

        async def stamped(request: Request) -> Response:
            response = await answer(request)
            response.headers["x-stamp"] = str(NUMBER)
            return response

        return stamped


inner = APIRouter(route_class=Stamped, prefix="/inner", tags=["inner"])
deepest = APIRouter(default_response_class=PlainTextResponse)


@inner.get("/stamped")
async def stamped() -> list[int]:
    return [NUMBER]

@deepest.get("/plain")
async def plain() -> str:
    return f"plain {{NUMBER}}"


inner.include_router(deepest, prefix="/deepest")
router.include_router(inner)


async def starlettes(request: Request) -> Response:
    await DOOR.pass_through(request.headers)
    return PlainTextResponse(f"starlette {{NUMBER}}")


router.routes.append(Route("/starlette", starlettes))
router.add_route("/added", starlettes)
router.add_api_route("/added-api", sync, methods=["GET"], name="added")

sub = FastAPI(title="Below", dependencies=[Depends(hold)])


@sub.middleware("http")
async def sign(request: Request, call_next):
    response = await call_next(request)
    response.headers["x-signed"] = str(NUMBER)
    return response


class OddError(Exception):
    pass


@sub.exception_handler(OddError)
async def answer_odd(request: Request, error: OddError):
    return PlainTextResponse(f"odd {{NUMBER}}", 418)


@sub.get("/number")
async def sub_number(request: Request) -> Any:
    return [NUMBER, request.url_for("sub:sub_number").path]


@sub.get("/odd")
async def odd() -> None:
    raise OddError


@sub.post("/upload")
async def sub_upload(file: UploadFile) -> Any:
    return [NUMBER, file.filename]


router.mount("/sub", sub, name="sub")
(FOLDER / "static").mkdir(exist_ok=True)
(FOLDER / "static" / "same.txt").write_text("the same")
(FOLDER / "static" / "index.html").write_text("the page")
router.frontend("/front", directory=FOLDER / "static")
router.mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")


@module
class Everything:
    """Uses all of FastAPI."""
'''

NEIGHBOUR = '''
from fastapi import APIRouter, Request

from modframe.decorators import module

router = APIRouter()


async def greeting(request: Request = None, name: str = "you") -> str:
    return f"hello {name}"


@module
class Neighbour:
    """Has what the other module asks for."""

    async def name(self) -> str:
        return "neighbour"
'''


def module_files(number: int, folder: Path) -> dict[str, str]:
    """Return the files of the module whose answers have a number."""
    text = _HEAD + _FORMS + _ANSWERS + _STREAMS + _DEPENDENCIES + _ROUTERS
    return {"api.py": text.format(number=number, folder=str(folder))}
