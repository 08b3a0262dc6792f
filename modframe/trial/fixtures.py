"""The fixtures that tests get: `service`, `client`, `app_context`; and support for async tests.

A plugin of the trial's pytest session, registered by `Run`.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from ..parts.web.client import async_client, sync_client
from .bridge import Bridge
from .subject import Subject, names_a_module


class Fixtures:
    """The fixtures, and the hooks that run coroutines."""

    def __init__(self, subject: Subject, bridge: Bridge) -> None:
        self._subject = subject
        self._bridge = bridge

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
        asgi, app_loop = self._subject.asgi(), self._subject.app_loop
        if inspect.iscoroutinefunction(getattr(request.node, "obj", None)):
            asynchronous = async_client(asgi, app_loop)
            yield asynchronous
            self._bridge.run(asynchronous.aclose)
        else:
            with sync_client(asgi, app_loop, wait=self._bridge.run) as synchronous:
                yield synchronous

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
        if not inspect.iscoroutinefunction(pyfuncitem.obj):
            return None
        names = pyfuncitem._fixtureinfo.argnames
        arguments = {name: pyfuncitem.funcargs[name] for name in names}
        self._bridge.run(lambda: pyfuncitem.obj(**arguments))
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, Any, Any]:
        """Run an async fixture on the app loop, and what follows its ``yield`` as well."""
        original: Any = fixturedef.func
        function = _bound(original, request.instance)
        if inspect.isasyncgenfunction(function):
            fixturedef.func = self._sync_generator(function)  # type: ignore[misc]  # restored below
        elif inspect.iscoroutinefunction(function):
            fixturedef.func = self._sync_function(function)  # type: ignore[misc]  # restored below
        try:
            return (yield)
        finally:
            if fixturedef.func is not original:
                fixturedef.func = original  # type: ignore[misc]  # restored

    def _sync_function(self, function: Any) -> Any:
        def fixture(**arguments: Any) -> Any:
            return self._bridge.run(lambda: function(**arguments))

        return fixture

    def _sync_generator(self, function: Any) -> Any:
        def fixture(**arguments: Any) -> Iterator[Any]:
            steps = function(**arguments)
            yield self._bridge.run(lambda: anext(steps))
            try:
                self._bridge.run(lambda: anext(steps))
            except StopAsyncIteration:
                return
            pytest.fail(f"the async fixture {function.__name__!r} has more than one yield")

        return fixture


def _bound(function: Any, instance: Any) -> Any:
    """Bind a fixture of a class to the instance whose test asks for it."""
    owner = getattr(function, "__self__", None)
    if instance is None or owner is None or not isinstance(instance, type(owner)):
        return function
    return function.__func__.__get__(instance)


def _by_name(verb: Any, lookup: Any) -> Any:
    """Wrap a method of `MonkeyPatch` so that plain names of modules are looked up by ``lookup``."""

    def patch(target: Any, *args: Any, **keywords: Any) -> None:
        if isinstance(target, str) and names_a_module(target):
            owner, _, name = target.rpartition(".")
            verb(lookup(owner), name, *args, **keywords)
        else:
            verb(target, *args, **keywords)

    return patch
