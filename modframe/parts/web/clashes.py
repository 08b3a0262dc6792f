"""`find_clashes`: routes of different modules that answer the same method on the same path.

The web part calls it with the generations of a change, before they are built and before publish.
Only modules whose prefixes are equal or nested can clash, so mostly no route is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ...finding import Finding
from ...runtime.failure import locate_finding
from ...runtime.generation import Generation
from ...runtime.part import Clash
from .errors import WebError
from .path_table import PathTable, prefixes_in
from .paths import PART

if TYPE_CHECKING:
    from .routes import RouteInfo

_MOUNT = "*"
"""The method of a mounted application, which answers everything below its path."""


def find_clashes(
    going: Mapping[str, Generation], live: Mapping[str, Generation], paths: PathTable
) -> dict[str, Clash]:
    """Return module id → its clash with a module that stays, or with an earlier one of the change.

    Args:
        going: The generations of the change, which replace their own.
        live: What runs; ``paths`` says who claims which path of it.
    """
    clashes: dict[str, Clash] = {}
    accepted = PathTable() if len(going) > 1 else None
    for key, generation in going.items():
        stay = (one for one in _near(generation, paths) if one in live and one not in going)
        others = [live[one] for one in stay]
        if accepted is not None:
            others += [going[one] for one in _near(generation, accepted)]
        if others and (clash := _clash(generation, others)):
            clashes[key] = clash
        elif accepted is not None:
            accepted.expect(generation)
    return clashes


def _near(generation: Generation, table: PathTable) -> list[str]:
    """Return the other modules of a table that claim a path which this one answers; sorted."""
    key, prefixes = generation.module_id, prefixes_in(generation)
    if not prefixes:
        return []
    if all((claim := table.only(one)) and claim.module_id == key for one in prefixes):
        return []  # as nearly always: nobody else is at its prefixes, above or below them
    claims = {claim for prefix in prefixes for claim in table.at(prefix or "/")}
    if any(map(table.has_below, prefixes)):
        claims |= {claim for route in _routes(generation) for claim in table.at(route.path)}
    return sorted({claim.module_id for claim in claims} - {key, ""})


def _routes(generation: Generation) -> tuple[RouteInfo, ...]:
    """Return the routes of a generation, built or loaded only; none if the router is no router."""
    if (web := generation.parts.get(PART)) is not None:
        built: tuple[RouteInfo, ...] = web.routes
        return built
    from fastapi import APIRouter

    from .forget import forget
    from .routes import contexts, read_routes

    router = generation.spec.router
    if not isinstance(router, APIRouter):
        return ()
    try:
        return read_routes(contexts(router), prefixes_in(generation))
    finally:
        forget()


def _clash(generation: Generation, others: list[Generation]) -> Clash | None:
    found = [
        (other, _finding(mine, theirs, other))
        for other in others
        for mine, theirs in _same(generation, other)
    ]
    if not found:
        return None
    findings = [finding for _, finding in found]
    return Clash(found[0][0].module_id, WebError(generation.module_id, findings))


def _same(one: Generation, other: Generation) -> Iterator[tuple[RouteInfo, RouteInfo]]:
    """Yield the pairs of routes of which only one would ever be reached."""
    from .routes import without_names

    theirs = _routes(other)
    known = {(route.method, without_names(route.path)): route for route in theirs}
    mounts = [route for route in theirs if route.method == _MOUNT]
    for mine in _routes(one):
        hit = known.get((mine.method, without_names(mine.path)))
        if hit is None:
            hit = next((each for each in mounts if _hides(each, other, mine, one)), None)
        if hit is None and mine.method == _MOUNT:
            hit = next((each for each in theirs if _hides(mine, one, each, other)), None)
        if hit is not None and mine.method != "HEAD":
            yield mine, hit


def _hides(mount: RouteInfo, of: Generation, route: RouteInfo, other: Generation) -> bool:
    """Return whether a mount takes a route's requests: it lies below, and no longer prefix wins."""
    below = f"{route.path}/".startswith(f"{mount.path.rstrip('/')}/")
    return below and len(_prefix(of, mount)) >= len(_prefix(other, route))


def _prefix(generation: Generation, route: RouteInfo) -> str:
    """Return the longest prefix of its module that a route lies below."""
    prefixes = prefixes_in(generation)
    return max((one for one in prefixes if f"{route.path}/".startswith(f"{one}/")), key=len)


def _finding(mine: RouteInfo, theirs: RouteInfo, other: Generation) -> Finding:
    place = locate_finding(
        other.source, Finding("", "error", "", file=theirs.file, line=theirs.line)
    )
    said = f"{theirs.method} {theirs.path} ({theirs.endpoint})"
    return Finding(
        "route-clash",
        "error",
        f"{mine.method} {mine.path} ({mine.endpoint}) is answered by {other.module_id} already:"
        f" {said}{f' in {place.place}' if place.place else ''}",
        cure="give one of the two another path or method; to let modules exchange paths, load"
        " them in one change",
        file=mine.file,
        line=mine.line,
    )
