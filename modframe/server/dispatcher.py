"""`Dispatcher`: sends a request to the live generation that its path belongs to.

The guard calls it for every request, an ASGI server for its lifespan. Live is read once for each
request, so a request stays on the generation it began on, and the generation counts it until it
ends. A page of the system comes first; else the longest prefix that a module claims wins.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import ModuleExitError
from ..masking import mask_urls
from ..parts.web.application import PREFIX_KEY, Fit
from ..parts.web.errors import BrokenResponseError
from ..parts.web.part import WebPart
from ..parts.web.path_table import Claim, PathTable
from ..parts.web.paths import module_id_at, prefix_of
from ..parts.web.problem import MASK_KEY, ASGIApp, Problem, Receive, Scope, Send, path_below_root
from ..runtime.gate import Work, current_work
from ..runtime.generation import Generation, wait_for_gate
from ..runtime.live import Live
from ..runtime.stragglers import cancelled_at_deadline, register_entry_point
from .guard import holds_token
from .measured import note_generation, note_module, note_route
from .stale import is_local, stale_header, with_header

_RETRY_SECONDS = "1"
_HINTS_UP_TO = 2000


class Dispatcher:
    """The ASGI application behind the guard.

    Args:
        live: The table of what runs.
        system: Answers the pages of the system.
        absent: Returns state and reason of a module that isn't live and may come back; None for
            others, which includes those that were removed.
        paths: Which modules claim a path, kept in step with ``live``.
        is_page: Returns whether ``system`` has a page at a path.
        stale: Returns why a module's newest text isn't live; empty if it is live. Holders of the
            token see it.
        shows_stale: Returns whether clients on this machine see it too.
        mask: Takes the secrets of the app out of a text; problems and headers are cleaned by it.
    """

    def __init__(
        self,
        live: Live,
        *,
        system: ASGIApp,
        absent: Callable[[str], tuple[str, str] | None],
        paths: PathTable | None = None,
        is_page: Callable[[str], bool] = lambda _: False,
        stale: Callable[[str], str] = lambda _: "",
        shows_stale: Callable[[], bool] = lambda: False,
        mask: Callable[[str], str] = mask_urls,
    ) -> None:
        self._live = live
        self._absent = absent
        self._paths = paths if paths is not None else PathTable(live.generations)
        self._page = Claim("", app=system)
        self._is_page = is_page
        self._stale = stale
        self._shows_stale = shows_stale
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
        path = (path_below_root(scope) if scope.get("root_path") else scope["path"]) or "/"
        claim = self._paths.only(path)
        if claim is None or claim.module_id not in self._live.generations:
            claim = self._find(path, scope)
        try:
            if claim.app is not None:
                if claim.prefix:
                    note_route(scope, claim.prefix)
                await claim.app(scope, receive, send)
                return
            work = Work()  # requests of one connection share a context, so each sets its own
            token = current_work.set(work)
            try:
                generation = self._live.generations.get(claim.module_id)
                if generation is not None and generation.gate is not None:
                    claim, generation = await self._wait(claim, path, scope)
                    if claim.app is not None:  # the module has moved away meanwhile
                        await claim.app(scope, receive, send)
                        return
                scope[PREFIX_KEY] = claim.prefix
                await self._answer(generation, scope, receive, send, module_id=claim.module_id)
            finally:
                current_work.reset(token)
        except (SystemExit, KeyboardInterrupt) as error:  # they would end the loop
            subject = claim.module_id or "a page"
            raise ModuleExitError(
                f"{subject} raised {type(error).__name__} while it answered {path!r}",
                cure="raise an ordinary exception instead",
            ) from error

    # -- who answers ----------------------------------------------------------------------

    def _find(self, path: str, scope: Scope) -> Claim:
        """Return who answers a request: a module, or an application such as a page."""
        claims = self._paths.at(path)
        if gone := [claim for claim in claims if not self._stands(claim)]:
            self._paths.forget(claim.module_id for claim in gone)
            claims = self._paths.at(path)
        if not (claims and (claims[0].prefix or path == "/")) and self._is_page(path):
            return self._page  # who claims the root takes `/` from the system, and no other page
        claims = self._with_default(claims, path)
        return self._choose(claims, scope) if claims else self._nothing(path)

    def _stands(self, claim: Claim) -> bool:
        """Return whether a claim still counts: that of a module which was removed does not."""
        key = claim.module_id
        return (
            claim.app is not None or key in self._live.generations or self._absent(key) is not None
        )

    def _with_default(self, claims: tuple[Claim, ...], path: str) -> tuple[Claim, ...]:
        """Add the module whose default prefix this is, if nobody knows where its routes are."""
        key = module_id_at(path)
        if key is None or self._paths.prefixes(key):
            return claims
        claim = Claim(prefix_of(key), key)
        if key in self._live.generations:  # it has no routes, which it says if it is asked
            return claims or (claim,)
        if self._absent(key) is None:
            return claims
        return tuple(sorted((claim, *claims), key=lambda one: -len(one.prefix)))

    def _choose(self, claims: tuple[Claim, ...], scope: Scope) -> Claim:
        """Return the first claim whose router matches, else the one with the best answer."""
        if len(claims) == 1:
            return claims[0]
        longest = claims[0].prefix
        best, best_fit, absent = claims[0], Fit.NONE, None
        for claim in claims:
            if absent is not None and claim.prefix != absent.prefix:
                return absent
            if claim.app is not None:
                if claim.prefix == longest:
                    return absent or claim
                continue
            generation = self._live.generations.get(claim.module_id)
            if generation is None:
                absent = absent or claim
            elif (web := WebPart.of(generation)) is not None:
                fit = web.fit(scope, claim.prefix)
                if fit is Fit.FULL:
                    return claim
                if fit > best_fit:
                    best, best_fit = claim, fit
        return absent if absent is not None and absent.prefix == longest else best

    async def _wait(self, claim: Claim, path: str, scope: Scope) -> tuple[Claim, Generation | None]:
        """Wait until the module's hand-over is done; what is live then may have other paths."""
        while True:
            key = claim.module_id
            generation = await wait_for_gate(lambda key=key: self._live.generations.get(key))  # type: ignore[misc]
            before, claim = claim, self._find(path, scope)
            if claim.app is not None:
                return claim, None
            if claim == before:
                return claim, generation

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
            await self._missing(module_id, scope).send(scope, send)
            return
        if (why := self._stale(module_id)) and self._tells_stale(scope):
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

    def _tells_stale(self, scope: Scope) -> bool:
        return holds_token(scope) or (self._shows_stale() and is_local(scope))

    def _missing(self, module_id: str, scope: Scope) -> Problem:
        note_module(scope, module_id)
        if module_id in self._live.generations:
            return Problem(404, f"{module_id} is live and has no routes")
        known = self._absent(module_id)
        if known is None:  # it was removed while this request waited
            return self._nothing_at(scope["path"])
        state, reason = known
        reason = reason if holds_token(scope) else ""
        reason = (self._tells_stale(scope) and self._stale(module_id)) or reason
        why = f": {reason}" if reason else ""
        return Problem(
            503,
            f"{module_id} is {state}{why}",
            headers={"Retry-After": _RETRY_SECONDS},
            extra={"module": module_id, "state": state},
        )

    def _nothing(self, path: str) -> Claim:
        key = module_id_at(path)
        return Claim("", app=self._nothing_at(path if key is None else prefix_of(key)))

    def _nothing_at(self, wanted: str) -> Problem:
        generations, hint = self._live.generations, ""
        if len(generations) <= _HINTS_UP_TO:
            prefixes = [one or "/" for key in generations for one in self._paths.prefixes(key)]
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
