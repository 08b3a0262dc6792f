"""`undisturbed`: the process as it was, whatever pytest and the tests in it did to it.

The trial holds it around a run, also around one that has to be left behind on its thread.
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
def undisturbed() -> Iterator[None]:
    """Put back what a run of pytest changes in its process."""
    from _pytest.assertion import util
    from _pytest.mark.structures import MARK_GEN

    # What pytest keeps of the session in its own modules; an outer run of it goes on afterwards.
    private: list[tuple[Any, str]] = [
        (util, "_reprcompare"),
        (util, "_assertion_pass"),
        (util, "_config"),
        (MARK_GEN, "_config"),
        # Not by `catch_warnings`: a run that is left behind would bring back its copy at its end.
        *((warnings, name) for name in ("filters", "showwarning", "_showwarnmsg_impl")),
        *((sys, name) for name in _LAST),
    ]
    kept = [(owner, name, getattr(owner, name, _ABSENT)) for owner, name in private]
    path, folder = list(sys.path), _folder()
    environment = {name: one for name, one in os.environ.items() if name.startswith("PYTEST_")}
    handlers = list(logging.getLogger().handlers)
    resolve = pkgutil.resolve_name
    pkgutil.resolve_name = _resolving(resolve)  # type: ignore[assignment]  # mock.patch("modules.standard.orders.api.rate")
    try:
        yield
    finally:
        pkgutil.resolve_name = resolve
        for owner, name, value in kept:
            _put(owner, name, value)
        sys.path[:] = path
        if folder and _folder() != folder:
            os.chdir(folder)
        for name in [one for one in os.environ if one.startswith("PYTEST_")]:
            if name not in environment:
                del os.environ[name]
        os.environ.update(environment)
        for handler in set(logging.getLogger().handlers) - set(handlers):
            if type(handler).__module__.startswith("_pytest"):
                logging.getLogger().removeHandler(handler)


def let_names_mean(lookup: Callable[[str], Any]) -> None:
    """In this context, let names of modules in texts lead to what is under test, not to Live."""
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
        return os.getcwd()  # noqa: PTH109  # put back as text
    except OSError:  # it was deleted
        return ""


def _put(owner: Any, name: str, value: Any) -> None:
    if value is not _ABSENT:
        setattr(owner, name, value)
    elif hasattr(owner, name):
        delattr(owner, name)
