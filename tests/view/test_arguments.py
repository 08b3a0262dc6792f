"""`fit`: plain values become what a method's annotations want."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from modframe.errors import FormError
from modframe.view.arguments import Arguments


class Colour(enum.Enum):
    """An Enum of a module's."""

    RED = "red"


@dataclass
class Order:
    """A dataclass of a module's."""

    item: str
    amount: int = 1


def method(number: int, /, order: Order, *, colour: Colour = Colour.RED, day: Any = None) -> None:
    """Takes one of each kind."""


def test_values_fit_their_annotations() -> None:
    """A dictionary becomes a dataclass, a text an Enum's member, a positional one has its place."""
    args, named = Arguments(method).fit({"number": 3, "order": {"item": "tea"}, "colour": "red"})
    assert args == [3]
    assert named == {"order": Order("tea"), "colour": Colour.RED}


def test_what_does_not_fit_is_named() -> None:
    """The error says which value, and what is wrong with it, but not the value itself."""
    with pytest.raises(FormError, match="'order' does not fit: amount: Input should be") as caught:
        Arguments(method).fit({"order": {"item": "tea", "amount": "secret"}})
    assert "secret" not in str(caught.value)


def test_annotations_that_lead_nowhere_change_nothing() -> None:
    """Where the hints can't be read, the values go as they came."""

    def odd(day: date) -> None: ...

    odd.__annotations__["day"] = "Nowhere"
    assert Arguments(odd).fit({"day": "2024-01-01"}) == ([], {"day": "2024-01-01"})
