"""`Dispatcher`: a request's path → the live generation it belongs to → its sub-application.

Called by the guard for every request, and by an ASGI server for its lifespan. Live is read once a
request, so a request stays on the generation it began on; the generation's counter keeps it open
until then. Everything that is not below `/api/v1/` goes to the system pages.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..errors import ModuleExitError
from ..parts.web.paths import module_id_at, prefix_of
from ..parts.web.problem import ASGIApp, Problem, Receive, Scope, Send

_RETRY_SECONDS = "1"
_HINTS_UP_TO = 2000


class LiveGeneration(Protocol):
    """What the dispatcher needs of a generation."""

    parts: dict[str, Any]
    in_flight: int

    def release(self) -> None:
        """Count one request out."""


class LiveTable(Protocol):
    """What the dispatcher needs of Live."""

    @property
    def generations(self) -> Mapping[str, Any]:
        """Module id → generation; replaced as a whole."""


class Dispatcher:
    """The ASGI application behind the guard.

    Args:
        live: The table of what runs.
        system: What answers everything that is not below ``/api/v1/``.
        absent: Of a module that is known but not live, its state and why; None for any other.
    """

    def __init__(
        self,
        live: LiveTable,
        *,
        system: ASGIApp,
        absent: Callable[[str], tuple[str, str] | None],
    ) -> None:
        self._live = live
        self._system = system
        self._absent = absent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request to whom it belongs.

        Raises:
            ModuleExitError: In place of a `SystemExit` or `KeyboardInterrupt` of the application's.
        """
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        path: str = scope["path"]
        if root := scope.get("root_path"):
            path = _below(path, root)
        module_id = module_id_at(path)
        try:
            if module_id is None:
                await self._system(scope, receive, send)
                return
            generations = self._live.generations
            generation: LiveGeneration | None = generations.get(module_id)
            if generation is None or (web := generation.parts.get("web")) is None:
                await self._missing(module_id, generations).send(scope, send)
                return
            generation.in_flight += 1
            try:
                await web.asgi(scope, receive, send)
            finally:
                generation.release()
        except (SystemExit, KeyboardInterrupt) as error:  # the last gate before the loop
            raise ModuleExitError(
                f"{module_id or 'a page'} raised {type(error).__name__} while it answered {path!r}",
                cure="raise an ordinary exception instead",
            ) from error

    def _missing(self, module_id: str, generations: Mapping[str, Any]) -> Problem:
        if module_id in generations:
            return Problem(404, f"{module_id} is live and has no routes")
        known = self._absent(module_id)
        if known is not None:
            state, reason = known
            why = f": {reason}" if reason else ""
            return Problem(
                503,
                f"{module_id} is {state}{why}",
                headers={"Retry-After": _RETRY_SECONDS},
                extra={"module": module_id, "state": state},
            )
        wanted, hint = prefix_of(module_id), ""
        if len(generations) <= _HINTS_UP_TO:
            prefixes = [prefix_of(one) for one in generations]
            near = difflib.get_close_matches(wanted, prefixes, n=3)
            hint = f"; near it: {', '.join(near)}" if near else ""
        return Problem(404, f"Nothing is live at {wanted}{hint}")

    def __repr__(self) -> str:
        return f"<Dispatcher: {len(self._live.generations)} modules>"


async def _lifespan(receive: Receive, send: Send) -> None:
    """Nothing starts or ends with the server here: the app runs already, and goes on."""
    for step in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{step}.complete"})


def _below(path: str, root: str) -> str:
    """A path without the ``root_path`` that a server or an outer application put before it."""
    root = root.rstrip("/")
    return path[len(root) :] if path.startswith(root + "/") else path
