"""``modframe serve``: bind, load, listen, and stop in order on a signal.

In come a workspace and an address; out goes an exit status. ``quickstart`` serves through it too.
The loop is this process's own, and it is the app loop.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from ..config import StartOptions
from ..engine import Engine
from ..hosted import hosted
from ..server import Server, bind, check_token
from ..source import OnDisk
from ..source.workspace import find_workspace
from ..wording import count
from .out import one_line, say, workspace_at

DRAIN = 5.0
"""Seconds that requests and calls in flight get once a signal came."""
_LAST = 3
_INTERRUPTED = 130

OnceServed = Callable[[Server], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Serving:
    """What to serve and where.

    Attributes:
        workspace: The workspace, or nothing for the nearest.
        token: What callers must bring; where the address isn't loopback there has to be one.
        strict: Whether a module that fails ends it.
        notebooks: Notebooks whose ``%%module`` cells are served beside the workspace's modules.
        watch: Whether modules are swapped when their files are saved.
    """

    workspace: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    strict: bool = False
    notebooks: tuple[Path, ...] = ()
    watch: bool = False

    @property
    def home(self) -> Path:
        """The workspace: as given, or the nearest, seen from the first notebook or from here.

        Raises:
            WorkspaceError: If it was named and isn't there.
        """
        above = self.notebooks[0].resolve().parent if self.notebooks else None
        return workspace_at(self.workspace or (find_workspace(above=above) if above else None))


def serve(serving: Serving, *, once_served: OnceServed | None = None) -> int:
    """Serve until a signal comes, or until ``once_served`` is done; the exit status.

    Raises:
        ServeError: If the address can't be had; nothing was loaded then.
        WorkspaceError: If a notebook can't be read or has no module; likewise.
        StartError: Under ``strict``, if a module failed.
    """
    OnDisk(Path(), serving.notebooks).refuse_unreadable()
    home = serving.home
    check_token(serving.host, serving.token)
    bound = bind(serving.host, serving.port)
    say(f"loading {home}")
    try:
        return asyncio.run(_serve(replace(serving, workspace=home), bound, once_served))
    finally:
        bound.close()


async def _serve(serving: Serving, bound: socket.socket, once_served: OnceServed | None) -> int:
    stop = Stop(asyncio.get_running_loop())
    with stop.listening():
        work = asyncio.ensure_future(_host(serving, bound, stop, once_served))
        stop.loading = work
        try:
            return await work
        except asyncio.CancelledError:
            if not stop.count:
                raise
            return 0


async def _host(
    serving: Serving, bound: socket.socket, stop: Stop, once_served: OnceServed | None
) -> int:
    options = StartOptions(serving.workspace, notebooks=serving.notebooks)
    async with hosted(options, strict=serving.strict) as engine:
        stop.engine = engine
        server = await engine.site.serve(
            serving.host, serving.port, token=serving.token, bound=bound
        )
        stop.loading = None
        if serving.watch:
            engine.watching.say = say_line
            await engine.watching.begin()
        _announce(engine, server, serving)
        if once_served is None:
            await stop.asked.wait()
            status = 0
        else:
            status = await _unless(stop, once_served(server))
        say("stopping")
    say("stopped")
    return status


async def _unless(stop: Stop, work: Awaitable[int]) -> int:
    task = asyncio.ensure_future(work)
    asked = asyncio.ensure_future(stop.asked.wait())
    await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
        return 0
    return task.result()


def _announce(engine: Engine, server: Server, serving: Serving) -> None:
    snapshot = engine.snapshot()
    own = [one for one in snapshot.modules if not one.id.startswith("core.")] or snapshot.modules
    for one in own:
        about = one_line(one.error) if one.error else count(len(one.routes), "route")
        say(f"  {one.id}  {one.state}  {about}")
    for line in _from_notebooks(engine.disk):
        say(line)
    if serving.watch:
        say(f"watching {engine.watching.places}")
    if serving.token is None and sys.stdout.isatty():
        say(f"token {server.token}  (what changes the system over HTTP needs it)")
    say(f"serving at {server.url}  ({server.url}/docs; Ctrl-C stops it)")


def _from_notebooks(disk: OnDisk) -> Iterator[str]:
    for module_id, sources in disk.in_notebooks().items():
        names = ", ".join(dict.fromkeys(Path(one.place).name for one in sources))
        folder = disk.folder(module_id)
        if folder is None:
            yield f"{module_id} is served from {names}"
        elif any("api.py" in one.files for one in sources):
            yield f"{module_id} is served from {names}, and not from {folder}"
        else:
            yield f"{module_id} is served from {folder}, with files from {names}"


def say_line(text: str) -> None:
    """What the watch did, as one line; it quotes errors, which quote module code."""
    say(one_line(text))


class Stop:
    """What signals do: the first stops in order, the second without waiting, the third at once.

    Attributes:
        asked: Set by the first.
        loading: The task to cancel while nothing is served yet.
        count: How many signals came.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.asked = asyncio.Event()
        self.loading: asyncio.Future[int] | None = None
        self.engine: Engine | None = None
        self.count = 0
        self._loop = loop

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT, and give them back."""
        # Not the loop's own handlers: those would wait for a loop that a module blocks.
        before = {one: signal.signal(one, self._came) for one in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def _came(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count >= _LAST:
            os._exit(_INTERRUPTED)
        self._loop.call_soon_threadsafe(self._act)

    def _act(self) -> None:
        if self.engine is not None:
            self.engine.wait_at_most(DRAIN)
            if self.count > 1:
                self.engine.hurry()
        self.asked.set()
        if self.loading is not None and not self.loading.done() and self.count == 1:
            self.loading.cancel()
