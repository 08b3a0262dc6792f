"""`Form`: inputs, a button, and the result. `Runner`: the button with its result.

`Field`s and the function that the button starts come in; ``widget`` goes out. Clicks arrive on any
thread, also while a cell runs, so a thread of its own starts the call, waits for it and shows the
result.
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
from ..masking import mask_urls
from ..runtime.calls.call import Call
from .fields import Field, collect
from .results import error_html

Start = Callable[[Mapping[str, Any]], Call[Any]]
Render = Callable[[Any, float], str]
_PICKERS = {"date": w.DatePicker, "datetime": w.NaiveDatetimePicker, "time": w.TimePicker}
_WIDE = {"width": "min(420px, 100%)"}


def html(value: str = "", *classes: str, width: str = "auto") -> w.HTML:
    """Make an HTML widget; ``value`` must be escaped already."""
    widget = w.HTML(value, layout=w.Layout(width=width, margin="0", flex="0 0 auto"))
    for name in classes:
        widget.add_class(name)
    return widget


class Form:
    """Inputs for fields above a `Runner`.

    Args:
        fields: The fields.
        start: Starts the call, with the values by field name.
        render: Makes HTML of the result and its duration in seconds.
        verb: The button's text.
        about: What the call does, as text.
        mask: Takes secrets out of what is shown of the result.
        ended: Called when a run has ended.
    """

    def __init__(
        self,
        fields: Sequence[Field],
        start: Start,
        *,
        render: Render,
        verb: str = "Run",
        about: str = "",
        mask: Callable[[str], str] = mask_urls,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self.fields = tuple(fields)
        self.inputs = {field.name: make_input(field) for field in self.fields}
        self._start = start
        self.runner = Runner(self._begin, render=render, verb=verb, mask=mask, ended=ended)
        rows: list[w.Widget] = [html(text(about), "mf-dim")] if about else []
        rows += [self._row(field) for field in self.fields]
        self.widget = w.VBox([*rows, *self.runner.widgets])
        self.widget.add_class("mf-form")

    def values(self) -> dict[str, Any]:
        """Return the values of the inputs.

        Raises:
            FormError: If a required one is empty, or a text is no JSON.
        """
        return collect(self.fields, {name: widget.value for name, widget in self.inputs.items()})

    def _begin(self) -> Call[Any]:
        """Start the call; what was typed as a secret is not kept, for a notebook saves inputs."""
        call = self._start(self.values())
        for field in self.fields:
            if field.kind == "secret":
                self.inputs[field.name].value = ""
        return call

    def _row(self, field: Field) -> w.Widget:
        star = "<span class='mf-bad-text' title='required'> *</span>" if field.required else ""
        about = f" <span class='mf-dim'>{text(field.about)}</span>" if field.about else ""
        name = html(f"{text(field.name)}{star}{about}", "mf-name", width="210px")
        return w.HBox([name, self.inputs[field.name]], layout=w.Layout(margin="2px 0"))


def make_input(field: Field) -> w.Widget:
    """Make the widget of a field; `collect` reads its ``value``."""
    if field.kind == "bool":
        return w.Checkbox(field.initial, indent=False, layout=w.Layout(width="auto"))
    if field.kind == "int":
        return w.IntText(field.initial, layout=w.Layout(width="140px"))
    if field.kind == "float":
        return w.FloatText(field.initial, layout=w.Layout(width="140px"))
    if field.kind == "choice":
        options = [(str(choice), choice) for choice in field.choices]
        if field.initial is None:
            options.insert(0, ("choose…", None))
        return w.Dropdown(options=options, value=field.initial, layout=w.Layout(width="auto"))
    if field.kind in _PICKERS:
        return _PICKERS[field.kind](value=field.initial, layout=w.Layout(width="auto"))
    layout = w.Layout(**_WIDE)
    if field.kind == "json":
        return w.Textarea(field.initial, placeholder=field.hint, rows=2, layout=layout)
    kind = w.Password if field.kind == "secret" else w.Text
    return kind(field.initial, placeholder=field.hint, layout=layout)


class Runner:
    """A button that starts a call, one at a time, and shows its result below.

    Args:
        start: Starts the call; its errors are shown like those of the call.
        render: Makes HTML of the result and its duration in seconds.
        verb: The button's text.
        mask: Takes secrets out of that HTML.
        ended: Called when a run has ended, also if it failed.
    """

    def __init__(
        self,
        start: Callable[[], Call[Any]],
        *,
        render: Render,
        verb: str,
        mask: Callable[[str], str],
        ended: Callable[[], None],
    ) -> None:
        self._start, self._render, self._mask, self.ended = start, render, mask, ended
        self._busy = threading.Lock()
        self._running: Call[Any] | None = None
        self._cancel_requested = threading.Event()
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
        # An empty context, so that what it prints goes to no cell.
        target = Context().run
        threading.Thread(target=target, args=(self._run,), name="modframe-run", daemon=True).start()

    def _cancelled(self, _: w.Button) -> None:
        self._cancel_requested.set()
        running = self._running
        if running is not None:
            running.cancel()

    def _run(self) -> None:
        try:
            self._cancel_requested.clear()
            self._show_running(running=True)
            result = self._mask(self._result_html())
            self._show_running(running=False)
            self.outcome.value = result
        finally:
            self._running = None
            self._busy.release()
        self.ended()

    def _result_html(self) -> str:
        """Run the call; return the result as HTML, and keep neither value nor error."""
        began = time.perf_counter()
        try:
            self._running = self._start()
            if self._cancel_requested.is_set():  # cancelled while it started
                self._running.cancel()
            began = time.perf_counter()
            value = self._running.result()
            return self._render(value, time.perf_counter() - began)
        except CancelledError:
            return "<div class='mf-busy'><b>cancelled</b></div>"
        except Exception as error:  # noqa: BLE001  # a view shows every failure
            took = time.perf_counter() - began if self._running is not None else None
            return error_html(error, took)

    def _show_running(self, *, running: bool) -> None:
        self.button.disabled = running
        self.cancel.layout.display = None if running else "none"
        if running:
            self.outcome.value = "<div class='mf-busy'><b>running…</b></div>"


def close_tree(widget: w.Widget) -> None:
    """Close a widget, its children, and the layout and style models that ipywidgets made."""
    for child in getattr(widget, "children", ()):
        close_tree(child)
    for name in ("layout", "style"):
        model = getattr(widget, name, None)
        if isinstance(model, w.Widget):
            model.close()
    widget.close()
