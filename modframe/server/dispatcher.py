"""`Dispatcher`: sends a request to the live generation that its path belongs to.

The guard calls it for every request, an ASGI server for its lifespan. Live is read once for each
request, so a request stays on the generation it began on, and the generation counts it until it
ends. Every path that is not below `/api/v1/` goes to the system pages.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import ModuleExitError
from ..masking import mask_urls
from ..parts.web.errors import BrokenResponseError
from ..parts.web.part import WebPart
from ..parts.web.paths import module_id_at, prefix_of
from ..parts.web.problem import MASK_KEY, ASGIApp, Problem, Receive, Scope, Send, path_below_root
from ..runtime.gate import Work, current_work
from ..runtime.generation import Generation, wait_for_gate
from ..runtime.live import Live
from ..runtime.stragglers import cancelled_at_deadline, register_entry_point
from .measured import note_generation, note_module
from .stale import is_local, stale_header, with_header

_RETRY_SECONDS = "1"
_HINTS_UP_TO = 2000


class Dispatcher:
    """The ASGI application behind the guard.

    Args:
        live: The table of what runs.
        system: Answers every path that is not below ``/api/v1/``.
        absent: Returns state and reason of a module that isn't live and may come back; None for
            others, which includes those that were removed.
        stale: Returns why a module's newest text isn't live, for local clients only; empty if it
            is live.
        mask: Takes the secrets of the app out of a text; problems and headers are cleaned by it.
    """

    def __init__(
        self,
        live: Live,
        *,
        system: ASGIApp,
        absent: Callable[[str], tuple[str, str] | None],
        stale: Callable[[str], str] = lambda _: "",
        mask: Callable[[str], str] = mask_urls,
    ) -> None:
        self._live = live
        self._system = system
        self._absent = absent
        self._stale = stale
        self._mask = mask

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or a lifespan.

        Raises:
            ModuleExitError: If the application raised `SystemExit` or `KeyboardInterrupt`.
        """
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        scope[MASK_KEY] = self._mask
        path = path_below_root(scope) if scope.get("root_path") else scope["path"]
        module_id = module_id_at(path)
        try:
            if module_id is None:
                await self._system(scope, receive, send)
                return
            work = Work()  # requests of one connection share a context, so each sets its own
            token = current_work.set(work)
            try:
                generation = self._live.generations.get(module_id)
                if generation is not None and generation.gate is not None:
                    generation = await wait_for_gate(lambda: self._live.generations.get(module_id))
                await self._answer(generation, scope, receive, send, module_id=module_id)
            finally:
                current_work.reset(token)
        except (SystemExit, KeyboardInterrupt) as error:  # they would end the loop
            raise ModuleExitError(
                f"{module_id or 'a page'} raised {type(error).__name__} while it answered {path!r}",
                cure="raise an ordinary exception instead",
            ) from error

    async def _answer(
        self,
        generation: Generation | None,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        module_id: str,
    ) -> None:
        if generation is None or (web := WebPart.of(generation)) is None:
            await self._missing(module_id, self._live.generations, scope).send(scope, send)
            return
        if (why := self._stale(module_id)) and is_local(scope):
            send = with_header(send, stale_header(module_id, generation.number, self._mask(why)))
        note_generation(scope, generation)
        generation.in_flight += 1
        try:
            await web.asgi(scope, receive, send)
        except asyncio.CancelledError:
            if not cancelled_at_deadline(generation):
                raise
            await _cut_short(generation, scope, send)
        finally:
            generation.release()

    def _missing(self, module_id: str, generations: Mapping[str, Any], scope: Scope) -> Problem:
        if module_id in generations:
            note_module(scope, module_id)
            return Problem(404, f"{module_id} is live and has no routes")
        known = self._absent(module_id)
        if known is not None:
            note_module(scope, module_id)
            state, reason = known
            reason = (is_local(scope) and self._stale(module_id)) or reason
            why = f": {reason}" if reason else ""
            return Problem(
                503,
                f"{module_id} is {state}{why}",
                headers={"Retry-After": _RETRY_SECONDS},
                extra={"module": module_id, "state": state},
            )
        wanted, hint = prefix_of(module_id), ""
        if len(generations) <= _HINTS_UP_TO:
            prefixes = [prefix_of(key) for key in generations]
            near = difflib.get_close_matches(wanted, prefixes, n=3)
            hint = f"; near it: {', '.join(near)}" if near else ""
        return Problem(404, f"Nothing is live at {wanted}{hint}")


async def _cut_short(generation: Generation, scope: Scope, send: Send) -> None:
    """Answer a request that was cancelled at its generation's deadline.

    Raises:
        BrokenResponseError: If the answer had begun; the server then closes the connection.
    """
    text = (
        f"{generation.module_id}: this request began on generation {generation.number}, which "
        "was replaced, and was still running at the deadline"
    )
    if scope.get("modframe.begun"):
        raise BrokenResponseError(text, cure="ask again", module_id=generation.module_id)
    await Problem(503, text, headers={"Retry-After": _RETRY_SECONDS}).send(scope, send)


def _describe_request(variables: Mapping[str, Any]) -> str:
    """Return ``GET /api/v1/orders/``, from the local variables of `Dispatcher._answer`."""
    scope = variables["scope"]
    return f"{scope.get('method', 'WS')} {scope['path']}"


register_entry_point(Dispatcher._answer, _describe_request)


async def _lifespan(receive: Receive, send: Send) -> None:
    """Confirm each step; the app does not start or stop with the server."""
    for step in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{step}.complete"})
