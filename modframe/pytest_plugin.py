"""modframe's plugin for pytest: ``from modules.standard.orders.services import ...`` in tests.

pytest loads it by its entry point. A plain import gives a detached generation, loaded and not
started, from the workspace above the tests; `caplog` hears what modules log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from .ship import DetachedModules


class _Owner:
    """Finds the workspace and loads from it when the first plain name is imported."""

    def __init__(self, start: Path) -> None:
        self._start = start
        self._modules: DetachedModules | None = None

    def __call__(self, module_id: str) -> str | None:
        if self._modules is None:
            from .ship.detached import workspace_modules

            self._modules = workspace_modules(self._start)
        return self._modules.package_of(module_id)

    def close(self) -> None:
        """Let go of what was loaded."""
        if self._modules is not None:
            self._modules.close()


def pytest_configure(config: pytest.Config) -> None:
    """Let the finder of plain names lead to the workspace's modules."""
    from .observe import let_root_listen
    from .runtime.finder import PLAIN_NAMES

    let_root_listen(True)
    owner = _Owner(config.rootpath)
    # Last, so that a running app's live modules come first.
    PLAIN_NAMES.resolvers.append(owner)
    config.add_cleanup(owner.close)
    config.add_cleanup(lambda: PLAIN_NAMES.resolvers.remove(owner))
