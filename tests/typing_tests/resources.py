"""What ``app_context.resource`` gives, as modules use it; mypy checks this file, nothing runs it."""

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import assert_type

from modframe.context import ModuleContext


def count(start: int, *, step: int = 1) -> list[int]:
    return [start, step]


async def connect(url: str) -> bytes:
    return url.encode()


@contextmanager
def opened(name: str) -> Iterator[bytes]:
    yield name.encode()


@asynccontextmanager
async def joined() -> AsyncIterator[str]:
    yield "group"


async def use(app_context: ModuleContext) -> None:
    assert_type(app_context.resource(count, 1, step=2), list[int])
    assert_type(await app_context.resource(connect, "db"), bytes)
    assert_type(app_context.resource(opened, "file"), bytes)
    assert_type(await app_context.resource(joined), str)
    assert_type(app_context.resource(ThreadPoolExecutor, 4), ThreadPoolExecutor)
    assert_type(app_context.resource(partial(count, 1)), list[int])
    app_context.resource(count, "one")  # type: ignore[call-overload]  # it takes a number


async def run_beside_the_loop(app_context: ModuleContext) -> None:
    """Functions in threads and processes keep their types."""
    assert_type(await app_context.tasks.process(count, 1, step=2), list[int])
    assert_type(await app_context.tasks.thread(count, 1), list[int])
    await app_context.tasks.process(count, "one")  # type: ignore[arg-type]  # it takes a number
