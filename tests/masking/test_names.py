"""Which names and types mean a secret, and which only sound like it."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, Secret, SecretBytes, SecretStr

from modframe.masking import is_secret, is_secret_name


@pytest.mark.parametrize(
    "name",
    [
        "password", "PASSWORD", "db_password", "dbPassword", "DB-Password", "password_hash",
        "old_password", "password_2", "password_smtp", "passwd", "db_pwd", "PGPASSWORD", "smtp_pass",
        "passphrase", "token", "access_token", "github_token", "token_github", "csrftoken",
        "authToken", "refresh_tokens", "X-Auth-Token", "password_reset_token", "api_key",
        "apikey", "X-API-Key", "stripe_api_key_live", "api_keys", "secret", "secrets",
        "client_secret", "SECRET_KEY_BASE", "aws_secret_access_key", "private_key",
        "ssh_private_key_pem", "signing_key", "encryption_key", "credential", "credentials",
        "google_credentials", "Authorization",
    ],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    """In any spelling, with words before and behind."""
    assert is_secret_name(name)
    assert is_secret(name, str)


@pytest.mark.parametrize(
    "name",
    [
        "token_count", "max_tokens", "min_tokens", "tokens_per_minute", "token_limit", "token_url",
        "token_type", "token_expiry_seconds", "token_ttl", "tokenizer", "tokenize",
        "password_policy", "password_min_length", "password_file", "password_reset_url",
        "password_algorithm", "secret_name", "secret_id", "secretary", "api_key_header",
        "api_key_name", "access_key_id", "private_key_path", "credentials_file", "key", "keys",
        "primary_key", "sort_key", "foreign_key", "public_key", "cache_key", "keyboard", "monkey",
        "author", "authority", "auth", "auth_url", "compass", "passenger", "first_pass", "bypass",
        "expected", "user", "url", "name", "", "a1", "_",
    ],
)  # fmt: skip
def test_names_that_only_sound_like_it(name: str) -> None:
    """A part of a word counts for nothing, and a word behind may say what is meant."""
    assert not is_secret_name(name)
    assert not is_secret(name, str)


class _Group(BaseModel):
    ttl: int = 3


@pytest.mark.parametrize(
    ("name", "annotation", "secret"),
    [
        ("anything", SecretStr, True),
        ("anything", SecretStr | None, True),
        ("anything", Annotated[SecretBytes, Field(min_length=3)], True),
        ("anything", list[SecretStr], True),
        ("anything", dict[str, Secret[int]], True),
        ("anything", str, False),
        ("token", bool, False),
        ("token", bool | None, False),
        ("token", int, True),
        ("tokens", int, False),
        ("tokens", list[str], True),
        ("token_budget", float, False),
        ("token", _Group, False),
        ("token", None, True),
        ("token", str | None, True),
        ("token", "str", True),
    ],
)
def test_the_type_has_a_say(name: str, annotation: Any, *, secret: bool) -> None:
    """A secret type always means one; a flag, a count or a model of its own does not."""
    assert is_secret(name, annotation) is secret
