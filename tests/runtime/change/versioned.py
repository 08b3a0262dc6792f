"""A module whose version stands in three files, one of them imported inside functions.

Every way in answers all three, read at different moments: a whole answer has one number thrice.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

Answer = tuple[int, int, int]

API = """
import asyncio
import time

from fastapi import APIRouter, BackgroundTasks, WebSocket
from fastapi.responses import StreamingResponse
from modframe.decorators import module
from core.app_context import app_context
from tests_noted import NOTED
{imports}

VERSION = {version}
router = APIRouter()


async def answer():
    first = VERSION
    await asyncio.sleep(0)
    second = {services}
    await asyncio.sleep(0.001)
    from .store import version

    return first, second, version()


@router.get("/async")
async def by_coroutine():
    return await answer()


@router.get("/sync")
def by_thread():
    first = VERSION
    time.sleep(0.001)
    second = {services}
    time.sleep(0.001)
    from .store import version

    return first, second, version()


@router.get("/own-service")
async def by_own_service():
    return await app_context.get_service("versioned").answer()


async def note(began):
    NOTED.append((began, await answer()))


@router.post("/background")
async def with_a_background_task(later: BackgroundTasks):
    later.add_task(note, VERSION)
    return await answer()


async def lines():
    while True:
        yield f"data: {{list(await answer())}}\\n\\n"


@router.get("/stream")
async def stream():
    return StreamingResponse(lines(), media_type="text/event-stream")


@router.websocket("/socket")
async def socket(socket: WebSocket):
    await socket.accept()
    async for _ in socket.iter_text():
        await socket.send_json(await answer())


@module
class Versioned:
    async def answer(self):
        return await answer()
{extra}
"""
SERVICES = "VERSION = {version}\n\n\ndef version():\n    return VERSION\n"
STORE = (
    "VERSION = {version}\n\n\ndef version():\n    from . import store\n\n    return store.VERSION\n"
)
EXTRA = '\n\n@router.get("/only-at-times")\nasync def only_at_times():\n    return await answer()\n'

CALLER = """
from modframe.decorators import module
from core.app_context import app_context


@module(requires=["versioned"])
class Caller:
    async def ask(self):
        return await app_context.get_service("versioned").answer()
"""


def texts(version: int) -> dict[str, str]:
    """Return the files with a version; imports and routes change with every other version."""
    by_name = version % 2
    return {
        "api.py": API.format(
            version=version,
            imports="from .services import version as of_services"
            if by_name
            else "from . import services",
            services="of_services()" if by_name else "services.VERSION",
            extra=EXTRA if version % 3 == 0 else "",
        ),
        "services.py": SERVICES.format(version=version),
        "store.py": STORE.format(version=version),
    }


@contextmanager
def noted() -> Iterator[list[tuple[int, Answer]]]:
    """Collect what background tasks note: the version they began with, and their answer."""
    module = ModuleType("tests_noted")
    module.NOTED = []  # type: ignore[attr-defined]  # a module made for this
    sys.modules["tests_noted"] = module
    try:
        yield module.NOTED  # type: ignore[attr-defined]  # as above
    finally:
        del sys.modules["tests_noted"]


class Seen:
    """Collects the answers of clients, and the faults: torn answers, and steps back in time."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self.answers: dict[str, list[Answer]] = {}
        self.faults: list[str] = []

    def add(self, client: str, answer: object) -> None:
        """Take one answer of a client."""
        with self._lock:
            values = answer if isinstance(answer, list | tuple) else ()
            whole = len(values) == 3 and len(set(values)) == 1
            before = self.answers.setdefault(client, [])
            if not whole:
                self.faults.append(f"{client}: torn or no answer: {answer!r}")
            elif before and before[-1][0] > values[0]:
                self.faults.append(f"{client}: {values[0]} after {before[-1][0]}")
            before.append(tuple(values))  # type: ignore[arg-type]  # three, or said above
            self._lock.notify_all()

    def wait(self, client: str, version: int, *, timeout: float) -> bool:
        """Wait until a client has seen a version, or there is a fault."""

        def there() -> bool:
            answers = self.answers.get(client)
            return bool(self.faults) or bool(answers and answers[-1][0] >= version)

        with self._lock:
            return self._lock.wait_for(there, timeout)

    def fail(self, client: str, error: BaseException | str) -> None:
        """Take a failure."""
        with self._lock:
            self.faults.append(f"{client}: {error!r}")
            self._lock.notify_all()

    def versions(self, client: str) -> int:
        """Return how many versions a client has seen."""
        return len({answer[0] for answer in self.answers.get(client, ())})
