"""The public methods of a service class: what its handle offers, and documentation is held to."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Container, Iterator
from functools import partialmethod, singledispatchmethod
from typing import Any

HOOKS = frozenset(
    {
        "initialize",
        "activate",
        "dump_state",
        "load_state",
        "cleanup_resources",
        "force_cleanup",
        "check_health",
    }
)
"""What the framework calls; offered to callers only where a `ServiceMethod` documents it."""

_WRAPPED = (staticmethod, classmethod, partialmethod, singledispatchmethod)


def public_methods(cls: type, documented: Container[str] = ()) -> Iterator[tuple[str, Any]]:
    """The methods that a handle offers: public, callable, and not inherited from `object`."""
    for name in dir(cls):
        if name.startswith("_") or (name in HOOKS and name not in documented):
            continue
        if _is_method(_as_written(cls, name)):
            yield name, getattr(cls, name)


def _is_method(value: object) -> bool:
    """Whether what a class holds becomes a method of its instances, cached ones for example."""
    if inspect.isfunction(value) or isinstance(value, _WRAPPED):
        return True
    return callable(value) and not isinstance(value, type) and hasattr(type(value), "__get__")


def _as_written(cls: type, name: str) -> object:
    """What stands under a name in a class or its bases; `inspect.getattr_static` takes 20 times as
    long, and each swap asks for every method more than once.
    """
    return next((vars(one)[name] for one in cls.__mro__ if name in vars(one)), None)


def signature_text(method: Any) -> str:
    """A method's signature as views show it; never raises."""
    try:
        return str(inspect.signature(method))
    except Exception:  # noqa: BLE001  # a built-in has none; a default's __repr__ is the module's own
        return "(...)"


def signature_of(method: Any) -> inspect.Signature:
    """Return a method's signature; an empty one for a built-in that has none."""
    try:
        return inspect.signature(method)
    except (TypeError, ValueError):
        return inspect.Signature()


def type_hints(method: Any) -> dict[str, Any]:
    """Return the annotations of a method as types; none where one of them leads nowhere."""
    try:
        return typing.get_type_hints(inspect.unwrap(method), include_extras=True)
    except Exception:  # noqa: BLE001  # evaluating an annotation runs the author's text
        return {}
