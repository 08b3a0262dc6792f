"""What the fixtures give: a running app over the workspace of a test, and one module of it.

In goes the request of a fixture; out come the app, the module's context and service, and clients.
Imported by the plugin once a test asks for one of them.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from contextvars import Context, copy_context
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ..app import AppContext
from ..config import StartOptions
from ..engine import Engine
from ..errors import (
    BlockedError,
    ModframeError,
    ServiceNotFoundError,
    StartError,
    WorkspaceError,
)
from ..names import MODULE_TYPES, ROOT
from ..observe import let_root_listen
from ..parts.database.part import declared_by
from ..parts.web.client import async_client, sync_client
from ..process import current_app, running_engine, start_with
from ..source import OnDisk
from ..source.workspace import find_workspace, workspace_above
from ..spec import module_id_of
from ..trial.coroutines import Coroutines, Run
from ..trial.scratch import UNSEEDED, ScratchDatabases
from ..wording import near
from .imported_names import leading_to_running

_ARGUMENTS = ("modules", "settings", "data", "notebook", "workspace", "parts", "strict")
_RUNNER = pytest.StashKey[Coroutines]()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a test wants to be started.

    Attributes:
        options: What its marker and `modframe_options` say.
        own: The module in whose folder the test lies; empty if it lies in none.
        home: The workspace; None if there is none.
    """

    options: StartOptions
    strict: bool
    own: str
    home: Path | None

    @property
    def complete(self) -> StartOptions:
        """The options with what is left out: the module of the test, and no data on disk.

        Raises:
            WorkspaceError: If there is neither a workspace nor a notebook.
        """
        given = self.options
        books = given.notebooks or ()
        if self.home is None and not books:
            raise WorkspaceError(
                "modframe_app: the test lies in no workspace of modframe",
                cure="put it below a folder with modules/ or with [tool.modframe] in its "
                "pyproject.toml, or name one with @pytest.mark.modframe(workspace=...)",
            )
        disk = OnDisk(Path(), books)
        disk.refuse_unreadable()
        modules = list(given.modules or disk.in_notebooks()) or None
        if self.own and self.own not in map(module_id_of, modules or ()):
            modules = [self.own, *(modules or ())]
        return replace(
            given,
            workspace=self.home or (books[0].parent if books else None),
            modules=modules,
            data=":memory:" if given.data is None else given.data,
        )

    @property
    def module_id(self) -> str:
        """The module that `service` and `app_context` are of; empty if that is not clear."""
        named = self.options.modules or ()
        return self.own or (module_id_of(named[0]) if len(named) == 1 else "")


def wanted_by(request: pytest.FixtureRequest, defaults: Mapping[str, Any]) -> Wanted:
    """Read what a test wants from its markers and from `modframe_options`.

    Raises:
        ModframeError: If there is an argument that `modframe_app` does not have.
    """
    given = _arguments(request.node, defaults)
    place = request.path.resolve().parent
    home = _home(given.get("workspace"), place)
    books = given.get("notebook") or ()
    books = [books] if isinstance(books, str | Path) else books
    ids = given.get("modules")
    options = StartOptions(
        workspace=home if given.get("workspace") else None,
        modules=list(ids) if isinstance(ids, tuple) else ids,
        data=given.get("data"),
        settings=given.get("settings"),
        notebooks=tuple((home or place) / book for book in books) or None,
        parts=given.get("parts"),
    )
    return Wanted(options, given.get("strict", True), _module_around(place, home), home)


