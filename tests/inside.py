"""What tests need to know of a running app and no public call shows.

This is the only file of the tests that reaches below `AppContext`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from modframe.app import AppContext
from modframe.cockpit.session import Session
from modframe.source import Source
from tests.waiting import wait_for

if TYPE_CHECKING:
    from modframe.runtime.change.outcome import Outcome
    from modframe.runtime.generation import Generation


def settle(app: AppContext) -> None:
    """Wait until every replaced generation was closed."""
    app.run(settled(app))


async def settled(app: AppContext) -> None:
    """Wait until every replaced generation was closed, and let go of it; on the app loop."""
    await app._engine.swap.settled()
    remains = app._engine.swap.remains
    held, remains._held = remains._held, []
    held.clear()
    while remains._look is not None:
        await asyncio.sleep(0.01)


def look_at_once() -> None:
    """Let apps of this process look at once for what outlives a generation that was closed.

    A finalizer counts as one that blocks after a second. For a process of its own.
    """
    from modframe.runtime.change import remains

    remains.QUIET, remains._STUCK = 0.05, 1.0


@contextmanager
def looking_patiently() -> Iterator[None]:
    """Let a look at what outlives a generation take as long as it does.

    On a busy machine a collection can take longer than a finalizer may: the one that is in its
    turn then would count as one that blocks.
    """
    from modframe.runtime.change import remains

    stuck, remains._STUCK = remains._STUCK, 3600.0
    try:
        yield
    finally:
        remains._STUCK = stuck


def look(app: AppContext) -> None:
    """Wait until it is known what outlives the generations that were replaced or stopped."""

    async def settled_and_looked() -> None:
        await app._engine.swap.settled()
        await app._engine.swap.remains.look()

    app.run(settled_and_looked())


async def change(app: AppContext, *sources: Source, test: Sequence[str] = ()) -> list[Outcome]:
    """Carry out a change on the app loop, without a verb that waits for it.

    Args:
        test: Ids of the modules whose own tests have to pass.
    """
    trial = app._engine.trials.make(test) if test else None
    return await app._engine.swap.change(sources, trial=trial)


def waiting_changes(app: AppContext) -> int:
    """Return how many changes wait until others have released their modules."""
    return len(app._engine.swap._claims._waiting)


def is_building(app: AppContext, name: str) -> bool:
    """Return whether a change builds a generation of a module."""
    record = app._engine.records.get(f"standard.{name}")
    return record is not None and record.building is not None


def generation(app: AppContext, name: str) -> Generation:
    """Return the live generation of ``standard.<name>``."""
    return app._engine.live.generations[f"standard.{name}"]


def live_packages(app: AppContext) -> set[str]:
    """Return the package names of all live generations."""
    return {live.package_name for live in app._engine.live.generations.values()}


def service(app: AppContext, name: str) -> Any:
    """Return the service object behind the handle of ``standard.<name>.service``."""
    return generation(app, name).services[f"standard.{name}.service"]


def part(app: AppContext, name: str) -> Any:
    """Return the part of the runtime that has this name."""
    return next(part for part in app._engine.parts if part.name == name)


def owners(app: AppContext) -> set[str]:
    """Return the package names of the generations that the app loop runs tasks for."""
    return set(app._app_loop.owners)


def app_loop(app: AppContext) -> asyncio.AbstractEventLoop:
    """Return the loop that module code runs on."""
    return app._app_loop.loop


def app_thread(app: AppContext) -> int:
    """Return the number of the app loop's thread, 0 once it has ended."""
    return app._app_loop.thread_id


def is_closing(app: AppContext) -> bool:
    """Return whether the app loop has ended or is about to."""
    return app._app_loop.closing


def submissions(app: AppContext) -> int:
    """Return how many threads wait for the app loop."""
    return len(app._app_loop.submissions)


def handles(app: AppContext) -> int:
    """Return how many handles the app knows."""
    return len(app._engine.handles._handles)


def record_ids(app: AppContext) -> set[str]:
    """Return the ids of the modules that the app remembers anything of."""
    return set(app._engine.records)


def resources(app: AppContext) -> int:
    """Return how many shared resources are open."""
    return len(app._engine.resources._resources)


def end_loader_thread(app: AppContext) -> None:
    """End the thread that executes files, once it is idle; the next load starts another."""

    async def close() -> None:
        app._engine.swap._loader.close()

    app.run(close())


def log(app: AppContext, name: str | None = None) -> list[str]:
    """Return the messages of the event log, oldest first, of one module or of everything."""
    return [event.message for event in app._engine.log.tail(500, name)]


def open_views(app: AppContext) -> int:
    """Return how many front ends of the cockpit are kept up to date."""
    return len(app._engine.follower.sessions)


def loading_turn(*module_ids: str) -> Any:
    """Return one job of the thread that executes the files of these modules."""
    from modframe.runtime.change.loading import _Turn

    return _Turn(list(module_ids))


@contextmanager
def servers(app: AppContext, token: str) -> Iterator[list[int]]:
    """Serve an app twice more, with a token that was given; return the ports.

    The first server is what `create_app` gives any ASGI server, which counts as reached from
    elsewhere. The second one trusts a proxy on this machine.
    """
    from modframe.server.binding import bind
    from modframe.server.limits import Limits
    from modframe.server.proxies import behind_proxies
    from modframe.server.serving import Server, start_server

    site = app._engine.site
    far = site.for_server(token)

    async def start(asgi: Any) -> Server:
        bound = bind("127.0.0.1", 0)
        limits = Limits(client_timeout=2)
        return await start_server(
            asgi, bound, host="127.0.0.1", limits=limits, block=app._app_loop.wait
        )

    running = [app.run(start(asgi)) for asgi in (far, behind_proxies(far, ["127.0.0.1"]))]
    try:
        yield [server.port for server in running]
    finally:
        for server in running:
            server.stop()


def news(app: AppContext, module: str | None = None) -> list[dict[str, Any]]:
    """Return the news that a cockpit opened at a module gets at first."""
    lines: list[str] = []
    follower = app._engine.follower
    session = Session(app._engine.shown, lines.append, place="page", follower=follower)
    session.receive({"op": "hello", "module": module, "tab": "overview"})
    wait_for(lambda: lines)
    session.close()
    return [json.loads(line) for line in lines]
