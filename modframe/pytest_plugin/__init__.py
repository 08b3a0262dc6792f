"""modframe's plugin for pytest: fixtures for tests of modules, and imports of their files.

pytest loads it by its entry point in every project, so it imports nothing of weight until a test
asks for a fixture, or imports ``modules.standard.orders.services``. That import leads to a detached
generation, loaded but not started, of the workspace above the tests; while `modframe_app` runs, it
leads to the running one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ..app import AppContext
    from ..ship import DetachedModules

_MARKER = (
    "modframe(*modules, settings=, data=, notebook=, workspace=, parts=, strict=): what the "
    "fixtures of modframe start for this test; the arguments are those of modframe.start"
)

_RAN_BEFORE = pytest.StashKey[Any]()
"""Where the configuration has the app that ran before pytest did, as in a notebook."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and make plain names of modules importable."""
    from ..runtime.finder import PLAIN_NAMES

    @cache
    def workspace() -> DetachedModules:
        from ..ship.detached import workspace_modules

        modules = workspace_modules(config.rootpath)
        config.add_cleanup(modules.close)
        _let_caplog_hear()
        return modules

    def package_of(module_id: str) -> str | None:
        __tracebackhide__ = True
        try:
            return workspace().package_of(module_id)
        except Exception as error:
            from ..runtime.traces import shorten_traceback

            shorten_traceback(error)  # of a module that doesn't load, its message says all
            raise

    config.addinivalue_line("markers", _MARKER)
    config.addinivalue_line(
        "markers", "without_seed: the databases of this test begin empty, without seed(session)"
    )
    if (process := sys.modules.get("modframe.process")) is not None:
        config.stash[_RAN_BEFORE] = process.current_app()
    # Behind a running app, whose live modules come first, and before the fallback.
    PLAIN_NAMES.resolvers.insert(-1, package_of)
    config.add_cleanup(lambda: PLAIN_NAMES.resolvers.remove(package_of))


def pytest_runtest_setup() -> None:
    """Let `caplog` hear what modules log, if something has imported modframe's loggers."""
    _let_caplog_hear()


def _let_caplog_hear() -> None:
    if (observe := sys.modules.get("modframe.observe")) is not None:
        observe.let_root_listen(True)


# -- fixtures ----------------------------------------------------------------------------------


@pytest.fixture
def modframe_options() -> dict[str, Any]:
    """Arguments of ``modframe.start`` for `modframe_app`; a conftest.py or a file may override it.

    The marker wins over them.
    """
    return {}


@pytest.fixture
def modframe_app(
    request: pytest.FixtureRequest, modframe_options: dict[str, Any]
) -> Iterator[AppContext]:
    """A running app over the workspace of the test; it keeps no data, and stops with the test.

    ``@pytest.mark.modframe("orders", settings={...})`` says what to start. By default it is the
    module in whose folder the test lies, else all. If the test started an app itself, this is it.
    In an app that ran before pytest did, as in a notebook, each test has databases of its own.
    """
    from .whole_app import running, short_errors

    with ExitStack() as stack:
        with short_errors():
            before = request.config.stash.get(_RAN_BEFORE, None)
            app = stack.enter_context(running(request, modframe_options, ran_before=before))
        yield app


@pytest.fixture
def app_context(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The ``app_context`` of the module in whose folder the test lies, else `modframe_app`."""
    from .whole_app import context_of_test, or_theirs

    yield from or_theirs(request, context_of_test)


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The handle of the module's service: async tests await its calls, others call ``.result()``.

    Outside of a module's folder, it is that of the one module which the marker names.
    """
    from .whole_app import or_theirs, service_of_test

    yield from or_theirs(request, service_of_test)


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    """An httpx client into the API of `modframe_app`, without a port.

    An `httpx.AsyncClient` for an async test, an `httpx.Client` for any other.
    """
    from .whole_app import clients_of_test, or_theirs

    with ExitStack() as stack:
        yield from or_theirs(
            request, lambda request: stack.enter_context(clients_of_test(request))("")
        )


@pytest.fixture
def module_client(
    request: pytest.FixtureRequest, modframe_app: AppContext
) -> Iterator[Callable[[str], Any]]:
    """A function that returns a client of one module: ``module_client("orders").get("/total")``."""
    from .whole_app import clients_of_test, prefix_in

    with clients_of_test(request) as make:
        yield lambda module_id: make(prefix_in(modframe_app, module_id))


# -- coroutines --------------------------------------------------------------------------------


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an async test with an app that no other plugin, such as pytest-asyncio, has run."""
    if (coroutines := _coroutines(pyfuncitem)) is None:
        return None
    return coroutines.run_test(pyfuncitem)  # type: ignore[no-any-return]  # `Any` until imported


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Run an async fixture of a test with an app, if no other plugin does."""
    coroutines = _coroutines(request.node) if fixturedef.scope == "function" else None
    if coroutines is None:
        return (yield)
    with coroutines.synchronous(fixturedef, request):
        return (yield)


def _coroutines(item: Any) -> Any:
    """Return what runs the coroutines of a test that has a modframe fixture; None for others."""
    if not isinstance(item, pytest.Function) or not _FIXTURES.intersection(item.fixturenames):
        return None
    from .whole_app import coroutines_of

    return coroutines_of(item)


_FIXTURES = frozenset({"modframe_app", "app_context", "service", "client", "module_client"})
