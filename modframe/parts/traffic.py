"""Traffic: how often the routes and methods of a module are used, how fast they are, what fails.

It builds nothing: the app's `Numbers` count, over all generations of a module, and this shows them
in the snapshot. A module that nobody has used yet has nothing to show.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..observe import Durations, Numbers, Requests, ServiceCalls
from ..runtime.generation import Generation
from ..runtime.part import Detail, Panel, Part
from ..wording import duration

_FAULT = 500


class TrafficPart(Part[None]):
    """Shows what was counted of the module of a generation."""

    name = "traffic"

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def describe(self, generation: Generation) -> dict[str, Any]:
        """Return the routes and the methods that were used, and the series of the last minutes.

        Of each: ``count``, ``errors``, and ``mean``, ``p95`` and ``longest`` in seconds. ``series``
        is that of the requests, and ``calls`` that of the calls of methods; empty without any.
        """
        key = generation.module_id
        requests, calls = self._numbers.requests.get(key), self._numbers.calls.get(key)
        methods = _methods(calls) if calls is not None else []
        if requests is None and not methods:
            return {}
        facts: dict[str, Any] = {"methods": methods, "routes": [], "series": {}, "calls": {}}
        if requests is not None:
            facts |= {"routes": _routes(requests), "series": requests.series.facts()}
        if calls is not None and not calls.series.empty:
            facts["calls"] = calls.series.facts()
        return facts

    def panels(self, facts: Mapping[str, Any]) -> Iterator[Panel]:
        """Show each route and each method that was used."""
        rows = tuple((f"{one['method']} {one['route']}", *_cells(one)) for one in facts["routes"])
        yield Detail("answered route", _HEADS, rows, live_only=True, tab="Metrics")
        rows = tuple((f"{one['method']}()", *_cells(one)) for one in facts["methods"])
        yield Detail("called method", _HEADS, rows, live_only=True, tab="Metrics")


_HEADS = ("count", "errors", "mean", "p95", "longest")


def _cells(facts: Mapping[str, Any]) -> Iterable[str]:
    counts = (str(facts["count"]), str(facts["errors"]))
    return *counts, *(duration(facts[key]) if facts[key] else "" for key in _HEADS[2:])


def _routes(requests: Requests) -> list[dict[str, Any]]:
    """Return the facts of each method of each route, over all statuses."""
    found: dict[tuple[str, str], tuple[int, int, Durations]] = {}
    for (route, method, status), answered in list(requests.answers.items()):
        count, errors, taken = found.get((method, route)) or (0, 0, Durations())
        taken.merge(answered.durations)
        failed = answered.count if status >= _FAULT else 0
        found[method, route] = count + answered.count, errors + failed, taken
    return [
        {"route": route, "method": method, "count": count, "errors": errors, **_spread(taken)}
        for (method, route), (count, errors, taken) in found.items()
    ]


def _methods(calls: ServiceCalls) -> list[dict[str, Any]]:
    """Return the facts of each method that was called."""
    return [
        {"method": name, "count": one.count, "errors": one.errors, **_spread(one.durations)}
        for name, one in list(calls.methods.items())
        if one.count
    ]


def _spread(taken: Durations) -> dict[str, float]:
    count = taken.count
    return {
        "mean": taken.total / count if count else 0.0,
        "p95": taken.quantile(0.95),
        "longest": taken.longest,
    }
