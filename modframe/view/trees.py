"""`close_tree`: close a widget with all below it, so that neither kernel nor page keeps any."""

from __future__ import annotations

import ipywidgets as w


def close_tree(widget: w.Widget) -> None:
    """Close a widget, its children, and the layout and style models that ipywidgets gave them."""
    for child in getattr(widget, "children", ()):
        close_tree(child)
    for name in ("layout", "style"):
        model = getattr(widget, name, None)
        if isinstance(model, w.Widget):
            model.close()
    widget.close()
