"""HTTP clients: an aiohttp session or an httpx client that module code left open is closed.

Noted where it is made, by the code that made it. At the end of the generation, after its own
cleanup, those that are still open are closed, and the log names each with its place. One that a
shared resource made is the resource's.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial, wraps
from typing import Any, ClassVar, NamedTuple
from weakref import WeakKeyDictionary

from ..errors import ModframeError, reason_line
from ..load.imports import call_after_import
from ..observe import get_framework_logger
from ..runtime.generation import Generation
from ..runtime.loop.bounds import run_plain, run_with_timeout
from ..runtime.owner import current_resource
from ..runtime.ownership import Place, place_of
from ..runtime.part import Panel, Part

_PATIENCE = 5.0
"""Seconds that closing one client may take."""
_NOTES = "__modframe_notes__"
"""The attribute of a constructor that notes clients, so that each is wrapped once."""


class _Kind(NamedTuple):
    """A class of clients, and its names for whether one is closed and for closing it."""

    library: str
    name: str
    closed: str
    close: str


_KINDS = (
    _Kind("aiohttp", "ClientSession", "closed", "close"),
    _Kind("httpx", "AsyncClient", "is_closed", "aclose"),
    _Kind("httpx", "Client", "is_closed", "close"),
)


class _Client(NamedTuple):
    """A client that module code made, and where."""

    kind: _Kind
    place: Place

    def __str__(self) -> str:
        return f"{self.kind.library}.{self.kind.name} made in {self.place}"


_made: dict[str, WeakKeyDictionary[Any, _Client]] = {}
"""Private package → the clients that its code made; of the process, as the classes are."""


class ClientsPart(Part[None]):
    """Closes the HTTP clients that a generation left open."""

    name = "clients"
    empty_facts: ClassVar[Mapping[str, Any]] = {"open": []}

    def __init__(self) -> None:
        for kind in _KINDS:
            call_after_import(kind.library, _notice_clients)

    def prepare(self, generation: Generation) -> None:
        _notice_clients()
        generation.ledger.own("HTTP clients", lambda: _close_all(generation))

    def describe(self, generation: Generation) -> dict[str, Any]:
        return {"open": sorted(str(client) for _, client in _open(generation.package_name))}

    def panels(self, facts: Mapping[str, Any]) -> Iterator[Panel]:
        yield Panel("HTTP client", (), tuple((name,) for name in facts["open"]), live_only=True)


def _notice_clients() -> None:
    """Note the clients of each library that something has imported; each class once."""
    for kind in _KINDS:
        cls = getattr(sys.modules.get(kind.library), kind.name, None)
        if cls is None or hasattr(cls.__init__, _NOTES):
            continue
        cls.__init__ = _noting(cls.__init__, kind)


def _noting(initialize: Any, kind: _Kind) -> Any:
    @wraps(initialize)
    def initialize_and_note(self: Any, *args: Any, **kwargs: Any) -> None:
        initialize(self, *args, **kwargs)
        if current_resource.get() is None and (place := place_of(sys._getframe(1))) is not None:
            _made.setdefault(place.package, WeakKeyDictionary())[self] = _Client(kind, place)

    setattr(initialize_and_note, _NOTES, True)
    return initialize_and_note


def _open(package: str) -> list[tuple[Any, _Client]]:
    """Return the clients of a package that are still open."""
    made = _made.get(package)
    if made is None:
        return []
    known = list(made.items())
    return [(client, fact) for client, fact in known if not getattr(client, fact.kind.closed)]


async def _close(method: Callable[[], Any]) -> None:
    """Close a client; a plain method, which may wait for the network, is called on a thread."""
    if inspect.iscoroutinefunction(method):
        await method()
    else:
        await run_plain(method)


async def _close_all(generation: Generation) -> None:
    """Close the clients that are still open.

    Raises:
        ModframeError: If one can't be closed; names each.
    """
    faults = []
    for client, fact in _open(generation.package_name):
        try:
            close = partial(_close, getattr(client, fact.kind.close))
            await run_with_timeout(close, _PATIENCE, what=f"closing {fact}")
        except Exception as error:  # noqa: BLE001  # foreign code; the others are closed still
            faults.append(f"{fact}: {reason_line(error)}")
        else:
            get_framework_logger(generation.module_id).warning(
                "generation %d ended with an open %s, which is closed now; let the module's "
                "cleanup_resources() call its %s()", generation.number, fact, fact.kind.close,
            )  # fmt: skip
    _made.pop(generation.package_name, None)
    if faults:
        raise ModframeError(
            f"HTTP clients of generation {generation.number} can't be closed: {'; '.join(faults)}",
            cure="close them in the module's cleanup_resources()",
            subject=generation.module_id,
        )
