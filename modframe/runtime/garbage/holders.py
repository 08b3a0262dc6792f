"""`find_holders`: who keeps objects of an ended generation in memory.

Called for objects that a weak reference has shown to be alive, on a thread of its own. A first pass
takes the generation's own objects together and compares their reference counts with the references
among themselves: those with more are held from outside. From these the search goes up, through what
refers to them, until something that a person knows: a global of a module, a logger, a transport, a
thread, a variable of a notebook. Each step up looks through the whole heap, so the steps are few.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import CellType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any

from ...names import package_in
from ..ownership import callable_package
from .roots import Holder, hidden_roots, root_of

_MAX_LEVELS = 30
"""Steps from an object up to what holds it; a traceback has one for each function called."""
_MAX_SCANS = 40
_MAX_HEAP = 5_000_000
"""Objects in memory above which one step up would stop everything for too long."""
_CHUNK = 16
"""How many objects one scan looks for; more make it slower."""
_ENOUGH = 3
_MOST_MEMBERS = 100_000
_CONTAINERS = (
    dict, list, tuple, set, frozenset, CellType, MethodType, partial,
    staticmethod, classmethod, property,
)  # fmt: skip


def find_holders(
    objects: Iterable[object], package: str, *, pause: Callable[[], None]
) -> list[Holder]:
    """Return who holds objects of a private package; empty if that can't be found out.

    Args:
        objects: Objects of the package: instances, classes, modules.
        package: The private package.
        pause: Called between scans of the heap, to let others have their turn.
    """
    own = _Own(package, objects)
    holders = list(dict.fromkeys(hidden_roots(own)))
    if len(holders) < _ENOUGH and len(gc.get_objects()) <= _MAX_HEAP:
        for holder in _search(own, pause):
            if not any(known.text.startswith(holder.text) for known in holders):
                holders.append(holder)
            if len(holders) >= _ENOUGH:
                break
    return holders


class _Own:
    """The objects of a generation, found from some of them, and the containers among them.

    Attributes:
        members: All of them.
    """

    def __init__(self, package: str, objects: Iterable[object]) -> None:
        self._package = package
        self._references: Counter[int] = Counter()
        self._ids: set[int] = set()
        self.members: list[Any] = []
        waiting = list(objects)
        while waiting and len(self.members) < _MOST_MEMBERS:
            member = waiting.pop()
            if id(member) in self._ids:
                continue
            self._ids.add(id(member))
            self.members.append(member)
            is_own = self.owns(member)
            for referent in gc.get_referents(member):
                self._references[id(referent)] += 1
                if isinstance(referent, _CONTAINERS):
                    if is_own or not isinstance(referent, dict) or "__builtins__" not in referent:
                        waiting.append(referent)
                elif self.owns(referent):
                    waiting.append(referent)
        waiting.clear()

    def owns(self, thing: object) -> bool:
        """Return whether a thing is a function, class, module or instance of the package."""
        if isinstance(thing, FunctionType | MethodType):
            return callable_package(thing) == self._package
        if isinstance(thing, ModuleType):
            return package_in(thing.__name__) == self._package
        if isinstance(thing, dict):
            return package_in(thing.get("__name__")) == self._package
        cls = thing if isinstance(thing, type) else type(thing)
        return package_in(cls.__module__) == self._package

    def __contains__(self, thing: object) -> bool:
        return id(thing) in self._ids

    def held_from_outside(self) -> list[Any]:
        """Return the members that have more references than the other members have to them.

        A container counts only if something of the package is in it.
        """
        held = []
        for member in self.members:
            # Three are from here: the list of members, the variable, and the argument.
            outside = sys.getrefcount(member) - 3 - self._references[id(member)]
            if outside > 0 and (self.owns(member) or any(map(self.owns, gc.get_referents(member)))):
                held.append(member)
        return held


def _search(own: _Own, pause: Callable[[], None]) -> Iterator[Holder]:
    """Yield what holds the generation from outside, the nearest first."""
    level: list[tuple[Any, tuple[Any, ...]]] = [(thing, ()) for thing in own.held_from_outside()]
    seen = {id(level), id(own.members), id(own.__dict__)}
    scans = 0
    for _ in range(_MAX_LEVELS):
        above: list[tuple[Any, tuple[Any, ...]]] = []
        seen |= {id(above)}
        while level and scans < _MAX_SCANS:
            chunk, level = level[:_CHUNK], level[_CHUNK:]
            seen |= {id(level), id(chunk)}
            scans += 1
            for thing, path in _referrers(chunk, seen):
                if thing in own:
                    continue
                seen.add(id(thing))
                holder = root_of(thing, path)
                if holder is None:
                    above.append((thing, path))
                elif holder.text:
                    yield holder
            pause()
        level = above


def _referrers(
    chunk: list[tuple[Any, tuple[Any, ...]]], seen: set[int]
) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Yield what refers to things, each with the path from it down to the first of them."""
    things = {id(thing): (thing, path) for thing, path in chunk}
    targets = [thing for thing, _ in chunk]
    ours = {id(things), id(targets), *map(id, things.values()), *map(id, chunk), *map(id, _stack())}
    found = gc.get_referrers(*targets)
    for referrer in found:
        if id(referrer) in seen or id(referrer) in ours or referrer is found:
            continue
        for referent in gc.get_referents(referrer):
            if id(referent) in things:
                thing, path = things[id(referent)]
                yield referrer, (thing, *path)
                break


def _stack() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back
