"""The prefixes of a module's routes: those that it declares, else `/api/v1/<name>` from its id.

Called by the web part, the dispatcher and the server's pages. The names `core` and `extensions` are
reserved, so that a default prefix belongs to one module. A prefix has no slash at its end, so that
of the root is the empty text.
"""

from __future__ import annotations

from collections.abc import Sequence

PART = "web"
"""The name of the part whose `prefixes` a generation has."""
API_PREFIX = "/api/v1/"
_START = len(API_PREFIX)
_TYPES = frozenset({"core", "extensions"})


def prefix_of(module_id: str) -> str:
    """Return the path below which a module is served, without a slash at the end.

    >>> prefix_of("standard.orders"), prefix_of("core.settings")
    ('/api/v1/orders', '/api/v1/core/settings')
    """
    kind, _, name = module_id.partition(".")
    return f"{API_PREFIX}{name}" if kind == "standard" else f"{API_PREFIX}{kind}/{name}"


def prefixes_of(module_id: str, paths: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the prefixes of a module that declares these paths; the first one is the main one.

    >>> prefixes_of("standard.orders"), prefixes_of("standard.web", ["/", "/web"])
    (('/api/v1/orders',), ('', '/web'))
    """
    return tuple(path.rstrip("/") for path in paths) or (prefix_of(module_id),)


def module_id_at(path: str) -> str | None:
    """Return the id of the module that a path belongs to; ``None`` for paths outside the API.

    >>> module_id_at("/api/v1/orders/7"), module_id_at("/api/v1/core/settings")
    ('standard.orders', 'core.settings')
    >>> module_id_at("/docs")
    """
    if not path.startswith(API_PREFIX):
        return None
    end = path.find("/", _START)
    name = path[_START:] if end < 0 else path[_START:end]
    if name not in _TYPES:
        return "standard." + name
    if end < 0:
        return name + "."
    start = end + 1
    end = path.find("/", start)
    return f"{name}.{path[start:] if end < 0 else path[start:end]}"
