"""``app_context`` as the guide imports it: this Python module is itself a proxy of the running app.

``from modframe import app_context`` and ``from core.app_context import app_context`` lead to the
running app, in every order of imports: the import system sets a submodule as an attribute of its
package, so the submodule has to be the proxy. Inside a modframe module both lead to the context of
its generation instead.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from .errors import NoAttributeError
from .wording import near


class AppContextProxy(ModuleType):
    """A proxy that looks the running app up at every use, so it outlives a stop and a start.

    In a notebook the first use starts the app; after a stop, uses say that it was stopped.
    """

    @property
    def app_context(self) -> AppContextProxy:
        """The same object, for ``from modframe.app_context import app_context``."""
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") and name not in ("_repr_html_",):
            raise AttributeError(name)
        from .runtime.traces import shorten_traceback

        try:
            if name not in dir(self):
                # Tools such as pytest ask every module for names; they must not start the app.
                raise NoAttributeError(
                    f"the app context has no {name!r}", cure=near(name, dir(self)).rstrip()
                )
            if name == "stop" and (report := self._last_stop()) is not None:
                return lambda: report  # a second stop has nothing to do
            return getattr(self._modframe_app(), name)
        except BaseException as error:
            shorten_traceback(error)
            raise

    def _modframe_app(self) -> Any:
        from .process import app_in_use

        return app_in_use()

    def _last_stop(self) -> Any:
        from .process import last_stop

        return last_stop()

    def __dir__(self) -> list[str]:
        from .app import AppContext

        names = {*dir(AppContext), "get_service", "modules"}
        return sorted(name for name in names if not name.startswith("_"))

    def __repr__(self) -> str:
        from .process import current_app, was_stopped

        app = current_app()
        state = "stopped; modframe.start() begins again" if was_stopped() else "not started"
        return repr(app) if app is not None else f"<modframe: {state}>"

    def _repr_html_(self) -> str | None:
        from .process import current_app

        app = current_app()
        return app._repr_html_() if app is not None else None


sys.modules[__name__].__class__ = AppContextProxy
