"""The guide's door to the app context: one object, both this module and the name in it.

``from modframe import app_context`` and ``from core.app_context import app_context`` give the
context of the running app, in every order of imports: the import system binds a submodule under
its package's attribute, so the module itself is the proxy. Inside a module both give that
generation's own context instead.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class AppContextProxy(ModuleType):
    """Stands for the app that runs; reaches it at every use, so it survives stop and start."""

    _modframe_starts = False
    """Whether first use starts the app, as in a notebook."""

    @property
    def app_context(self) -> AppContextProxy:
        """The same object, for ``from modframe.app_context import app_context``."""
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") and name not in ("_repr_html_",):
            raise AttributeError(name)
        if name not in dir(self):
            # Whoever looks a module over, as pytest does, asks for names that no app has.
            raise AttributeError(f"the app context has no {name!r}")
        return getattr(self._modframe_app(), name)

    def _modframe_app(self) -> Any:
        from .app import running_app, start

        return start() if self._modframe_starts else running_app()

    def __dir__(self) -> list[str]:
        from .app import AppContext

        names = {*dir(AppContext), "get_service", "modules"}
        return sorted(name for name in names if not name.startswith("_"))

    def __repr__(self) -> str:
        from .app import current_app

        app = current_app()
        return repr(app) if app is not None else "<modframe: not started>"

    def _repr_html_(self) -> str | None:
        from .app import current_app

        app = current_app()
        return app._repr_html_() if app is not None else None


sys.modules[__name__].__class__ = AppContextProxy
