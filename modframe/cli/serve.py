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
from ..server import Server, bind, check_token
from ..server.binding import Listener
from ..server.unix_socket import bind_unix
from ..source import OnDisk
from ..wording import count
from .loops import new_loop
from .out import one_line, say, workspace_at
from .stopping import Stop, run_stoppable

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
    mcp: bool = False
    data: Path | None = None
    cors: tuple[str, ...] = ()
    public: tuple[str, ...] = ()
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
    home = home_of(serving)
    check_token(serving.host, serving.token)
    bound = bind_unix(serving.uds) if serving.uds else bind(serving.host, serving.port)
    say(f"loading {home}")
    try:
        ready = replace(serving, workspace=home)
        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(run_stoppable(lambda stop: _host(ready, bound, stop, once_served)))
    finally:
        bound.close()


def home_of(serving: Serving) -> Path:
    """Return the workspace to serve, with notebooks the one that the first of them lies in.

    Raises:
        WorkspaceError: If a notebook can't be read or has no module, or there is no workspace.
    """
    OnDisk(Path(), serving.notebooks).refuse_unreadable()
    above = serving.notebooks[0].resolve().parent if serving.notebooks else None
    return workspace_at(serving.workspace, above=above)


async def _host(serving: Serving, bound: Listener, stop: Stop, once_served: OnceServed) -> int:
    options = StartOptions(serving.workspace, data=serving.data, notebooks=serving.notebooks)

    def opened(engine: Engine) -> None:
        stop.follow(engine)
        if serving.cors:
            engine.surroundings.allow_origins(serving.cors)

    async with hosted(options, strict=serving.strict, opened=opened) as engine:
        server = await engine.site.serve(
            serving.host, serving.port, token=serving.token, bound=bound, mcp=serving.mcp or None
        )
        if serving.public:
            engine.site.access.let_everyone_use(serving.public)
        stop.loading = None
        if serving.watch:
            await begin_watching(engine)
        _announce(engine, server, serving)
        status = await stop.or_end_of(once_served(server))
        say("stopping")
    say("stopped")
    return status


async def begin_watching(engine: Engine) -> None:
    """Swap modules when their files are saved, and print a line for each."""
    # As one line, since an error may quote module code of several lines.
    engine.watching.report = lambda text: say(one_line(engine.secrets.mask(text)))
    await engine.watching.begin()


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
    if serving.mcp:
        say(f"assistants at {server.url}/mcp  (with the token)")
    hint = "" if serving.uds else f"{server.url}/docs; "
    say(f"serving at {server.url}  ({hint}Ctrl-C stops it)")
    if sys.stdout.isatty() and not serving.uds:
        say(f"what runs, and all that is said about it: {server.link()}  (opens once)")


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
