"""`Cockpit`: what ``app.inspect()`` returns, the front end as an ipywidget in a notebook.

A `Session` and the custom messages of the widget's comm are joined here. No state is kept in
traits, for they are saved into the notebook: only what to show first.
"""

from __future__ import annotations

from contextvars import Context
from typing import Any

import anywidget
import traitlets

from .bundle import front_end
from .displayed import Cell, Display, Displayed
from .facts import Facts
from .follow import Follower
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
        self._module, self._facts, self._displayed = module, facts, displayed
        self._session = Session(facts, self._send_line, place="notebook", follower=follower)
        self._displays: list[Display] = []
        cell = Cell.here()
        super().__init__(shown={"module": module, "tab": tab, "key": cell.id})
        _answer_at_once(self)
        self.on_msg(self._received)
        displayed.put(cell, self)

    def _received(self, _widget: object, content: Any, _buffers: object) -> None:
        if not isinstance(content, dict):
            return
        if content.get("op") == "hello":
            for display in self._displays:
                display.greet()
        # An empty context, so that nothing prints into the cell that displayed the widget.
        Context().run(self._session.receive, content)

    def _send_line(self, line: str) -> None:
        self.send({"line": line})
        _answer_at_once(self)

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
        """Remove it from the page, and tell it nothing any more."""
        self._session.close()
        self._displayed.remove(self)
        super().close()

    def __repr__(self) -> str:
        state = "closed" if self.comm is None else "open"
        return f"<Cockpit of {self._module or 'all modules'}, {state}>"


def _answer_at_once(widget: Cockpit) -> None:
    """Have what the front end sends arrive while a cell computes.

    ipykernel sends it to the shell that published last on the comm. For a widget that a cell made,
    that is the main shell, which is busy as long as the cell runs.
    """
    kept: dict[str, Any] = getattr(widget.comm, "__dict__", {})
    kept.pop("_reply_subshell_id", None)
