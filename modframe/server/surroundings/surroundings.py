"""`Surroundings`: what stands around all modules of one app, and can change while it is served.

The verbs of `Surrounded` and the workspace's declarations change it, from any thread. A `Site` puts
an `Edge` outside of its guard and a `MiddlewareStack` inside; both follow with the next request.
"""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from ...parts.web.boundary import Boundary
from ...parts.web.error_handlers import ErrorHandlers, Handler
from ...parts.web.problem import HANDLERS_KEY, ASGIApp, Receive, Scope, Send
from ...runtime.ownership import callable_name
from ..guard.headers import with_safe_headers
from .cors import Origins, cors_layer
from .errors import SurroundingsError
from .lifespan import Lifespan, MakeLifespan
from .static import checked_prefix, static_app

_STATUSES = range(400, 600)


class Middleware(NamedTuple):
    """An ASGI middleware class, or another callable, with the options it is made with."""

    make: Callable[..., ASGIApp]
    options: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Where its class comes from: adding one of the same name again replaces it."""
        return f"{getattr(self.make, '__module__', '')}.{callable_name(self.make)}"

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return an application with this in front of it.

        Raises:
            SurroundingsError: If it can't be made.
        """
        try:
            made = self.make(app, **self.options)
        except Exception as error:
            raise SurroundingsError(
                f"the middleware {callable_name(self.make)} can't be made: "
                f"{type(error).__name__}: {error}",
                cure="it is called as middleware(app, **options): check its options",
            ) from error
        if not callable(made):
            raise SurroundingsError(
                f"the middleware {callable_name(self.make)} made {made!r}, no ASGI application",
                cure="give a class whose instances are called with (scope, receive, send)",
            )
        return made


