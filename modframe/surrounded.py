"""`Surrounded`: the verbs that say what stands around all modules of an application.

`AppContext` and what `create_app` returns have them, with the same meaning: what they say holds
from the next request on, also while the application is served.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from .server.surroundings import Surroundings

F = TypeVar("F", bound=Callable[..., Any])


class Surrounded:
    """An application whose surroundings can be changed; subclasses have ``surroundings``."""

    if TYPE_CHECKING:

        @property
        def surroundings(self) -> Surroundings: ...

    def add_middleware(self, middleware: Callable[..., Any], **options: Any) -> None:
        """Put an ASGI middleware around all modules and pages, outside of those added before.

        It is made as ``middleware(app, **options)``, and sees the requests that the guard lets
        pass. Adding one of the same name again replaces it, so that a cell can be run again.

        Raises:
            SurroundingsError: If it can't be made; nothing has changed.
        """
        self.surroundings.add_middleware(middleware, options)

    def remove_middleware(self, middleware: Callable[..., Any]) -> None:
        """Take a middleware out.

        Raises:
            SurroundingsError: If it isn't there.
        """
        self.surroundings.remove_middleware(middleware)

    def exception_handler(self, what: type[Exception] | int) -> Callable[[F], F]:
        """Decorate a function that answers an error of any module, or any refusal of modframe's.

        The function takes the request and the error, and returns a ``Response``.

        Args:
            what: An exception class, or an HTTP status, such as 404 for every answer with that
                status that a route did not make itself: also where nothing is.

        Raises:
            SurroundingsError: If it is neither.
        """

        def decorate(function: F) -> F:
            self.surroundings.handle(what, function)
            return function

        return decorate

    def mount_static(self, path: str, folder: str | Path, *, spa: bool = False) -> None:
        """Serve the files of a folder below a path, to everyone who reaches the server.

        Modules whose path is as long or longer come first. What is hidden, such as ``.env``, is
        not served, but for ``.well-known``.

        Args:
            path: For example ``/`` or ``/assets``.
            folder: A folder; a relative one is meant from the working directory.
            spa: Whether paths that look like no file get ``index.html``, as the router of a
                single-page application expects.

        Raises:
            SurroundingsError: If there is no such folder.
        """
        self.surroundings.mount_static(path, folder, spa=spa)

    def unmount(self, path: str) -> None:
        """Serve no files below a path any more.

        Raises:
            SurroundingsError: If none are.
        """
        self.surroundings.unmount(path)

    def lifespan(self, function: F) -> F:
        """Decorate a function that makes an async context manager, held open while it is served.

        It is called with the `AppContext`, on the app loop, before the first request, and left
        when the app stops. If it yields a mapping, ``request.state`` has its entries.
        """
        self.surroundings.add_lifespan(function)
        return function