def _arguments(item: pytest.Item, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of all markers; inner ones win, and settings are merged."""
    given = dict(defaults)
    for mark in reversed(list(item.iter_markers("modframe"))):
        named = {"modules": mark.args} if mark.args else {}
        settings = {**given.get("settings", {}), **mark.kwargs.get("settings", {})}
        given |= {**named, **mark.kwargs, **({"settings": settings} if settings else {})}
    for name in given:
        if name not in _ARGUMENTS:
            raise ModframeError(
                f"@pytest.mark.modframe and modframe_options have no argument {name!r}",
                cure=near(name, _ARGUMENTS).rstrip() or f"there are {', '.join(_ARGUMENTS)}",
            )
    return given


def _home(named: str | Path | None, place: Path) -> Path | None:
    named = find_workspace(place / named) if named else find_workspace(above=place)
    return named if named != place or workspace_above(place) else None


def _module_around(place: Path, home: Path | None) -> str:
    """Return the id of the module in whose folder a folder lies."""
    if home is None or not place.is_relative_to(home):
        return ""
    match place.relative_to(home).parts:
        case (first, kind, name, *_) if first == ROOT and kind in MODULE_TYPES:
            return f"{kind}.{name}"
    return ""


# -- the app -----------------------------------------------------------------------------------


@contextmanager
def running(
    request: pytest.FixtureRequest, defaults: Mapping[str, Any], *, ran_before: AppContext | None
) -> Iterator[AppContext]:
    """Start an app for a test and stop it; an app that the test started itself is left alone.

    In one that ``ran_before`` pytest did, as in a notebook, the test has databases of its own.

    Raises:
        StartConflictError: If an app runs that was started with other arguments than it wants.
        StartError: If a module failed.
    """
    wanted = wanted_by(request, defaults)
    seeds = request.node.get_closest_marker(UNSEEDED) is None
    let_root_listen(True)
    with ExitStack() as stack:
        app = current_app()
        if app is None:
            with pytest.MonkeyPatch.context() as environment:
                if not seeds:
                    environment.setenv("MODFRAME_DATABASE_SEED", "false")
                app = start_with(wanted.complete, strict=wanted.strict)
            stack.callback(app.stop)
        else:
            app.refuse_other(wanted.options)
        engine = running_engine()
        if app is ran_before:
            stack.enter_context(scratch_databases(engine, seeds=seeds))
        file = getattr(request, "module", None)
        stack.enter_context(leading_to_running(file, engine.directory.live_generations()))
        yield app


@contextmanager
def scratch_databases(engine: Engine, *, seeds: bool) -> Iterator[None]:
    """Let a test in a running app, such as that of a notebook, use databases of its own."""
    scratch = ScratchDatabases(
        engine.config, lambda: declared_by(engine.directory.live_generations())
    )
    scratch.begin(seeds=seeds).use_here()
    try:
        yield
    finally:
        engine.databases.use_here()
        if not engine.app_loop.closing:
            engine.app_loop.wait(scratch.aclose)


@contextmanager
def short_errors() -> Iterator[None]:
    """Fail a test with the message of a modframe error alone; its traceback is modframe's."""
    try:
        yield
    except StartError as error:
        causes = [one for one in error.errors.values() if not isinstance(one, BlockedError)]
        text = "\n".join(map(str, causes or error.errors.values()))
        raise pytest.fail.Exception(text, pytrace=False) from None
    except ModframeError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


def or_theirs(
    request: pytest.FixtureRequest, make: Callable[[pytest.FixtureRequest], Any]
) -> Iterator[Any]:
    """Yield what a fixture of a common name gives; outside workspaces, another plugin's of it."""
    name = request.fixturename
    marked = request.node.get_closest_marker("modframe") is not None
    if name and not marked and _home(None, request.path.resolve().parent) is None:
        try:
            theirs = request.getfixturevalue(name)
        except pytest.FixtureLookupError as error:
            if error.argname != name:
                raise
        else:
            yield theirs
            return
        _app_of(request)  # says that there is no workspace, unless modframe_options has one
    with short_errors():
        value = make(request)
    yield value


def _app_of(request: pytest.FixtureRequest) -> AppContext:
    app: AppContext = request.getfixturevalue("modframe_app")
    return app


def service_of_test(request: pytest.FixtureRequest) -> Any:
    """Return the handle of the service of the test's module.

    Raises:
        ServiceNotFoundError: If it has none, or it is not clear which module that is.
    """
    wanted = wanted_by(request, request.getfixturevalue("modframe_options"))
    if not wanted.module_id:
        raise ServiceNotFoundError(
            "service: the test lies in no module's folder, so it has to say which service",
            cure='write @pytest.mark.modframe("orders"), or take '
            'modframe_app.get_service("orders")',
        )
    return _app_of(request).get_service(wanted.module_id)


def context_of_test(request: pytest.FixtureRequest) -> Any:
    """Return the ``app_context`` of the test's module, or the app if the test has no module.

    Its database sessions can be used on any loop: a test is not on the app loop.

    Raises:
        ServiceNotFoundError: If the module is not live.
    """
    wanted = wanted_by(request, request.getfixturevalue("modframe_options"))
    app = _app_of(request)
    if not wanted.module_id:
        return app
    directory = running_engine().directory
    generation = directory.find(wanted.module_id)
    if generation is None:
        raise directory.explain(wanted.module_id)
    context = copy(generation.context)
    context.database = app.database
    return context


# -- clients -----------------------------------------------------------------------------------


@contextmanager
def clients_of_test(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Any]]:
    """Yield a function that makes clients, whose paths stand below what it is given."""
    _app_of(request)
    asynchronous = inspect.iscoroutinefunction(getattr(request.node, "obj", None))
    with ExitStack() as stack:

        def make(prefix: str) -> Any:
            engine = running_engine()
            asgi, loop = engine.site.asked_here, engine.app_loop
            if asynchronous:
                client = async_client(asgi, loop, prefix=prefix)
                stack.callback(lambda: None if loop.closing else loop.wait(client.aclose))
                return client
            return stack.enter_context(sync_client(asgi, loop, wait=loop.wait, prefix=prefix))

        yield make


def prefix_in(app: AppContext, name: str) -> str:
    """Return the main prefix of a live module's routes.

    Raises:
        ModuleNotFoundInWorkspaceError: If there is no such module; with the nearest names.
    """
    module = app.modules[name]
    if module.state != "LIVE" and module.error is not None:
        raise module.error
    return running_engine().paths.main_prefix(module.id)


# -- coroutines --------------------------------------------------------------------------------


def coroutines_of(item: pytest.Function) -> Coroutines:
    """Return what runs the coroutines of one test, all of them on a loop of its own."""
    if _RUNNER not in item.stash:
        item.stash[_RUNNER] = Coroutines(_runner_of(item))
    return item.stash[_RUNNER]


def _runner_of(item: pytest.Function) -> Run:
    runner, context = asyncio.Runner(), copy_context()
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        item.addfinalizer(runner.close)
        return lambda start: runner.run(_awaited(start), context=_with_databases(context))
    # pytest was called in a cell: the kernel's loop runs on this thread, so another one is needed.
    worker = ThreadPoolExecutor(1, thread_name_prefix="modframe-test")
    item.addfinalizer(worker.shutdown)
    item.addfinalizer(lambda: worker.submit(runner.close).result())
    return lambda start: worker.submit(
        runner.run, _awaited(start), context=_with_databases(context)
    ).result()


def _with_databases(context: Context) -> Context:
    """Let the coroutines of a test use the databases that its plain fixtures use."""
    if current_app() is not None:
        context.run(running_engine().databases.here.use_here)
    return context


async def _awaited(start: Callable[[], Awaitable[Any]]) -> Any:
    return await start()
