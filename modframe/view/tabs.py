"""The tabs of the widget view: `ModuleTabs` for one module, `AllTabs` for everything.

They get each new snapshot and change only what differs, so that a field doesn't change while a
person types into it. Equal values send nothing to the browser.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import ipywidgets as w

from ..parts.service.methods import short_names
from ..runtime.calls.call import Call
from .entries import Entries, Entry
from .fields import read_field, route_fields
from .forms import Form, close_tree, html
from .results import answer_html, value_html
from .snapshot import ModuleView, Snapshot
from .tables import log_html, modules_html, nothing, overview_html, panel_html
from .verbs import Verbs

_OWN_TABS = frozenset({"method", "setting", "route"})
"""The nouns of panels that the overview leaves out, for a tab shows them."""


class AllTabs:
    """A row for every module, and the whole log tail."""

    def __init__(self) -> None:
        self.overview, self.log = html(), html()
        self.widget = w.Tab([self.overview, self.log], titles=("Overview", "Log"), selected_index=0)
        self.widget.add_class("mf-page")

    def update(self, snapshot: Snapshot) -> None:
        """Show this snapshot."""
        self.overview.value = modules_html(snapshot)
        self.log.value = log_html(snapshot.log)

    def close(self) -> None:
        """Close its widgets."""
        close_tree(self.widget)


class ModuleTabs:
    """One module: overview, services, settings, routes, log.

    Args:
        module_id: The module.
        verbs: What the buttons start.
        ended: Called when a run has ended.
    """

    def __init__(self, module_id: str, verbs: Verbs, *, ended: Callable[[], None]) -> None:
        self.module_id = module_id
        self._verbs, self._ended = verbs, ended
        self.overview, self.settings, self.log = html(), html(), html()
        self.services = Entries(self._method_form, empty="It has no service.")
        self.routes = Entries(self._route_form, empty="It has no routes.")
        self.widget = w.Tab(
            [self.overview, self.services.widget, self.settings, self.routes.widget, self.log],
            selected_index=0,
        )
        self.widget.add_class("mf-page")

    def update(self, snapshot: Snapshot) -> None:
        """Show this snapshot."""
        view = snapshot.module(self.module_id)
        if view is None:
            self.overview.value = nothing(f"{self.module_id} is not there any more.")
            view = ModuleView(self.module_id, "STOPPED")
        else:
            others = [panel for panel in view.panels if panel.noun not in _OWN_TABS]
            self.overview.value = overview_html(view, others)
        settings = next((panel for panel in view.panels if panel.noun == "setting"), None)
        self.services.update(list(_methods(view)))
        self.settings.value = panel_html(settings) if settings else nothing("It has no settings.")
        self.routes.update(list(_routes(view)))
        self.log.value = log_html(snapshot.log, module_id=self.module_id)
        self.widget.titles = (
            "Overview",
            _counted("Services", len(self.services)),
            _counted("Settings", len(settings.rows) if settings else 0),
            _counted("Routes", len(self.routes)),
            "Log",
        )

    def _method_form(self, entry: Entry) -> Form:
        service, name = entry.key

        def start(values: Mapping[str, Any]) -> Call[Any]:
            return self._verbs.call(service, name, values)

        return Form(
            entry.fields,
            start,
            render=value_html,
            about=entry.about,
            mask=self._verbs.mask,
            ended=self._ended,
        )

    def _route_form(self, entry: Entry) -> Form:
        method, path = entry.key

        def start(values: Mapping[str, Any]) -> Call[Any]:
            filled, query, body = path, {}, None
            for field in entry.fields:
                if field.place == "path":
                    filled = fill_path(filled, field.name, values[field.name])
                elif field.place == "query" and field.name in values:
                    query[field.name] = values[field.name]
                elif field.place == "body":
                    body = values.get(field.name)
            return self._verbs.request(method, filled, query, body)

        return Form(
            entry.fields,
            start,
            render=answer_html,
            verb="Send",
            about=entry.about,
            mask=self._verbs.mask,
            ended=self._ended,
        )

    def close(self) -> None:
        """Close its widgets."""
        self.services.close()
        self.routes.close()
        close_tree(self.widget)


def fill_path(path: str, name: str, value: str) -> str:
    """Put a value where a path has ``{name}`` or ``{name:convertor}``.

    >>> fill_path("/orders/{id:int}/lines", "id", "7")
    '/orders/7/lines'
    """
    head, brace, tail = path.partition(f"{{{name}")
    spec, _, rest = tail.partition("}")
    if not brace or (spec and not spec.startswith(":")):
        return path
    return f"{head}{quote(value, safe='/' if spec == ':path' else '')}{rest}"


def _methods(view: ModuleView) -> Iterator[Entry]:
    for service, about in view.parts.get("service", {}).items():
        for method in about["methods"]:
            yield Entry(
                (service, method["name"]),
                f"{method['name']}{short_names(method['signature'])}",
                method["description"],
                tuple(read_field(param) for param in method["params"]),
            )


def _routes(view: ModuleView) -> Iterator[Entry]:
    for route in view.routes:
        if route["kind"] == "http":
            method, path = route["method"], route["path"]
            yield Entry((method, path), f"{method} {path}", route["summary"], route_fields(route))


def _counted(title: str, count: int) -> str:
    return f"{title} {count}" if count else title
