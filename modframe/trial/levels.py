"""`Levels`: says which databases a test, a fixture and its teardown use; a plugin of pytest.

Each test has a level of its own. A fixture of a wider scope has that of its class, file or run,
which ends with it; a test begins with what those around it have written.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import partial
from typing import Any

import pytest

from .bridge import Bridge
from .scratch import UNSEEDED, Level, ScratchDatabases


class Levels:
    """Changes the level on the thread of the tests; closes it on the app loop."""

    def __init__(self, databases: ScratchDatabases, bridge: Bridge) -> None:
        self._databases = databases
        self._bridge = bridge
        self._outermost = databases.begin()
        self._wide: dict[pytest.Collector, Level] = {}
        self._current = self._outermost
        self._current.use_here()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None]:
        """Begin the level of a test."""
        seeds = item.get_closest_marker(UNSEEDED) is None
        self._enter(self._databases.begin(lambda: self._around(item), seeds=seeds))
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None]:
        """End the level of a test once its fixtures have ended, and those that end with it."""
        try:
            return (yield)
        finally:
            over, self._current = [self._current], self._outermost
            self._current.use_here()
            going_on = nextitem.listchain() if nextitem is not None else ()
            ended = [node for node in self._wide if node not in going_on]
            over += map(self._wide.pop, ended)
            for level in over:
                self._bridge.run(partial(self._databases.end, level))

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, Any, Any]:
        """Let a fixture of a wider scope, and its teardown, use the level of its scope."""
        if fixturedef.scope == "function":
            return (yield)
        level = self._level_of(request.node)
        test = self._current
        fixturedef.addfinalizer(self._back)  # runs last
        level.use_here()
        try:
            return (yield)
        finally:
            test.use_here()
            fixturedef.addfinalizer(level.use_here)  # runs first

    def _back(self) -> None:
        self._current.use_here()

    def _enter(self, level: Level) -> None:
        self._current = level
        level.use_here()

    def _level_of(self, node: Any) -> Level:
        if isinstance(node, pytest.Session):
            return self._outermost
        if node not in self._wide:
            self._wide[node] = self._databases.begin(lambda: self._around(node))
        return self._wide[node]

    def _around(self, node: pytest.Item | pytest.Collector) -> Iterator[Level]:
        """Yield the levels around a node, the innermost first."""
        for outer in reversed(node.listchain()[:-1]):
            if (level := self._wide.get(outer)) is not None:  # type: ignore[call-overload]  # no item
                yield level
        yield self._outermost
