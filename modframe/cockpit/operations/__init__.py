"""What a front end may ask: a file for each tab, dialog or part of one, and the table of it all.

An operation is a function of an `Ask` and of JSON-ready arguments by name, which are checked by
their annotations. It runs in a thread of its own, may block, and calls the verbs of the
`AppContext`, as a person does in a cell. What it returns is a `View`, which needs no
JavaScript, or other JSON-ready data, or a dataclass of such.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..asks import Operation
from . import (
    backups,
    data,
    errors,
    failing,
    graph,
    history,
    logs,
    modules,
    panels,
    routes,
    schema,
    services,
    settings,
    source,
)

_FILES = (backups, data, errors, failing, graph, history, logs, modules, panels, routes, schema,
          services, settings, source)  # fmt: skip
OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {name: operation for file in _FILES for name, operation in file.OPERATIONS.items()}
)
