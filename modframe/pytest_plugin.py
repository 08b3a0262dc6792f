"""modframe's plugin for pytest: lets tests import ``modules.standard.orders.services``.

pytest loads it by its entry point. A plain import leads to a detached generation, loaded but not
started, of the workspace above the tests; `caplog` records what modules log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from .ship import DetachedModules


class _WorkspaceModules:
    """Loads modules of the workspace, which it finds when the first plain name is imported."""

    def __init__(self, start: Path) -> None:
        self._start = start
        self._modules: DetachedModules | None = None

    def __call__(self, module_id: str) -> str | None:
        if self._modules is None:
            from .ship.detached import workspace_modules

            self._modules = workspace_modules(self._start)
        return self._modules.package_of(module_id)

    def close(self) -> None:
        """Close the modules that were loaded."""
        if self._modules is not None:
            self._modules.close()


def pytest_configure(config: pytest.Config) -> None:
    """Make plain names of modules importable."""
    from .observe import let_root_listen
    from .runtime.finder import PLAIN_NAMES

    let_root_listen(True)
    workspace = _WorkspaceModules(config.rootpath)
    # Behind a running app, whose live modules come first, and before the fallback.
    PLAIN_NAMES.resolvers.insert(-1, workspace)
    config.add_cleanup(workspace.close)
    config.add_cleanup(lambda: PLAIN_NAMES.resolvers.remove(workspace))
