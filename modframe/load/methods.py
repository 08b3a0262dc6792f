"""The public methods of a service class, which its handle offers.

Asked by handles, contracts, the reader and views.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Container, Iterator
from functools import partialmethod, singledispatchmethod
from types import FunctionType, MethodType
from typing import Any

from ..masking import MASK, is_one_secret

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

_OVERRIDES = ("__wrapped__", "__signature__", "_partialmethod", "__partialmethod__")
"""Attributes that give a function another signature than its code has."""
_WRAPPED = (staticmethod, classmethod, partialmethod, singledispatchmethod)


def public_methods(cls: type, documented: Container[str] = ()) -> Iterator[tuple[str, Any]]:
    """Yield name and function of each method that a handle offers; hooks only if documented."""
    attributes: dict[str, Any] = {}  # `inspect.getattr_static` takes 20 times as long
    for base in reversed(cls.__mro__[:-1]):  # `object` has no public name
        attributes |= vars(base)
    for name in sorted(attributes):
        if name.startswith("_") or (name in HOOKS and name not in documented):
            continue
        if _is_method(attributes[name]):
            yield name, getattr(cls, name)


def _is_method(value: object) -> bool:
    """Return whether an attribute of a class is a method of its instances, or wraps one."""
    if inspect.isfunction(value) or isinstance(value, _WRAPPED):
        return True
    return callable(value) and not isinstance(value, type) and hasattr(type(value), "__get__")


def signature_text(signature: inspect.Signature | None) -> str:
    """Return a signature as views show it, defaults of secrets masked; ``(...)`` for ``None``."""
    try:
        return str(_without_secrets(signature)) if signature is not None else "(...)"
    except Exception:  # noqa: BLE001  # the __repr__ of a default is the module's own
        return "(...)"


def _without_secrets(signature: inspect.Signature) -> inspect.Signature:
    """Return a signature in which no default is a secret."""
    if not signature.parameters:
        return signature
    shown = [
        parameter.replace(default=MASK) if is_one_secret(parameter.default, name) else parameter
        for name, parameter in signature.parameters.items()
    ]
    same = all(one is signature.parameters[one.name] for one in shown)
    return signature if same else signature.replace(parameters=shown)


def signature_of(method: Any) -> inspect.Signature | None:
    """Return a method's signature; ``None`` if it has none, as some built-ins, or none to read."""
    try:
        if _takes_only_self(method):
            returns = method.__annotations__.get("return", inspect.Signature.empty)
            return inspect.Signature(return_annotation=returns)
        return inspect.signature(method)
    except Exception:  # noqa: BLE001  # an author's wrapper or annotation may raise
        return None


def takes(signature: inspect.Signature, /, *args: Any, **kwargs: Any) -> bool:
    """Return whether a function of a signature can be called with these arguments."""
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        return False
    return True


def names_of_parameters(cls: type) -> tuple[Container[str], bool]:
    """Return the names that a constructor takes by name, and whether it takes any other too."""
    function = cls.__init__  # type: ignore[misc]  # only looked at
    if type(function) is FunctionType and function.__dict__.keys().isdisjoint(_OVERRIDES):
        code = function.__code__
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        return names, bool(code.co_flags & inspect.CO_VARKEYWORDS)
    try:
        parameters = inspect.signature(cls).parameters
    except (TypeError, ValueError):  # a built-in has none
        return (), False
    kinds = [parameter.kind for parameter in parameters.values()]
    return parameters, inspect.Parameter.VAR_KEYWORD in kinds


def _takes_only_self(method: Any) -> bool:
    """Return whether a bound method is a plain function that has no other parameter.

    `inspect.signature` gives the same answer in ten times the time.
    """
    function = method.__func__ if type(method) is MethodType else None
    if type(function) is not FunctionType or not function.__dict__.keys().isdisjoint(_OVERRIDES):
        return False
    code = function.__code__
    stars = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    return code.co_argcount == 1 and not code.co_kwonlyargcount and not stars


def type_hints(method: Any) -> dict[str, Any]:
    """Return the annotations of a method as types; empty if one of them can't be resolved."""
    try:
        return typing.get_type_hints(inspect.unwrap(method), include_extras=True)
    except Exception:  # noqa: BLE001  # evaluating an annotation runs the author's text
        return {}
