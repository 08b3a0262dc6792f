"""modframe's plugin for pytest: lets tests import ``modules.standard.orders.services``.

pytest loads it by its entry point. A plain import leads to a detached generation, loaded but not
started, of the workspace above the tests; `caplog` records what modules log.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from .ship import DetachedModules


def pytest_configure(config: pytest.Config) -> None:
    """Make plain names of modules importable."""
    from .observe import let_root_listen
    from .runtime.finder import PLAIN_NAMES

    @cache
    def workspace() -> DetachedModules:
        from .ship.detached import workspace_modules

        modules = workspace_modules(config.rootpath)
        config.add_cleanup(modules.close)
        return modules

    def package_of(module_id: str) -> str | None:
        return workspace().package_of(module_id)

    let_root_listen(True)
    # Behind a running app, whose live modules come first, and before the fallback.
    PLAIN_NAMES.resolvers.insert(-1, package_of)
    config.add_cleanup(lambda: PLAIN_NAMES.resolvers.remove(package_of))
