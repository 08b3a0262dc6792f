"""`extra=` may hold anything: no secret leaks, nothing fails, no object is kept alive."""

import gc
import json
import weakref
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr

from modframe.observe.values import plain, quote


class Colour(StrEnum):
    RED = "red"


class Account(BaseModel):
    name: str
    password: SecretStr


@dataclass
class Login:
    account: Account
    hidden: str = field(default="x", repr=False)


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Colour.RED, "red"),
        (float("nan"), "nan"),
        pytest.param(10**5000, hex(10**5000), id="huge"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (Path("a/b"), "a/b"),
        (b"\x00", "b'\\x00'"),
        ({(1, 2): {3}}, {"<tuple of 2>": [3]}),
        (ValueError("no"), "ValueError('no')"),
        (Broken(), "<Broken that can't be shown: RuntimeError>"),
    ],
)
def test_any_value_becomes_plain_data(value: object, expected: object) -> None:
    """Values that JSON doesn't have are described."""
    assert plain(value) == expected
    assert json.loads(quote(plain(value))) == expected


def test_secrets_stay_masked_however_deep() -> None:
    """A SecretStr is masked by itself, in models, dataclasses, containers and as a key."""
    account = Account(name="ann", password=SecretStr("s3cret"))
    everything = [
        SecretStr("s3cret"),
        SecretBytes(b"s3cret"),
        account,
        Login(account),
        {SecretStr("s3cret"): (account,)},
        ValueError(account),
    ]
    assert "s3cret" not in quote(plain(everything))
    assert plain(Login(account)) == {"account": {"name": "ann", "password": "**********"}}


def test_cycles_and_floods_end() -> None:
    """A log call costs a bounded time, whatever it is given."""
    cycle: list[object] = []
    cycle += [cycle] * 10
    assert len(quote(plain(cycle))) < 500_000
    assert len(plain(list(range(1_000_000)))) <= 10_000


def test_nothing_of_the_value_is_kept() -> None:
    """An event in the ring keeps no old generation alive."""

    class Order:
        pass

    class Name(str):
        __slots__ = ("__weakref__",)

    gone = weakref.ref(Name), weakref.ref(Order)
    data = plain({"order": Order(), "name": Name("x")})
    del Order, Name
    gc.collect()
    assert [ref() for ref in gone] == [None, None]
    assert data["name"] == "x"
