"""The fixtures that tests get at the gate: `service`, `client`, `app_context`, `module_client`.

A plugin of the trial's pytest session, registered by `Run`. The plugin `modframe.pytest_plugin` has
fixtures of the same names for pytest in a terminal. What needs an app of its own is skipped here,
because the module is tested inside the app that runs, and a process has one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from ..errors import ModuleNotFoundInWorkspaceError
from ..names import full_id
from ..parts.web.client import async_client, sync_client
from ..wording import near, otherwise
from .bridge import Bridge
from .coroutines import Coroutines
from .subject import Subject, names_a_module

_OWN_APP = "needs an app of its own, which pytest starts in a terminal"


class Fixtures:
    """The fixtures, and the hooks that run coroutines."""

    def __init__(self, subject: Subject, bridge: Bridge) -> None:
        self._subject = subject
        self._bridge = bridge
        self._coroutines = Coroutines(bridge.run)

    @pytest.fixture(scope="session")
    def app_context(self) -> Any:
        """The ``app_context`` of the generation under test."""
        return self._subject.app_context

    @pytest.fixture(scope="session")
    def service(self, app_context: Any) -> Any:
        """The handle of its service: async tests await its calls, others call ``.result()``."""
        return app_context.get_service(self._subject.source.module_id)

    @pytest.fixture
    def client(self, request: pytest.FixtureRequest) -> Iterator[Any]:
        """An httpx client into the API, in which this generation already answers.

        An `httpx.AsyncClient` for an async test, an `httpx.Client` for any other.
        """
        with ExitStack() as stack:
            yield self._client(request, stack, "")

    @pytest.fixture
    def module_client(self, request: pytest.FixtureRequest) -> Iterator[Callable[[str], Any]]:
        """A function that returns a client of one module, by its id."""
        with ExitStack() as stack:

            def make(name: str) -> Any:
                module_id, known = full_id(name), self._subject.module_ids
                if module_id not in known:
                    raise ModuleNotFoundInWorkspaceError(
                        f"there is no module {module_id!r}",
                        cure=otherwise(near(module_id, known), f"there are {', '.join(known)}"),
                    )
                return self._client(request, stack, self._subject.prefix_of(module_id))

            yield make

    def _client(self, request: pytest.FixtureRequest, stack: ExitStack, prefix: str) -> Any:
        asgi, app_loop = self._subject.asgi(), self._subject.app_loop
        if inspect.iscoroutinefunction(getattr(request.node, "obj", None)):
            client = async_client(asgi, app_loop, prefix=prefix)
            stack.callback(self._bridge.run, client.aclose)
            return client
        return stack.enter_context(
            sync_client(asgi, app_loop, wait=self._bridge.run, prefix=prefix)
        )

    @pytest.fixture
    def modframe_app(self) -> None:
        """Skip the test."""
        pytest.skip(_OWN_APP)

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Skip a test whose marker says what its own app is started with."""
        if item.get_closest_marker("modframe") is not None:
            pytest.skip(_OWN_APP)

    @pytest.fixture
    def monkeypatch(self, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
        """pytest's own, but a dotted text leads to the generation under test."""
        for verb in ("setattr", "delattr"):
            patch = _by_name(getattr(monkeypatch, verb), self._subject.lookup)
            setattr(monkeypatch, verb, patch)
        return monkeypatch

    # -- coroutines -----------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Run an async test on the app loop."""
        return self._coroutines.run_test(pyfuncitem)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, Any, Any]:
        """Run an async fixture on the app loop."""
        with self._coroutines.synchronous(fixturedef, request):
            return (yield)


def _by_name(verb: Any, lookup: Any) -> Any:
    """Wrap a method of `MonkeyPatch` so that plain names of modules are looked up by ``lookup``."""

    def patch(target: Any, *args: Any, **keywords: Any) -> None:
        if isinstance(target, str) and names_a_module(target):
            owner, _, name = target.rpartition(".")
            verb(lookup(owner), name, *args, **keywords)
        else:
            verb(target, *args, **keywords)

    return patch
