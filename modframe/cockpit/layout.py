"""`lay_out`: where the modules of a graph stand, and the edges between them, drawn for SVG.

In comes what each module needs, out go places and paths in pixels. A module stands left of those
that it needs, and near to its neighbours, so that few edges cross. Called by the tab *Graph*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean
from typing import Any

_WIDE, _HIGH = 152, 24
"""Pixels of a module."""
_COLUMN, _ROW, _EDGE = 200, 32, 24
"""Pixels from one module to the next, and around all of them."""
_TURNS, _BENDS = 2, 5
"""How often all columns are ordered; an edge over more columns than that does not go round them."""


@dataclass(eq=False, slots=True)
class _Point:
    """A module, or where an edge passes through a column.

    Attributes:
        id: The module; empty where an edge passes.
        row: How far down it is; a module is 1 high.
        before: Where its edges come from, one column to the left. ``after``: where they go to.
    """

    id: str
    column: int
    row: float
    before: list[_Point] = field(default_factory=list)
    after: list[_Point] = field(default_factory=list)

    @property
    def x(self) -> int:
        """Where it begins."""
        return self.column * _COLUMN + _EDGE

    @property
    def y(self) -> float:
        """Its middle."""
        return round((self.row + 0.5) * _ROW, 1)


def lay_out(needs: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the drawing of some modules; what they need beside these is left out.

    Returns:
        ``width`` and ``height``; the ``nodes`` in the order of the modules, each with ``id``,
        ``x``, ``y``, ``width`` and ``height``; the ``edges``, each with ``source``, ``target`` and
        its ``path``, which ends in an arrow.
    """
    inside = {
        one: [other for other in others if other in needs and other != one]
        for one, others in needs.items()
    }
    depths = _depths(inside)
    columns: list[list[_Point]] = [[] for _ in range(1 + max(depths.values(), default=0))]
    nodes = {one: _placed(one, len(columns) - 1 - depths[one], columns) for one in inside}
    pairs = [(one, other) for one, others in inside.items() for other in others]
    edges = [_joined(nodes[one], nodes[other], columns) for one, other in pairs]
    for _ in range(_TURNS):
        for column in columns:
            _settle(column, {point: point.before for point in column})
        for column in reversed(columns):
            _settle(column, {point: point.after for point in column})
    points = [point for column in columns for point in column]
    top = min((point.row for point in points), default=0)
    for point in points:
        point.row -= top
    return {
        "width": len(columns) * _COLUMN,
        "height": max((point.y for point in points), default=0) + _ROW,
        "nodes": [
            {"id": key, "x": one.x, "y": one.y - _HIGH / 2, "width": _WIDE, "height": _HIGH}
            for key, one in nodes.items()
        ],
        "edges": [
            {"source": one, "target": other, "path": _path(points)}
            for (one, other), points in zip(pairs, edges, strict=True)
        ],
    }


def _depths(needs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return how many modules stand at most behind each; a circle is cut where it closes."""
    depths: dict[str, int] = {}
    seen = set[str]()
    for first in needs:
        path = [first]
        while path:
            one = path[-1]
            if one not in seen:  # what it needs comes first
                seen.add(one)
                path += [other for other in needs[one] if other not in seen]
                continue
            path.pop()
            if one not in depths:
                depths[one] = 1 + max((depths.get(other, -1) for other in needs[one]), default=-1)
    return depths


def _placed(key: str, column: int, columns: list[list[_Point]]) -> _Point:
    point = _Point(key, column, len(columns[column]))
    columns[column].append(point)
    return point


def _joined(start: _Point, end: _Point, columns: list[list[_Point]]) -> list[_Point]:
    """Return the points of an edge: between columns that are next to each other it is straight."""
    passed = range(start.column + 1, end.column)
    bends = [_placed("", at, columns) for at in passed] if len(passed) <= _BENDS else []
    points = [start, *bends, end]
    for one, other in pairwise(points):
        one.after.append(other)
        other.before.append(one)
    return points


def _settle(column: list[_Point], neighbours: Mapping[_Point, list[_Point]]) -> None:
    """Order a column by its neighbours on one side; each comes as near to them as there is room."""
    wishes = {
        point: fmean(other.row for other in others) if others else point.row
        for point, others in neighbours.items()
    }
    column.sort(key=wishes.__getitem__)
    free = float("-inf")
    for point in column:
        point.row = max(wishes[point], free)
        free = point.row + (1 if point.id else 0.5)
    moved = sum(point.row - wishes[point] for point in column) / max(1, len(column))
    for point in column:
        point.row -= moved


def _path(points: Sequence[_Point]) -> str:
    """Return the path of an edge with its head; one that closes a circle leads back."""
    start, *others = points
    back = others[0].column <= start.column
    path = f"M{start.x + (0 if back else _WIDE)} {start.y:g}"
    for point in others:
        x, y = point.x, f"{point.y:g}"
        path += f"L{x + _WIDE} {y}" if back else f"S{x - _EDGE} {y} {x} {y}"
        path += "" if point.id else f"h{_WIDE}"
    return path + ("m6 -4l-6 4l6 4" if back else "m-6 -4l6 4l-6 4")
