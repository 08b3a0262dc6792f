"""The signatures that views show: quick for small methods, and always the ones of `inspect`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from modframe.load.methods import signature_of, signature_text


def decorated(method: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a method as decorators do."""

    @functools.wraps(method)
    def wrapper(self: Any) -> Any:
        return method(self, 1)

    return wrapper


class Repr:
    """A default whose repr fails."""

    def __repr__(self) -> str:
        raise RuntimeError


class Service:
    """Methods of each kind."""

    def nothing(self): ...  # type: ignore[no-untyped-def]

    def returns(self) -> int: ...  # type: ignore[empty-body]

    def only(self, /) -> list[str]: ...  # type: ignore[empty-body]

    def takes(self, a: int, b: str = "x", *, c: bool = False) -> None: ...

    def stars(self, *args: int) -> None: ...

    def words(self, **options: int) -> None: ...

    def keyword(self, *, flag: bool) -> None: ...

    async def stream(self):  # type: ignore[no-untyped-def]
        yield 1

    @classmethod
    def of_class(cls) -> None: ...

    @staticmethod
    def static(one: int) -> None: ...

    @decorated
    def wrapped(self, one: int) -> None: ...

    def half(self, one: int, two: int) -> None: ...

    other_half = functools.partialmethod(half, 1)

    def renamed(self) -> None: ...

    renamed.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter("me", inspect.Parameter.POSITIONAL_ONLY)]
    )


@pytest.mark.parametrize("name", [name for name in dir(Service) if not name.startswith("_")])
def test_it_is_the_signature_of_inspect(name: str) -> None:
    """No kind of method has another signature than `inspect` gives it."""
    method = getattr(Service(), name)
    assert signature_of(method) == inspect.signature(method)
    assert signature_text(signature_of(method)) == str(inspect.signature(method))


def test_without_a_signature_there_is_a_text() -> None:
    """Built-ins without one, functions that take no ``self``, and a repr that fails."""

    def no_self() -> None: ...

    def odd(it: Repr = Repr()) -> None: ...  # noqa: B008

    assert signature_of(no_self.__get__(Service())) is None
    assert signature_of(type) is None
    assert signature_text(None) == "(...)"
    assert signature_text(signature_of(odd)) == "(...)"
