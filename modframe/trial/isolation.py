"""`process_restored`: puts back what pytest and its tests change in the process.

The trial enters it around a run, also around one that is left behind on its thread.
"""

from __future__ import annotations

import logging
import os
import pkgutil
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from .subject import names_a_module

_lookup: ContextVar[Callable[[str], Any] | None] = ContextVar("modframe_under_test", default=None)
_LAST = ("last_type", "last_value", "last_traceback", "last_exc")
_ABSENT: Any = object()


@contextmanager
def process_restored() -> Iterator[None]:
    """Restore at the end what a run of pytest changes in its process."""
    from _pytest.assertion import util
    from _pytest.mark.structures import MARK_GEN

    # Global state in pytest's own modules; an outer run of pytest needs it afterwards.
    private: list[tuple[Any, str]] = [
        (util, "_reprcompare"),
        (util, "_assertion_pass"),
        (util, "_config"),
        (MARK_GEN, "_config"),
        # Not by `catch_warnings`: a run that is left behind would restore its own copy at its end.
        *((warnings, name) for name in ("filters", "showwarning", "_showwarnmsg_impl")),
        *((sys, name) for name in _LAST),
    ]
    saved = [(owner, name, getattr(owner, name, _ABSENT)) for owner, name in private]
    path, folder = list(sys.path), _folder()
    environment = {name: value for name, value in os.environ.items() if name.startswith("PYTEST_")}
    handlers = list(logging.getLogger().handlers)
    resolve = pkgutil.resolve_name
    pkgutil.resolve_name = _resolving(resolve)  # type: ignore[assignment]  # mock.patch("modules.standard.orders.api.rate")
    try:
        yield
    finally:
        pkgutil.resolve_name = resolve
        for owner, name, value in saved:
            _restore(owner, name, value)
        sys.path[:] = path
        if folder and _folder() != folder:
            os.chdir(folder)
        for name in [name for name in os.environ if name.startswith("PYTEST_")]:
            if name not in environment:
                del os.environ[name]
        os.environ.update(environment)
        for handler in set(logging.getLogger().handlers) - set(handlers):
            if type(handler).__module__.startswith("_pytest"):
                logging.getLogger().removeHandler(handler)


def resolve_names_with(lookup: Callable[[str], Any]) -> None:
    """Let plain names of modules in texts lead to what is under test, in this context."""
    _lookup.set(lookup)


def _resolving(resolve: Callable[[str], Any]) -> Callable[[str], Any]:
    def resolve_name(name: str) -> Any:
        lookup = _lookup.get()
        if lookup is not None and names_a_module(name):
            return lookup(name)
        return resolve(name)

    return resolve_name


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109  # restored as text
    except OSError:  # it was deleted
        return ""


def _restore(owner: Any, name: str, value: Any) -> None:
    if value is not _ABSENT:
        setattr(owner, name, value)
    elif hasattr(owner, name):
        delattr(owner, name)
