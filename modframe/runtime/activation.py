"""What ``activate`` begins: it consumes from outside, and ends before a successor's begins.

The service part runs the hook inside `activation_of`; the tasks that it starts, and those they
start, are told by the context they inherit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_activating: ContextVar[str] = ContextVar("modframe_activating", default="")


@contextmanager
def activation_of(package_name: str) -> Iterator[None]:
    """What starts tasks in here starts consumers of a generation."""
    token = _activating.set(package_name)
    try:
        yield
    finally:
        _activating.reset(token)


def is_activating(package_name: str) -> bool:
    """Whether what runs here was begun by a generation's ``activate``."""
    return _activating.get() == package_name
