"""`Inspector`: what ``app.inspect()`` returns, an ipywidgets view of everything or of one module.

A function that returns the snapshot, and the verbs for the buttons, come in. The view draws from
the snapshot alone and keeps nothing else, so that it keeps no generation alive. Callbacks arrive on
other threads while a cell runs; they wait for no cell and use none of its variables.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets as w

from ..errors import NotRunningError
from .forms import close_tree, html
from .refresh import Refresher
from .snapshot import Snapshot
from .stylesheet import ROOT_CLASS, STYLE
from .tables import head_html, label_of
from .tabs import AllTabs, ModuleTabs
from .verbs import Verbs


class Inspector:
    """The view. It follows every change by itself from when it is displayed until `close`.

    Args:
        snapshot: Returns what runs, from any thread, without waiting.
        verbs: What the buttons start.
        refresher: Keeps the view up to date once it is displayed.
        module_id: The only module to show; by default all, with a list to choose from.
    """

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        verbs: Verbs,
        *,
        refresher: Refresher,
        module_id: str | None = None,
    ) -> None:
        self._take, self._verbs, self._refresher = snapshot, verbs, refresher
        self._module_id = module_id
        self._lock = threading.RLock()
        self._seen: Snapshot | None = None
        self._note = ""
        self._closed = False
        self._root: w.VBox | None = None
        self._pages: dict[str | None, AllTabs | ModuleTabs] = {}
        self._cells: set[str] = set()

    # -- the tree -------------------------------------------------------------------------

    @property
    def widget(self) -> w.VBox:
        """The ipywidgets tree, for placing it elsewhere; made on first use."""
        with self._lock:
            if self._root is None:
                self._build()
            return self._root

    def _build(self) -> None:
        self._head = html("", "mf-head")
        self._list = w.Select(options=[("All modules", None)], layout=w.Layout(width="210px"))
        self._list.add_class("mf-list")
        self._list.observe(lambda _: self._chosen(), "value")
        self._body = w.HBox(layout=w.Layout(align_items="stretch", margin="0"))
        self._root = w.VBox([html(STYLE), self._head, self._body])
        self._root.add_class(ROOT_CLASS)
        self._show(self._take())

    def page(self, module_id: str | None = None) -> AllTabs | ModuleTabs:
        """Return the tabs of a module, or those of all; made when they are first asked for."""
        with self._lock:
            if module_id not in self._pages:
                page = AllTabs() if module_id is None else ModuleTabs(
                    module_id, self._verbs, ended=self._refresher.wake
                )  # fmt: skip
                self._pages[module_id] = page
                if self._seen is not None:
                    page.update(self._seen)
            return self._pages[module_id]

    def _chosen(self) -> None:
        with self._lock:
            try:
                self._place()
            except Exception as error:  # noqa: BLE001  # shown in the view, or it would be lost
                self._show_error(error)

    def _place(self) -> None:
        chosen = self._module_id or self._list.value
        page = self.page(chosen)
        parts = (page.widget,) if self._module_id else (self._list, page.widget)
        if self._body.children != parts:
            self._body.children = parts

    # -- following ------------------------------------------------------------------------

    def refresh(self) -> bool:
        """Show the present state; return false once the view is closed or the app has stopped."""
        with self._lock:
            if self._closed or self._root is None:
                return False
            try:
                self._show(self._take())
                return True
            except NotRunningError as error:
                self._show_error(error)
                return False
            except Exception as error:  # noqa: BLE001  # shown in the view, which tries again
                self._show_error(error)
                return True

    def _show(self, snapshot: Snapshot) -> None:
        timeless = replace(snapshot, time="")
        if timeless == self._seen and not self._note:
            return
        self._seen, self._note = timeless, ""
        self._head.value = head_html(snapshot, module_id=self._module_id)
        if self._module_id is None:
            self._update_list(snapshot)
        known = {None, self._module_id, *(view.id for view in snapshot.modules)}
        for key in [key for key in self._pages if key not in known]:
            self._pages.pop(key).close()
        for page in self._pages.values():
            page.update(snapshot)
        self._place()

    def _update_list(self, snapshot: Snapshot) -> None:
        options = (("All modules", None), *((label_of(view), view.id) for view in snapshot.modules))
        if options != tuple(self._list.options):
            chosen = self._list.value
            known = [value for _, value in options]
            # One message for both, because in between nothing is chosen and the page would flash.
            with self._list.hold_sync(), self._list.hold_trait_notifications():
                self._list.options = options
                self._list.value = chosen if chosen in known else None
        self._list.rows = min(max(len(options), 6), 24)

    def _show_error(self, error: Exception) -> None:
        self._note = f"{type(error).__name__}: {error}"
        if self._seen is not None:
            self._head.value = head_html(self._seen, module_id=self._module_id, note=self._note)

    def pause(self) -> None:
        """Show that the view stays as it is from now on."""
        self._show_error(NotRunningError("not followed any more", cure="run its cell again"))

    # -- display --------------------------------------------------------------------------

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = dict(self.widget._repr_mimebundle_(**options))
        bundle["text/plain"] = repr(self)
        bundle["text/html"] = self._repr_html_()
        self._replace_earlier(*_this_cell())
        self._refresher.follow(self)
        return bundle

    def _repr_html_(self) -> str:
        return self._take()._repr_html_()

    def _replace_earlier(self, cell_id: str, run: str) -> None:
        """Close the view that an earlier run of this cell displayed."""
        if not cell_id:
            return
        in_cells = self._refresher.in_cells
        before, earlier = in_cells.get(cell_id, ("", self))
        in_cells[cell_id] = (run, self)
        self._cells.add(cell_id)
        if isinstance(earlier, Inspector) and earlier is not self and before != run:
            earlier._cells.discard(cell_id)
            if not earlier._cells:
                earlier.close()

    def close(self) -> None:
        """Remove it from the page and release its widgets."""
        self._refresher.leave(self)
        for cell_id in self._cells:
            if self._refresher.in_cells.get(cell_id, ("", None))[1] is self:
                del self._refresher.in_cells[cell_id]
        with self._lock:
            self._closed = True
            for page in self._pages.values():
                page.close()
            self._pages.clear()
            if self._root is not None:
                close_tree(self._root)
                close_tree(self._list)

    def __repr__(self) -> str:
        what = self._module_id or "all modules"
        state = "closed" if self._closed else "displayed" if self._root else "not displayed yet"
        return f"<Inspector of {what}, {state}>"


def _this_cell() -> tuple[str, str]:
    """Return the id of the cell that runs and of its run; empty outside a kernel."""
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    parent = kernel.get_parent("shell") if kernel is not None else {}
    return (
        str(parent.get("metadata", {}).get("cellId", "")),
        str(parent.get("header", {}).get("msg_id", "")),
    )
