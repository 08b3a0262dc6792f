"""``modframe serve``: bind, load, listen, and stop in order on a signal.

In come a workspace and an address; out goes an exit status. ``quickstart`` calls it as well. It
runs a loop of its own, which is the app loop.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..config import StartOptions
from ..engine import Engine
from ..finding import first_finding
from ..hosted import hosted
from ..runtime.loop.bounds import wait_for_any
from ..server import Server, bind, check_token
from ..server.binding import Listener
from ..server.unix_socket import bind_unix
from ..source import OnDisk
from ..source.workspace import find_workspace
from ..wording import count
from .loops import new_loop
from .out import one_line, say, workspace_at
from .stopping import Stop, leave

OnceServed = Callable[[Server], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Serving:
    """What to serve and where; the options of ``modframe serve``, and the data folder."""

    workspace: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    strict: bool = False
    notebooks: tuple[Path, ...] = ()
    watch: bool = False
    data: Path | None = None
    cors: tuple[str, ...] = ()
    uds: Path | None = None


async def until_stopped(_server: Server) -> int:
    """Wait for the signal that cancels this."""
    await asyncio.Event().wait()
    return 0


def serve(serving: Serving, *, once_served: OnceServed = until_stopped) -> int:
    """Serve until a signal comes; return the exit status.

    Args:
        serving: What to serve and where.
        once_served: Called when the server listens. When it returns an exit status, serving ends.

    Raises:
        ServeError: If the address can't be had; nothing was loaded.
        WorkspaceError: If a notebook can't be read or has no module, or there is no such
            workspace; nothing was loaded.
        StartError: Under ``strict``, if a module failed.
        SurroundingsError: If what stands around the modules can't; nothing was loaded.
    """
    OnDisk(Path(), serving.notebooks).refuse_unreadable()
    above = serving.notebooks[0].resolve().parent if serving.notebooks else None
    home = workspace_at(serving.workspace or find_workspace(above=above))
    check_token(serving.host, serving.token)
    bound = bind_unix(serving.uds) if serving.uds else bind(serving.host, serving.port)
    say(f"loading {home}")
    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(_serve(replace(serving, workspace=home), bound, once_served))
    finally:
        bound.close()


async def _serve(serving: Serving, bound: Listener, once_served: OnceServed) -> int:
    stop = Stop(asyncio.get_running_loop(), asyncio.current_task())
    status = 0
    with stop.listening():
        try:
            status = await _host(serving, bound, stop, once_served)
        except asyncio.CancelledError:
            if not stop.count:
                raise
    await leave(status)
    return status


async def _host(serving: Serving, bound: Listener, stop: Stop, once_served: OnceServed) -> int:
    options = StartOptions(serving.workspace, data=serving.data, notebooks=serving.notebooks)

    def opened(engine: Engine) -> None:
        stop.follow(engine)
        if serving.cors:
            engine.surroundings.allow_origins(serving.cors)

    async with hosted(options, strict=serving.strict, opened=opened) as engine:
        server = await engine.site.serve(
            serving.host, serving.port, token=serving.token, bound=bound
        )
        stop.loading = None
        if serving.watch:
            # As one line, since an error may quote module code of several lines.
            engine.watching.report = lambda text: say(one_line(engine.secrets.mask(text)))
            await engine.watching.begin()
        _announce(engine, server, serving)
        status = await _run_until(stop, once_served(server))
        say("stopping")
    say("stopped")
    return status


async def _run_until(stop: Stop, work: Awaitable[int]) -> int:
    """Return the exit status of ``work``; if a signal comes first, cancel it and return 0."""
    task = asyncio.ensure_future(work)
    await wait_for_any(task, stop.asked)
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.wait({task})
    return 0


def _announce(engine: Engine, server: Server, serving: Serving) -> None:
    snapshot = engine.snapshot()
    own = [view for view in snapshot.modules if view.error or not view.id.startswith("core.")]
    for view in own or snapshot.modules:
        finding = first_finding(view.findings)
        routes = f"{count(len(view.routes), 'route')}{f' · {finding}' if finding else ''}"
        say(f"  {view.id}  {view.state}  {one_line(view.error) if view.error else routes}")
    for line in _notebook_lines(engine.disk):
        say(line)
    if serving.watch:
        say(f"watching {engine.watching.places}")
    if serving.token is None and sys.stdout.isatty():
        say(f"token {server.token}  (what changes the system over HTTP needs it)")
    hint = "" if serving.uds else f"{server.url}/docs; "
    say(f"serving at {server.url}  ({hint}Ctrl-C stops it)")


def _notebook_lines(disk: OnDisk) -> Iterator[str]:
    """Yield a line for each module that is served from a notebook."""
    for module_id, sources in disk.in_notebooks().items():
        names = ", ".join(dict.fromkeys(Path(source.place).name for source in sources))
        folder = disk.folder(module_id)
        if folder is None:
            yield f"{module_id} is served from {names}"
        elif any("api.py" in source.files for source in sources):
            yield f"{module_id} is served from {names}, and not from {folder}"
        else:
            yield f"{module_id} is served from {folder}, with files from {names}"
