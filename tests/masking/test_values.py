"""Values, models and texts without secrets, and the secrets that are in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import (
    BaseModel,
    Field,
    HttpUrl,
    PostgresDsn,
    SecretBytes,
    SecretStr,
    ValidationError,
    field_serializer,
)

from modframe.masking import (
    MASK,
    hide_secrets,
    is_secret_at,
    mask,
    mask_dump,
    mask_text,
    mask_urls,
    secrets_in,
)


@dataclass
class Plain:
    """A dataclass among the settings."""

    user: str = "ann"
    token: str = "plain-token"


class Account(BaseModel):
    """A model inside a model."""

    user: str = "ann"
    password: str = "nested-one"


class Settings(BaseModel):
    """All kinds of secrets, beside values that are none."""

    api_key: SecretStr = SecretStr("typed-one")
    raw: SecretBytes = SecretBytes(b"bytes-one")
    password: str = "plain-one"
    empty_token: str = ""
    no_token: str | None = None
    pin_password: int = 123456
    use_token: bool = True
    tokens: dict[str, str] = {"github": "dict-one"}
    secrets: tuple[str, ...] = ("tuple-one",)
    dsn: PostgresDsn = PostgresDsn("postgresql://ann:dsn-one@db/shop")
    home: HttpUrl = HttpUrl("https://example.org/a")
    account: Account = Account()
    accounts: list[Account] = [Account(password="listed-one")]
    by_name: dict[str, Account] = {"ann": Account(password="mapped-one")}
    plain: Plain = Field(default_factory=Plain)
    extra: dict[str, Any] = {"deep": [{"api_key": "deep-one", "n": 1}]}
    token_count: int = 731
    keyboard: str = "qwertz"

    @field_serializer("api_key")
    def _reveal(self, value: SecretStr) -> str:
        return value.get_secret_value()


SECRETS = [
    "typed-one",
    "bytes-one",
    "plain-one",
    "123456",
    "dict-one",
    "tuple-one",
    "dsn-one",
    "nested-one",
    "listed-one",
    "mapped-one",
    "deep-one",
]


def test_the_repr_of_a_settings_object_has_no_secret() -> None:
    """Nor has its text, or that of a model inside it; the values stay whole, the rest is shown."""
    settings = Settings()
    assert "plain-one" in repr(settings)
    hide_secrets(Settings)
    hide_secrets(Settings)
    for text in (repr(settings), str(settings), repr([settings]), repr(settings.account)):
        assert not [one for one in (*SECRETS, "plain-token") if one in text], text
    shown = repr(settings)
    assert f"password='{MASK}'" in shown
    assert "empty_token='', no_token=None" in shown
    assert "use_token=True" in shown
    assert "token_count=731, keyboard='qwertz'" in shown
    assert "home=HttpUrl('https://example.org/a')" in shown
    assert f"postgresql://ann:{MASK}@db/shop" in shown
    assert "'n': 1" in shown
    assert settings.password == "plain-one"
    assert settings.model_dump()["account"] == {"user": "ann", "password": "nested-one"}


def test_a_field_is_a_secret_by_the_way_to_it() -> None:
    """Through models, lists and mappings of them; of positions, those before count."""
    for way in ("api_key", "account.password", "accounts.0.password", "by_name.ann.password",
                "tokens.github"):  # fmt: skip
        assert is_secret_at(Settings, way.split(".")), way
    for way in ("account", "account.user", "accounts.0.user", "token_count", "dsn", "unknown"):
        assert not is_secret_at(Settings, way.split(".")), way


def test_a_dump_is_masked_whatever_its_serializers_say() -> None:
    """Field by field, as the model has them; a serializer that reveals a secret changes nothing."""
    settings = Settings()
    shown = mask_dump(settings, settings.model_dump(mode="json"))
    assert not [one for one in (*SECRETS, "plain-token") if one in repr(shown)]
    assert shown["api_key"] == shown["password"] == shown["tokens"] == MASK
    assert shown["account"] == {"user": "ann", "password": MASK}
    assert shown["extra"] == {"deep": [{"api_key": MASK, "n": 1}]}
    assert (shown["token_count"], shown["use_token"], shown["empty_token"]) == (731, True, "")


def test_all_secrets_of_a_settings_object_are_found() -> None:
    """Each as the text that a message would have."""
    assert set(secrets_in(Settings())) == set(SECRETS)


def test_masked_values_are_plain_data() -> None:
    """Cycles and odd objects do no harm."""
    cycle: dict[str, Any] = {"token": "x"}
    cycle["self"] = cycle
    assert mask(cycle)["token"] == MASK
    assert "x" in list(secrets_in(cycle))
    thing = object()
    assert mask({"thing": thing, 3: (1, "a")}) == {"thing": thing, 3: [1, "a"]}
    assert mask(b"abc", "token") == MASK
    assert mask(12, "token") == MASK
    assert mask(12, "token_x") == 12


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:pw@host:1/0", "redis://:**@host:1/0"),
        ("a://u:p@ss/w@host/db", "a://u:**@ss/w@host/db"),
        ("a://u:p@ss@host/db and b://u:q@h", "a://u:**@host/db and b://u:**@h"),
        ("postgresql+asyncpg://u:p%40@h", "postgresql+asyncpg://u:**@h"),
        ("http://host:8000/a?to=b@c.de", "http://host:8000/a?to=b@c.de"),
        ("http://[::1]:8000/@scope", "http://[::1]:8000/@scope"),
        ("https://ann@host/", "https://ann@host/"),
        ("GET /a?token=abc&page=2", "GET /a?token=**&page=2"),
        ("GET /a?token_count=3", "GET /a?token_count=3"),
        ("host=db password=abc dbname=shop", "host=db password=** dbname=shop"),
        ("Server=db;Pwd=abc;Timeout=3", "Server=db;Pwd=**;Timeout=3"),
        ("DB_PASSWORD=abc\nPWD=/home/ann", "DB_PASSWORD=**\nPWD=/home/ann"),
        ("    connect(host=h, password=pw)", "    connect(host=h, password=pw)"),
        ("def f(user, password=None, n=1):", "def f(user, password=None, n=1):"),
        ("password = getpass()", "password = getpass()"),
        ("the password is wrong", "the password is wrong"),
        ("a: b = c", "a: b = c"),
    ],
)
def test_urls_lose_their_passwords(text: str, shown: str) -> None:
    """In any text; a port, a path and an address of mail are none."""
    assert mask_urls(text) == shown.replace("**", MASK)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Login(password='a\\'b', n=1)", "Login(password='**', n=1)"),
        ('{"api_key": "abc", "keyboard": "q"}', '{"api_key": "**", "keyboard": "q"}'),
        ("{'token': b'abc'}", "{'token': '**'}"),
        ("password='cut off", "password='**'"),
        ("token='abc' key='abc'", "token='**' key='abc'"),
        ("token_type='bearer'", "token_type='bearer'"),
        ("password=hunter22", "password=**"),
    ],
)
def test_texts_lose_what_their_form_shows(text: str, shown: str) -> None:
    """As reprs, JSON and calls have it."""
    assert mask_text(text) == shown.replace("**", MASK)


def test_pydantics_errors_show_no_secret_input() -> None:
    """Nor a mapping that may hold one, which pydantic cuts in its middle."""

    class Login(BaseModel):
        password: int
        port: int
        inner: Account

    with pytest.raises(ValidationError) as caught:
        Login.model_validate(
            {"password": "hunter22-long", "port": "many", "inner": {"user": 3, "password": 4}}
        )
    text = mask_text(f"it failed: {caught.value}")
    assert "hunter22" not in text
    assert "input_value='many'" in text
    with pytest.raises(ValidationError) as caught:
        Login.model_validate({"password": "hunter22-long" * 9, "inner": {}, "other": "tail-77"})
    text = mask_text(str(caught.value))
    assert not [one for one in ("hunter22", "tail-77", "er22-long") if one in text]
