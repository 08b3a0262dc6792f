"""`Form`: inputs, a button, and what came of it. `Runner` is the button with its outcome.

In go `Field`s and the verb that the button is given; the widgets it makes are its ``widget``.
Clicks arrive on any thread, while a cell runs too: nothing here waits but a thread of its own,
which starts the call, waits for it and shows the outcome.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextvars import Context
from typing import Any

import ipywidgets as w

from ..html import text
from .fields import Field, collect
from .results import error_html
from .verbs import Running

Start = Callable[[Mapping[str, Any]], Running]
Render = Callable[[Any, float], str]
_PICKERS = {"date": w.DatePicker, "datetime": w.NaiveDatetimePicker, "time": w.TimePicker}
_WIDE = {"width": "min(420px, 100%)"}


def html(value: str = "", *classes: str, width: str = "auto") -> w.HTML:
    """An HTML widget; what goes in is escaped already."""
    made = w.HTML(value, layout=w.Layout(width=width, margin="0", flex="0 0 auto"))
    for name in classes:
        made.add_class(name)
    return made


class Form:
    """Inputs for some fields over a `Runner`.

    Args:
        fields: The inputs.
        start: The verb; is given the values by field name.
        render: What came back and how long it took → HTML.
        verb: The button's text.
        about: What it does, as text.
        ended: Told when a run has ended.
    """

    def __init__(
        self,
        fields: Sequence[Field],
        start: Start,
        *,
        render: Render,
        verb: str = "Run",
        about: str = "",
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self.fields = tuple(fields)
        self.inputs = {field.name: make_input(field) for field in self.fields}
        self.runner = Runner(lambda: start(self.values()), render=render, verb=verb, ended=ended)
        rows: list[w.Widget] = [html(text(about), "mf-dim")] if about else []
        rows += [self._row(field) for field in self.fields]
        self.widget = w.VBox([*rows, *self.runner.widgets])
        self.widget.add_class("mf-form")

    def values(self) -> dict[str, Any]:
        """What would be sent now.

        Raises:
            FormError: If something is missing, or is no JSON.
        """
        return collect(self.fields, {name: one.value for name, one in self.inputs.items()})

    def _row(self, field: Field) -> w.Widget:
        star = "<span class='mf-bad-text' title='required'> *</span>" if field.required else ""
        about = f" <span class='mf-dim'>{text(field.about)}</span>" if field.about else ""
        name = html(f"{text(field.name)}{star}{about}", "mf-name", width="210px")
        return w.HBox([name, self.inputs[field.name]], layout=w.Layout(margin="2px 0"))


def make_input(field: Field) -> w.Widget:
    """The widget for a field; its ``value`` is what `collect` reads."""
    if field.kind == "bool":
        return w.Checkbox(field.initial, indent=False, layout=w.Layout(width="auto"))
    if field.kind == "int":
        return w.IntText(field.initial, layout=w.Layout(width="140px"))
    if field.kind == "float":
        return w.FloatText(field.initial, layout=w.Layout(width="140px"))
    if field.kind == "choice":
        options = [(str(one), one) for one in field.choices]
        if field.initial is None:
            options.insert(0, ("choose…", None))
        return w.Dropdown(options=options, value=field.initial, layout=w.Layout(width="auto"))
    if field.kind in _PICKERS:
        return _PICKERS[field.kind](value=field.initial, layout=w.Layout(width="auto"))
    layout = w.Layout(**_WIDE)
    if field.kind == "json":
        return w.Textarea(field.initial, placeholder=field.hint, rows=2, layout=layout)
    made = w.Password if field.kind == "secret" else w.Text
    return made(field.initial, placeholder=field.hint, layout=layout)


class Runner:
    """A button that starts something, one at a time, and shows its outcome below.

    Args:
        start: Starts it; its errors are shown like those of the call.
        render: What came back and how long it took → HTML.
        verb: The button's text.
        ended: Told when it has ended, with whatever outcome.
    """

    def __init__(
        self,
        start: Callable[[], Running],
        *,
        render: Render,
        verb: str,
        ended: Callable[[], None],
    ) -> None:
        self._start, self._render, self.ended = start, render, ended
        self._busy = threading.Lock()
        self._running: Running | None = None
        self._unwanted = threading.Event()
        self.button = w.Button(
            description=verb, button_style="primary", layout=w.Layout(width="auto", margin="0")
        )
        self.cancel = w.Button(
            description="Cancel", layout=w.Layout(width="auto", display="none", margin="0 0 0 6px")
        )
        self.outcome = html()
        self.button.on_click(self._clicked)
        self.cancel.on_click(self._cancelled)
        buttons = w.HBox([self.button, self.cancel], layout=w.Layout(margin="4px 0"))
        self.widgets = (buttons, self.outcome)

    def _clicked(self, _: w.Button) -> None:
        if not self._busy.acquire(blocking=False):
            return
        # An empty context: what it does belongs to no cell.
        target = Context().run
        threading.Thread(target=target, args=(self._run,), name="modframe-run", daemon=True).start()

    def _cancelled(self, _: w.Button) -> None:
        self._unwanted.set()
        running = self._running
        if running is not None:
            running.cancel()

    def _run(self) -> None:
        try:
            self._unwanted.clear()
            self._show_running(running=True)
            shown = self._shown()
            self._show_running(running=False)
            self.outcome.value = shown
        finally:
            self._running = None
            self._busy.release()
        self.ended()

    def _shown(self) -> str:
        """The outcome as HTML; the value and the error are let go, for they keep what made them."""
        began = time.perf_counter()
        try:
            self._running = self._start()
            if self._unwanted.is_set():  # cancelled while it started
                self._running.cancel()
            began = time.perf_counter()
            value = self._running.result()
            return self._render(value, time.perf_counter() - began)
        except CancelledError:
            return "<div class='mf-busy'><b>cancelled</b></div>"
        except Exception as error:  # noqa: BLE001  # a view shows failures, whoever's they are
            took = time.perf_counter() - began if self._running is not None else None
            return error_html(error, took)

    def _show_running(self, *, running: bool) -> None:
        self.button.disabled = running
        self.cancel.layout.display = None if running else "none"
        if running:
            self.outcome.value = "<div class='mf-busy'><b>running…</b></div>"


def close_tree(widget: w.Widget) -> None:
    """Close a widget, its children, and the layout and style models that ipywidgets gave them."""
    for child in getattr(widget, "children", ()):
        close_tree(child)
    for name in ("layout", "style"):
        model = getattr(widget, name, None)
        if isinstance(model, w.Widget):
            model.close()
    widget.close()
