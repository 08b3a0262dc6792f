"""`read_paths`: where a module says that its routes live, checked path by path.

The reader calls it; ``@module(path=...)`` or ``MODULE_PATH`` on the class says it. The web part
makes the prefixes of the routes of it; a module that says nothing has the default one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .class_facts import ClassFacts, Findings

SYSTEM_PATHS = ("/health", "/docs", "/openapi.json", "/metrics", "/mcp", "/modframe")
"""The system's own pages; a module can't live at one of them or below."""
_ODD = re.compile(r"[^\w\-.~!$&'()*+,;=:@/]", re.ASCII)
"""A character that a path can't have as it stands."""
_CONSTANT = "MODULE_PATH"
_EXAMPLE = "write it as '/api/users': from the root, without a slash at the end"


def read_paths(cls: type, facts: ClassFacts, findings: Findings) -> tuple[str, ...]:
    """Return the paths that a module gives, in its order; the first one is the main one.

    Each fault is added to ``findings``, at the decorator or constant that has the value.
    """
    value, fact = facts.arguments("module").get("path"), facts.get("module")
    what, at = "path", fact or _CONSTANT
    if value is None:
        value, what, at = getattr(cls, _CONSTANT, ()), _CONSTANT, _CONSTANT
    paths = (value,) if isinstance(value, str) else value
    if not isinstance(paths, list | tuple) or not all(isinstance(path, str) for path in paths):
        findings.add(
            "module-path",
            f"{what} is {value!r}, and has to be a path as text, or several in a tuple",
            f'write {what} = ("/api/user", "/api/users")',
            at=at,
        )
        return ()
    faulty = False
    for path, (fault, cure) in _faults(paths):
        faulty = True
        findings.add("module-path", f"the path {path!r} {fault}", cure, at=at)
    return () if faulty else tuple(paths)


def _faults(paths: Sequence[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    for number, path in enumerate(paths):
        if fault := _fault(path):
            yield path, fault
        elif path in paths[:number]:
            yield path, ("stands there twice", "take one of them out")


def _fault(path: str) -> tuple[str, str] | None:
    """Return what is wrong with a path, and the cure; ``None`` for a sound one."""
    if not path.startswith("/"):
        return "has no slash before it", f"write '/{path.strip('/')}'" if path else _EXAMPLE
    if path == "/":
        return None
    if "{" in path or "}" in path:
        return (
            "has a parameter, and all routes of a module live below one place",
            "put the parameter into the paths of the routes: @router.get('/{name}')",
        )
    if "?" in path or "#" in path:
        return "has a query or fragment", f"write '{re.split('[?#]', path)[0]}'"
    if odd := _ODD.search(path):
        return f"has {odd.group()!r} in it, which paths can't have", _EXAMPLE
    if path.endswith("/"):
        return "has a slash at the end", f"write '{path.rstrip('/') or '/'}'"
    segments = path.split("/")[1:]
    if "" in segments:
        return "has two slashes side by side", f"write '{re.sub('/+', '/', path)}'"
    if "." in segments or ".." in segments:
        return "has a '.' or '..' in it, which clients resolve themselves", _EXAMPLE
    if f"/{segments[0]}" in SYSTEM_PATHS:
        return (
            f"belongs to modframe's own page /{segments[0]}",
            f"take another one, such as '/api{path}'",
        )
    return None
