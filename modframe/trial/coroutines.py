"""`Coroutines`: async tests and async fixtures for a pytest without a plugin that runs them.

In goes a function that runs a coroutine function and waits. The gate's tests and modframe's pytest
plugin have one each.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

Run = Callable[[Callable[[], Awaitable[Any]]], Any]
"""Runs a coroutine function on a loop, and waits for its value on the thread of the tests."""


class Coroutines:
    """Runs what tests declare with ``async def``."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def run_test(self, item: pytest.Function) -> bool | None:
        """Run an async test and return True; return None for any other test."""
        if not inspect.iscoroutinefunction(item.obj):
            return None
        names = item._fixtureinfo.argnames
        arguments = {name: item.funcargs[name] for name in names}
        self._run(lambda: item.obj(**arguments))
        return True

    @contextmanager
    def synchronous(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Iterator[None]:
        """Let an async fixture be set up by a plain call, and what follows its ``yield`` as well.

        The fixture is as it was when the block ends.
        """
        original: Any = fixturedef.func
        function = _bound(original, request.instance)
        if inspect.isasyncgenfunction(function):
            fixturedef.func = self._sync_generator(function)  # type: ignore[misc]  # restored below
        elif inspect.iscoroutinefunction(function):
            fixturedef.func = self._sync_function(function)  # type: ignore[misc]  # restored below
        try:
            yield
        finally:
            if fixturedef.func is not original:
                fixturedef.func = original  # type: ignore[misc]  # restored

    def _sync_function(self, function: Any) -> Any:
        def fixture(**arguments: Any) -> Any:
            return self._run(lambda: function(**arguments))

        return fixture

    def _sync_generator(self, function: Any) -> Any:
        def fixture(**arguments: Any) -> Iterator[Any]:
            steps = function(**arguments)
            yield self._run(lambda: anext(steps))
            try:
                self._run(lambda: anext(steps))
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
