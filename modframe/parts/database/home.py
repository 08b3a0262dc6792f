"""`Home`: the process and the event loop that the databases of an app live on; made by `Registry`.

Every use begins with `Home.check`, so that a wrong caller gets an error and no broken connection.
"""

from __future__ import annotations

import asyncio
import os

from .errors import DatabaseClosedError, DatabaseForkedError, DatabaseLoopError


class Home:
    """Where databases may be used: in one process, on one loop, until they are closed."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.closed = False

    def check(self) -> None:
        """Refuse use after closing, on a second loop, and in a forked child.

        Raises:
            DatabaseClosedError: After the databases were closed.
            DatabaseLoopError: On another loop than at the first use.
            DatabaseForkedError: In a child forked since.
        """
        check_process(self._process)
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise DatabaseLoopError(
                "the databases live on the app loop, and this is another one",
                cure="go through `app.database` or a service handle, which cross over, or use "
                "`app.run(...)`",
                database="",
            )
        if self.closed:
            raise DatabaseClosedError(
                "the databases were closed with the app", cure="start the app again", database=""
            )


def check_process(process: int) -> None:
    """Refuse to work in a child forked from ``process``: threads and locks stayed behind in it.

    Raises:
        DatabaseForkedError: If this is another process; writes would be lost or corrupt the file.
    """
    if os.getpid() != process:
        raise DatabaseForkedError(
            f"process {os.getpid()} was forked from one that has the databases open",
            cure="run functions in processes by app_context.tasks.process(function, *args), "
            "and reach the databases where their results are awaited",
            database="",
        )
