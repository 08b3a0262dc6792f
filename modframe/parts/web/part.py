"""The web part: builds an ASGI application of its own from the router of each generation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ...runtime.generation import Generation
from ...runtime.part import Clash, Panel, Part
from .clashes import find_clashes
from .path_table import PathTable, prefixes_in
from .paths import PART, prefix_of

if TYPE_CHECKING:
    from .application import WebApp


class WebPart(Part["WebApp"]):
    """Builds the application that the dispatcher calls, for modules that have a router.

    Args:
        paths: Which modules claim a path.
    """

    name = PART
    describes_once = True
    noun = "route"

    def __init__(self, paths: PathTable) -> None:
        self._paths = paths

    def applies(self, generation: Generation) -> bool:
        return generation.spec.router is not None

    def build(self, generation: Generation) -> WebApp:
        from .application import build_web
        from .check_router import empty_router, mounted_lifespans
        from .forget import forget
        from .routes import has_frontend

        try:
            web = build_web(
                generation.module_id,
                generation.spec.router,
                paths=generation.spec.paths,
                counts=generation,
                streams=generation.spec.streams,
                error_status=generation.spec.error_status,
                description=generation.spec.description,
            )
            bare = not web.routes and not has_frontend(generation.spec.router)
            if bare and generation.package is not None:
                generation.findings.append(
                    empty_router(
                        generation.spec.router, generation.source, generation.package.modules()
                    )
                )
            generation.findings.extend(mounted_lifespans(generation.spec.router, generation.source))
            return web
        except BaseException:
            forget()
            raise

    async def leave(self, generation: Generation) -> None:
        from .forget import forget

        forget()

    def clashes(
        self, going: Mapping[str, Generation], live: Mapping[str, Generation]
    ) -> Mapping[str, Clash]:
        """Refuse a route that a module with the same path, or one around it, answers already."""
        return find_clashes(going, live, self._paths)

    def remark(self, old: Generation, new: Generation) -> str:
        """Return where the routes were and will be, if that differs."""
        before = prefixes_in(old)
        after = prefixes_in(new) if before else ()
        if before == after or not after:
            return ""
        was, will = (", ".join(one or "/" for one in prefixes) for prefixes in (before, after))
        return f"its routes go from {was} to {will}"

    async def retire(self, generation: Generation) -> None:
        """Tell the streams that are to follow a swap to reconnect."""
        if (web := self.of(generation)) is not None:
            web.asgi.reconnect()

    def end_streams(self, generation: Generation) -> None:
        """Tell all streams to reconnect."""
        if (web := self.of(generation)) is not None:
            web.asgi.end()

    def outline(self, generation: Generation) -> tuple[str, ...]:
        """Return ``GET /total`` for each route: its path below the default prefix, or all of it."""
        web = self.of(generation)
        if web is None and self.applies(generation):
            from .application import build_web
            from .forget import forget

            try:
                spec = generation.spec
                web = build_web(generation.module_id, spec.router, paths=spec.paths)
            finally:
                forget()
        if web is None:
            return ()
        default = prefix_of(generation.module_id)
        cut = len(default) if web.prefixes == (default,) else 0
        return tuple(f"{route.method} {route.path[cut:]}" for route in web.routes)

    def describe(self, generation: Generation) -> dict[str, Any]:
        web = self.of(generation)
        if web is None:
            return {}
        return {
            "prefixes": [prefix or "/" for prefix in web.prefixes],
            "routes": [asdict(route) for route in web.routes],
        }

    def panels(self, facts: Mapping[str, Any]) -> Iterator[Panel]:
        rows = (
            (f"{route['method']} {route['path']}", route["summary"])
            for route in facts.get("routes", ())
        )
        yield Panel("route", ("what it does",), tuple(rows), tab="Routes")
