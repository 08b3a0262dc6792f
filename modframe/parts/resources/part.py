"""The resources part: which generations use which resource; the last one to end closes it.

Module code asks through its context: from the app loop, from the loader thread while its files
run, and from worker threads. A resource that a coroutine makes is awaited on the app loop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import threading
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

from ...errors import ModframeError, ResourceError
from ...names import package_in
from ...observe import get_framework_logger
from ...runtime.generation import Generation
from ...runtime.loop.app_loop import AppLoop
from ...runtime.owner import current_resource
from ...runtime.ownership import unwrap_callable
from ...runtime.part import Panel, Part
from .key import Key, key_of
from .resource import Resource

_WAIT = 30.0
"""Seconds that one thread waits for another that makes the same resource."""


class ResourcesPart(Part[None]):
    """The resources of all modules, each with the generations that use it."""

    name = "resources"
    empty_facts: ClassVar[Mapping[str, Any]] = {"shared": []}

    def __init__(self, app_loop: AppLoop) -> None:
        self._app_loop = app_loop
        self._lock = threading.RLock()
        self._resources: list[Resource] = []
        self._open: set[Generation] = set()

    def prepare(self, generation: Generation) -> None:
        """Let the generation ask for resources, from now until its end."""
        with self._lock:
            self._open.add(generation)
        generation.ledger.own("resources", lambda: self._leave(generation))

    def holds(self, thing: object) -> bool:
        """Return whether an object is a resource, which ends with its last user."""
        return any(resource.value is thing for resource in list(self._resources))

    def describe(self, generation: Generation) -> dict[str, Any]:
        return {
            "shared": [
                {
                    "name": resource.key.name,
                    "users": sorted(user.number for user in list(resource.users)),
                    "since": datetime.fromtimestamp(resource.since, UTC).isoformat(
                        timespec="seconds"
                    ),
                }
                for resource in list(self._resources)
                if generation in resource.users
            ]
        }

    def panels(self, facts: Mapping[str, Any]) -> Iterator[Panel]:
        rows = (
            (shared["name"], " and ".join(map(str, shared["users"])), shared["since"])
            for shared in facts["shared"]
        )
        yield Panel("resource", ("generations", "since"), tuple(rows))

    # -- asking ---------------------------------------------------------------------------

    def get(
        self,
        generation: Generation,
        factory: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Any:
        """Return what ``app_context.resource`` returns; see there."""
        _refuse_generators(factory)
        key = key_of(generation.source, factory, args, kwargs)
        call = partial(factory, *args, **kwargs)
        if _is_async(factory):
            return AwaitableResource(partial(self._get_async, generation, key, call), key.name)
        resource, is_new = self._use(generation, key)
        if is_new:
            resource.make(call)
            self._log_own_class(resource, generation)
        elif not resource.made.done() and resource.maker == threading.get_ident():
            raise _circle(key)
        if not concurrent.futures.wait([resource.made], timeout=_WAIT).done:
            raise ResourceError(
                f"the resource {key.name!r} is made in another thread, for over {_WAIT:g} s",
                cure="let its factory be an `async def` if it waits for something",
            )
        return resource.made.result()

    async def _get_async(self, generation: Generation, key: Key, call: Callable[[], Any]) -> Any:
        """Return the same for what a coroutine makes; only on the app loop."""
        if not self._app_loop.here:
            raise ResourceError(
                f"the resource {key.name!r} is made by a coroutine, which runs on the app loop",
                cure="await it in an async method of the module's, and hand it to the thread",
            )
        resource, is_new = self._use(generation, key)
        if is_new:
            resource.task = self._app_loop.spawn(resource.host(call), name=f"resource {key.name}")
        elif not resource.made.done() and current_resource.get() is resource.tasks:
            raise _circle(key)
        await asyncio.shield(asyncio.wrap_future(resource.made))
        if is_new:
            self._log_own_class(resource, generation)
        return resource.made.result()

    def _use(self, generation: Generation, key: Key) -> tuple[Resource, bool]:
        """Make the generation a user of the key's resource; return it, and whether it is new."""
        with self._lock:
            if generation not in self._open:
                raise ResourceError(
                    f"generation {generation.number} of {generation.module_id} has ended, and "
                    f"can't ask for the resource {key.name!r}",
                    cure="ask for it while the module starts, and keep it",
                )
            for resource in self._resources:
                failed = resource.made.done() and resource.made.exception() is not None
                if resource.key == key and not failed:
                    resource.users.add(generation)
                    return resource, False
            resource = Resource(key)
            resource.users.add(generation)
            resource.made.add_done_callback(partial(self._forget_failed, resource))
            self._resources.append(resource)
            return resource, True

    def _forget_failed(self, resource: Resource, _: object) -> None:
        with self._lock:
            if resource.made.exception() is not None and resource in self._resources:
                self._resources.remove(resource)

    @staticmethod
    def _log_own_class(resource: Resource, generation: Generation) -> None:
        """Log that a resource keeps a generation alive: it is an instance of its class."""
        if package_in(type(resource.value).__module__):
            get_framework_logger(generation.module_id).info(
                "the resource %r is of a class of the module's own: generation %d's, which lives "
                "on with it",
                resource.key.name, generation.number,
            )  # fmt: skip

    # -- ending ---------------------------------------------------------------------------

    async def _leave(self, generation: Generation) -> None:
        """Close what only this generation used, the newest first; called at its end."""
        with self._lock:
            self._open.discard(generation)
            for resource in self._resources:
                resource.users.discard(generation)
        # A generation that is stopped before its successor starts leaves its resources to that.
        has_successor = any(
            other.stage == "building" and other.module_id == generation.module_id
            for other in list(self._open)
        )
        faults = [] if has_successor else await self._close_unused(generation.module_id)
        if faults:
            raise ModframeError(
                "; ".join(faults),
                cure="what it holds may stay open until the process ends",
                subject=generation.module_id,
            )

    async def _close_unused(self, module_id: str) -> list[str]:
        """Close a module's resources that no generation uses; return what went wrong."""
        with self._lock:
            unused = self._unused(module_id)
            self._resources = [other for other in self._resources if other not in unused]
        return [fault for resource in reversed(unused) for fault in await resource.close()]

    def _unused(self, module_id: str) -> list[Resource]:
        return [
            resource
            for resource in self._resources
            if not resource.users and resource.key.module_id == module_id
        ]

    def activates(self, generation: Generation) -> bool:
        """Return whether a predecessor left a resource that this generation does not use."""
        return bool(self._resources and self._unused(generation.module_id))

    async def activate(self, generation: Generation) -> None:
        """Close what a predecessor left and nothing uses; faults are logged."""
        for fault in await self._close_unused(generation.module_id):
            get_framework_logger(generation.module_id).error("%s", fault)


class AwaitableResource:
    """A resource that a coroutine makes; it can be awaited any number of times."""

    def __init__(self, ask: Callable[[], Coroutine[Any, Any, Any]], name: str) -> None:
        self._ask = ask
        self._name = name

    def __await__(self) -> Generator[Any, None, Any]:
        return self._ask().__await__()

    def __repr__(self) -> str:
        return f"<resource {self._name}: await it>"


def _circle(key: Key) -> ResourceError:
    return ResourceError(
        f"the resource {key.name!r} asks for itself while it is made",
        cure="let its factory make what it needs by another one",
    )


def _is_async(factory: Any) -> bool:
    """Return whether a factory is a coroutine function or makes an async context manager."""
    function = unwrap_callable(factory)
    wrapped = getattr(function, "__wrapped__", None)
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(wrapped)


def _refuse_generators(factory: Any) -> None:
    function = unwrap_callable(factory)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        kind = "async" if inspect.isasyncgenfunction(function) else ""
        raise ResourceError(
            f"the factory {function.__qualname__!r} is a generator function",
            cure=f"put @contextlib.{kind}contextmanager above it",
        )
