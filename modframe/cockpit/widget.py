"""`Cockpit`: what ``app.inspect()`` returns, the front end as an ipywidget in a notebook.

The custom messages of the widget's comm go to a `Session` for each view of it, whose name they
carry. No state is kept in traits, for they are saved into the notebook: only what to show first.
"""

from __future__ import annotations

from contextlib import suppress
from contextvars import Context
from functools import partial
from typing import Any

import anywidget
import traitlets

from ..errors import FormError
from .bundle import front_end
from .displayed import CellRun, Display, Displayed
from .facts import Facts
from .follow import MOST, Follower
from .session import Session


class Cockpit(anywidget.AnyWidget):
    """The cockpit in a notebook. It follows every change while it is displayed.

    It is a `DOMWidget`: it can stand in an ``HBox`` or a ``Tab`` like any other.

    Args:
        displayed: Those that cells of the notebook display.
        module: The module to show first; by default all of them.
        tab: The tab to show first, such as ``"data"``.
    """

    _esm = front_end()
    shown = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        facts: Facts,
        *,
        follower: Follower,
        displayed: Displayed,
        module: str | None = None,
        tab: str | None = None,
    ) -> None:
        self._module, self._facts = module, facts
        self._follower, self._displayed = follower, displayed
        self._sessions: dict[str, Session] = {}
        self._displays: list[Display] = []
        here = CellRun.now()
        super().__init__(shown={"module": module, "tab": tab, "key": here.cell})
        _answer_at_once(self)
        self.on_msg(self._received)
        displayed.put(here, self)

    def _received(self, _widget: object, content: Any, _buffers: object) -> None:
        if self.comm is None or not isinstance(content, dict):
            return
        view, message = str(content.get("view")), content.get("message")
        if not isinstance(message, dict):
            return
        if message.get("op") == "hello":
            self._greet(view)
        if (session := self._sessions.get(view)) is not None:
            # An empty context, so that nothing prints into the cell that displayed the widget.
            with suppress(FormError):
                Context().run(session.receive, message)
        if message.get("op") == "bye":
            self._sessions.pop(view, None)

    def _greet(self, view: str) -> None:
        """Make the session of a view that is there now.

        One whose page was loaded again says nothing, so the oldest are closed beyond `MOST`.
        """
        displays, self._displays = self._displays, []
        for display in displays:
            display.greet()
        if view not in self._sessions:
            for gone in list(self._sessions)[: 1 - MOST]:
                self._sessions.pop(gone).close()
            send = partial(self._send_line, view)
            self._sessions[view] = Session(
                self._facts, send, place="notebook", follower=self._follower
            )

    def _send_line(self, view: str, line: str) -> None:
        if self.comm is not None:
            self.send({"view": view, "line": line})

    def picture(self) -> str:
        """Return what it shows first, as HTML without script."""
        view = self._facts.seen.module(self._module) if self._module else self._facts.snapshot()
        return view._repr_html_()

    def _ipython_display_(self) -> None:
        bundle, _ = self._repr_mimebundle_() or ({}, {})
        self._displays.append(Display(bundle, self.picture))

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        found = super()._repr_mimebundle_(**options)
        if found is None:
            return None
        bundle, metadata = found
        return {**bundle, "text/html": self.picture(), "text/plain": repr(self)}, metadata

    def close(self) -> None:
        """Remove it from all pages, and end its sessions."""
        for session in list(self._sessions.values()):
            session.close()
        for display in self._displays:
            display.close()
        self._sessions, self._displays = {}, []
        self._displayed.remove(self)
        super().close()

    def __repr__(self) -> str:
        state = "closed" if self.comm is None else "open"
        return f"<Cockpit of {self._module or 'all modules'}, {state}>"


def _answer_at_once(widget: Cockpit) -> None:
    """Have what the front end sends arrive while a cell computes.

    ipykernel sends it to the shell that published last on the comm. For a widget that a cell made,
    that is the main shell, which is busy as long as the cell runs. JupyterLab names a subshell in
    each message; that is where it goes now.
    """
    if hasattr(widget.comm, "_reply_subshell_for"):
        widget.comm._reply_subshell_for = lambda _data, default: default
