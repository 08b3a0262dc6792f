"""``modframe mcp``: load the workspace, and answer an assistant on standard input and output.

In come a workspace and the client's messages; out go the answers, and an exit status when the
client closes its side or a signal comes. Everything that people read goes to standard error.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from ..config import StartOptions
from ..hosted import hosted
from ..server.mcp import check_package
from ..wording import count
from .out import one_line, say
from .serve import Serving, begin_watching, home_of
from .stopping import Stop, run_stoppable

if TYPE_CHECKING:
    from ..engine import Engine
    from ..server.mcp.stdio import Wire


def serve_assistant(serving: Serving) -> int:
    """Answer one assistant until it leaves; return the exit status.

    Raises:
        ServeError: If the `mcp` package isn't installed.
        WorkspaceError: If a notebook can't be read or has no module, or there is no such
            workspace; nothing was loaded.
        StartError: Under ``strict``, if a module failed.
    """
    check_package()
    from ..server.mcp.stdio import Wire

    ready = replace(serving, workspace=home_of(serving))
    wire = Wire.taken()
    return asyncio.run(run_stoppable(lambda stop: _host(ready, wire, stop)))


async def _host(serving: Serving, wire: Wire, stop: Stop) -> int:
    options = StartOptions(serving.workspace, data=serving.data, notebooks=serving.notebooks)
    async with hosted(options, strict=serving.strict, opened=stop.follow) as engine:
        stop.loading = None
        for key, error in engine.start_errors().items():
            say(f"{key} did not start: {one_line(engine.secrets.mask(str(error)))}")
        if serving.watch:
            await begin_watching(engine)
        say(f"answering an assistant for {count(len(engine.live.generations), 'module')}")
        status = await stop.or_end_of(_answer(engine, wire))
        say("stopping")
    say("stopped")
    return status


async def _answer(engine: Engine, wire: Wire) -> int:
    from ..server.mcp.stdio import serve_on_stdio

    await serve_on_stdio(engine.assistants, wire)
    return 0