class Surroundings:
    """What stands around the modules.

    Attributes:
        origins: The origins whose pages may read answers and send requests that change something.
        middleware: The outermost first.
        handlers: The application's own error handlers, by class or status; ``None`` if none.
        mounts: Path prefix → the application that serves static files there.
        lifespans: What is held open while the app is served, the first one entered first.
    """

    def __init__(self) -> None:
        self.origins = Origins()
        self.middleware: tuple[Middleware, ...] = ()
        self.mounts: Mapping[str, ASGIApp] = MappingProxyType({})
        self.lifespans: tuple[Lifespan, ...] = ()
        self._handlers: dict[type | int, Handler] = {}
        self.handlers: ErrorHandlers | None = None
        self._edges: weakref.WeakSet[Edge] = weakref.WeakSet()
        self._stacks: weakref.WeakSet[MiddlewareStack] = weakref.WeakSet()

    # -- what is said -----------------------------------------------------------------------

    def allow_origins(self, origins: Iterable[str]) -> None:
        """Let the pages of these origins, and of no others, use the API from a browser.

        Raises:
            SurroundingsError: If one of them is no origin.
        """
        self.origins = Origins(origins)
        for edge in self._edges:
            edge.follow()

    def add_middleware(self, make: Callable[..., ASGIApp], options: Mapping[str, Any]) -> None:
        """Put a middleware in front of those that are there, or replace the one of its name.

        Raises:
            SurroundingsError: If it can't be made; nothing has changed.
        """
        if not callable(make):
            raise SurroundingsError(
                f"the middleware {make!r} is no class", cure="give an ASGI middleware class"
            )
        new = Middleware(make, dict(options))
        names = [one.name for one in self.middleware]
        if new.name in names:
            kept = tuple(new if one.name == new.name else one for one in self.middleware)
        else:
            kept = (new, *self.middleware)
        self._put(kept)

    def remove_middleware(self, make: Callable[..., ASGIApp]) -> None:
        """Take a middleware out.

        Raises:
            SurroundingsError: If it isn't there.
        """
        name = Middleware(make, {}).name
        kept = tuple(one for one in self.middleware if one.name != name)
        if kept == self.middleware:
            raise SurroundingsError(
                f"no middleware {callable_name(make)} is there",
                cure=f"those that are: {', '.join(one.name for one in kept) or 'none'}",
            )
        self._put(kept)

    def _put(self, middleware: tuple[Middleware, ...]) -> None:
        made = {stack: stack.made_of(middleware) for stack in self._stacks}
        self.middleware = middleware
        for stack, app in made.items():
            stack.app = app

    def handle(self, key: type | int, handler: Handler | None) -> None:
        """Set the handler of an exception class or an HTTP status; ``None`` takes it out.

        Raises:
            SurroundingsError: If the key is neither.
        """
        is_status = isinstance(key, int) and key in _STATUSES
        if not is_status and not (isinstance(key, type) and issubclass(key, Exception)):
            raise SurroundingsError(
                f"{key!r} is neither an exception class nor a status from 400 to 599",
                cure="give a class such as ValueError, or a status such as 404",
            )
        handlers = {**self._handlers, key: handler}
        self._handlers = {one: each for one, each in handlers.items() if each is not None}
        self.handlers = ErrorHandlers(self._handlers) if self._handlers else None

    def mount_static(self, path: str, folder: str | Path, *, spa: bool = False) -> None:
        """Serve the files of a folder below a path; the same path again replaces what was there.

        Raises:
            SurroundingsError: If the path or the folder is not one.
        """
        prefix = checked_prefix(path)
        self.mounts = MappingProxyType({**self.mounts, prefix: static_app(prefix, folder, spa=spa)})

    def unmount(self, path: str) -> None:
        """Serve no files below a path any more.

        Raises:
            SurroundingsError: If none are.
        """
        prefix = checked_prefix(path)
        if prefix not in self.mounts:
            raise SurroundingsError(
                f"no static files are at {prefix!r}",
                cure=f"those that are: {', '.join(self.mounts) or 'none'}",
            )
        left = {key: app for key, app in self.mounts.items() if key != prefix}
        self.mounts = MappingProxyType(left)

    def add_lifespan(self, make: MakeLifespan) -> Lifespan:
        """Add what is to be held open while the app is served; one of the same name is replaced."""
        new = Lifespan(make)
        self.lifespans = (*(one for one in self.lifespans if one.name != new.name), new)
        return new

    def include(self, other: Surroundings) -> None:
        """Add what was said to another one, which serves nothing yet."""
        if other.origins:
            self.origins = other.origins
        for one in reversed(other.middleware):
            self.add_middleware(one.make, one.options)
        for key, handler in other._handlers.items():
            self.handle(key, handler)
        self.mounts = MappingProxyType({**self.mounts, **other.mounts})
        self.lifespans = (*self.lifespans, *other.lifespans)

    # -- while it is served -----------------------------------------------------------------

    async def enter(self, app: object) -> None:
        """Enter the lifespans, before the first request.

        Raises:
            SurroundingsError: If one of them raises; those before it were left again.
        """
        try:
            for lifespan in self.lifespans:
                await lifespan.enter(app)
        except BaseException:
            await self.leave()
            raise

    async def leave(self) -> None:
        """Leave the lifespans, in reverse."""
        for lifespan in reversed(self.lifespans):
            await lifespan.leave()

    def edge(self, app: ASGIApp) -> ASGIApp:
        """Return an application that is outermost: it answers browsers' CORS questions."""
        edge = Edge(self, app)
        self._edges.add(edge)
        return edge

    def inside(self, app: ASGIApp) -> ASGIApp:
        """Return an application with the middleware in front of it.

        Raises:
            SurroundingsError: If a middleware can't be made.
        """
        stack = MiddlewareStack(self, app)
        self._stacks.add(stack)
        return stack

    def __repr__(self) -> str:
        counts = {
            "origin": len(self.origins),
            "middleware": len(self.middleware),
            "handler": len(self._handlers),
            "mount": len(self.mounts),
            "lifespan": len(self.lifespans),
        }
        said = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
        return f"<Surroundings: {said or 'nothing'}>"


class Edge:
    """Adds CORS and what every answer has, and gives each request handlers and lifespan state."""

    def __init__(self, surroundings: Surroundings, app: ASGIApp) -> None:
        self._surroundings, self._app = surroundings, app
        self.follow()

    def follow(self) -> None:
        """Take the origins that are allowed now."""
        self._open = cors_layer(self._surroundings.origins, self._app)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        around = self._surroundings
        if around.handlers is not None:
            scope[HANDLERS_KEY] = around.handlers
        for lifespan in around.lifespans:
            if lifespan.state:
                scope["state"] = {**scope.get("state", {}), **lifespan.state}
        if scope["type"] == "http":
            send = with_safe_headers(send)
        return self._open(scope, receive, send)


class MiddlewareStack:
    """The middleware around one application; what it raises by itself is answered and recorded.

    Attributes:
        app: The application with the middleware in front of it.
    """

    def __init__(self, surroundings: Surroundings, app: ASGIApp) -> None:
        self._app = app
        self.app = self.made_of(surroundings.middleware)

    def made_of(self, middleware: Iterable[Middleware]) -> ASGIApp:
        """Return the application with other middleware in front of it.

        Raises:
            SurroundingsError: If one of them can't be made.
        """
        app = self._app
        made = list(middleware)
        for one in reversed(made):
            app = one.around(app)
        return Boundary(app, "modframe.server") if made else app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return self.app(scope, receive, send)
