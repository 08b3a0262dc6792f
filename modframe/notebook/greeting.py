"""What ``%load_ext modframe`` says: what is there, and what to do next.

In goes the process's app, if one runs; out come lines, without paths of the machine, because the
notebook is saved with them. The extension prints them.
"""

from __future__ import annotations

from collections.abc import Iterator

import modframe

from ..errors import ModframeError
from ..process import current_app
from ..source import find_modules
from ..source.workspace import look_for_workspace
from ..wording import count, some


def greeting() -> Iterator[str]:
    """Yield two or three lines."""
    app = current_app()
    if app is None:
        yield f"modframe {modframe.__version__} · {_workspace()}"
        yield "next: run a %%module cell, or write app to start what is there · %modframe help"
        return
    snapshot = app.snapshot()
    served = snapshot.url or "not served"
    yield f"modframe {modframe.__version__} · {snapshot.summary} · {served}"
    if failing := [view.id for view in snapshot.modules if view.error]:
        yield f"needs attention: {some(failing)} · %modframe status says why"
    yield "next: run a %%module cell, or app.inspect() to look around · %modframe help"


def _workspace() -> str:
    """Return the workspace by its name, and how many modules it has; or why there is none."""
    try:
        folder = look_for_workspace(None).folder
        modules = find_modules(folder / "modules")
    except ModframeError as error:
        return str(error)
    return f"workspace {folder.name!r} · {count(len(modules), 'module')} in it · not started"
