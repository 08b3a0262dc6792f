"""The public methods of a service class, which its handle offers.

Asked by handles, contracts, the reader and views.
"""

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
"""Methods that the framework calls; handles offer them only if a `ServiceMethod` documents them."""

_WRAPPED = (staticmethod, classmethod, partialmethod, singledispatchmethod)


def public_methods(cls: type, documented: Container[str] = ()) -> Iterator[tuple[str, Any]]:
    """Yield name and function of each method that a handle offers; hooks only if documented."""
    for name in dir(cls):
        if name.startswith("_") or (name in HOOKS and name not in documented):
            continue
        if _is_method(_static_attribute(cls, name)):
            yield name, getattr(cls, name)


def _is_method(value: object) -> bool:
    """Return whether an attribute of a class is a method of its instances, or wraps one."""
    if inspect.isfunction(value) or isinstance(value, _WRAPPED):
        return True
    return callable(value) and not isinstance(value, type) and hasattr(type(value), "__get__")


def _static_attribute(cls: type, name: str) -> object:
    """Return an attribute of a class without calling descriptors.

    `inspect.getattr_static` takes 20 times as long, and each swap asks for every method repeatedly.
    """
    return next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)


def signature_text(method: Any) -> str:
    """Return a method's signature as views show it; ``(...)`` if it has none."""
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
    """Return the annotations of a method as types; empty if one of them can't be resolved."""
    try:
        return typing.get_type_hints(inspect.unwrap(method), include_extras=True)
    except Exception:  # noqa: BLE001  # evaluating an annotation runs the author's text
        return {}
