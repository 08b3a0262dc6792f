"""`KnownSecrets`: the values of an app are found in every form, and what is no secret is left."""

from __future__ import annotations

import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modframe.masking import MASK, KnownSecrets


def known(*values: str) -> KnownSecrets:
    secrets = KnownSecrets()
    secrets.add("standard.orders", values)
    return secrets


@given(st.text(min_size=6, max_size=30))
def test_a_value_is_found_in_every_form(value: str) -> None:
    """As it is, in JSON, a repr, HTML and a URL."""
    secrets = known(value)
    forms = (value, json.dumps(value), repr(value), html.escape(value), quote(value, safe=""))
    for form in (
        (*forms, quote_plus(value)) if value.isprintable() and value.strip() == value else ()
    ):
        assert value not in secrets.replace(f"a {form} b")


def test_short_values_are_left() -> None:
    """They would be found in words that have nothing to do with them."""
    assert known("short").replace("a shortage") == "a shortage"
    assert not known("short")
    assert known("longer").replace("no longer") == f"no {MASK}"


def test_lines_of_a_long_value_count_by_themselves() -> None:
    """A message is often one line of it; the frame around a key is none of it."""
    secrets = known("-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\nshort\n-----END KEY-----\n")
    assert secrets.replace("at MIIEvQIBADANBgkqhkiG here") == f"at {MASK} here"
    assert secrets.replace("short -----BEGIN KEY-----") == "short -----BEGIN KEY-----"


def test_the_longer_value_is_found_first() -> None:
    """Nothing of it is left beside the mask."""
    assert known("secret", "secret-and-more").replace("secret-and-more") == MASK


def test_the_last_values_of_an_owner_stay_known() -> None:
    """A replaced generation still logs its own; what was known long ago is forgotten."""
    secrets = KnownSecrets()
    for number in range(50):
        secrets.add("standard.orders", ["the-same-all-along", f"value-number-{number}"])
        secrets.add("standard.orders", [f"value-number-{number}"])
        secrets.add("standard.orders", ["the-same-all-along", f"value-number-{number}"])
    text = " ".join(f"value-number-{number};" for number in range(50))
    assert secrets.replace(text).count(MASK) == 32
    assert "value-number-49" not in secrets.replace(text)
    secrets.add("standard.orders", [])
    assert secrets.replace("the-same-all-along").count(MASK) == 1


def test_what_counts_one_value_after_the_other_forgets_none() -> None:
    """The values of a module that are set one by one are old ones of a task that dies later."""
    secrets = KnownSecrets()
    now = {number: f"value-number-{number}" for number in range(10)}
    secrets.add("standard.orders", now.values())
    for number in now:
        now[number] = f"newer-number-{number}"
        secrets.add("standard.orders", now.values())
    assert "value-number" not in secrets.replace(" ".join(f"value-number-{one};" for one in now))


def test_data_is_cleaned_but_its_keys() -> None:
    """Tuples come back as lists."""
    secrets = known("hunter22")
    value = {"hunter22": ("hunter22", [{"a": "hunter22"}], 3, None)}
    assert secrets.replace_in(value) == {"hunter22": [MASK, [{"a": MASK}], 3, None]}
    assert repr(secrets) == "<KnownSecrets of 1 owners>"


def test_the_beginning_of_a_value_at_the_end_of_a_cut_text_is_masked() -> None:
    """Of a long text alone: nobody cuts a short one."""
    secrets, words = known("hunter22-and-more"), "word " * 30
    assert secrets.replace_in(f"{words}hunter22-an …") == f"{words}{MASK} …"
    assert secrets.replace_in(f"{words}hunter22-and-no") == f"{words}hunter22-and-no"
    assert secrets.replace_in("hunter22-an …") == "hunter22-an …"
    assert secrets.replace_in(f"{words}hunter") == f"{words}hunter"


@pytest.mark.parametrize("text", ["", "plain", "a: b", "at 10:00 in https://example.org/a?b=c"])
def test_other_texts_stay(text: str) -> None:
    """Known or not."""
    assert KnownSecrets().mask(text) == known("hunter22").mask(text) == text
