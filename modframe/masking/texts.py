"""Texts without the secrets that show by their form: passwords in URLs, and ``password='...'``.

The known secrets of an app are another matter (`known.py`). Each text costs a few searches for
two or three characters; the patterns run only where those are found.
"""

from __future__ import annotations

import re

from .names import MASK, is_secret_name

# The password goes up to the last `@` before a slash; a port is none: `http://host:80/?to=a@b`.
_IN_URL = re.compile(r"(://[^\s:/@'\"\[]*:)(?!\d{1,5}[/?#])[^\s@'\"]+(?:@[^\s@/'\"]+)*@")
_IN_QUERY = re.compile(r"([?&;])([\w.\-]+)=([^\s&;#'\"]+)")
# As in a DSN of libpq or ODBC, or a variable; code such as `f(password=password)` is none.
_KEYWORD = re.compile(
    r"(?i)(?:(?<=[\s;'\"])|^)([\w\-]*(?:password|passwd|(?:pwd(?!=/))))=([^\s;,'\"()\[\]{}]+)"
    r"(?=[\s;'\"]|$)",
    re.MULTILINE,
)
_QUOTED = re.compile(
    r"""(?<![\w\-])(?P<name>[\w\-]+)(?P<between>["']?(?:=|:\s?))[bu]?(?P<quote>["'])"""
    r"""(?:\\.|(?!(?P=quote)|\\).)*(?:(?P=quote)|\Z)"""
)
_PYDANTIC = re.compile(
    r"^(?P<at>[^\S\n]*[|\s]*(?P<place>\S+)\n.*\[type=\w+, )input_value=(?P<value>.*?)"
    r"(?=, input_type=)",
    re.MULTILINE,
)
_WHOLE = re.compile(r"[\[({]|\w+\(")


def mask_urls(text: str) -> str:
    """Return a text in which no URL or DSN has a password.

    >>> mask_urls("at postgresql://ann:hunter22@db/shop?sslpassword=x")
    'at postgresql://ann:**********@db/shop?sslpassword=**********'
    >>> mask_urls("http://localhost:8000/?to=ann@example.org")
    'http://localhost:8000/?to=ann@example.org'
    """
    if "://" in text:
        text = _IN_URL.sub(rf"\1{MASK}@", text)
    if "=" in text:
        if "?" in text:
            text = _IN_QUERY.sub(_query_masked, text)
        if "assw" in text or "pwd" in text or "Pwd" in text or "PWD" in text or "ASSW" in text:
            text = _KEYWORD.sub(rf"\1={MASK}", text)
    return text


def mask_text(text: str) -> str:
    """Return a text without what its form shows as a secret; for log lines and tracebacks.

    Beside `mask_urls`: quoted values behind a secret's name, as a repr or JSON has them, and what
    pydantic's errors repeat of an input.

    >>> mask_text("Login(user='ann', password='hunter22')")
    "Login(user='ann', password='**********')"
    """
    text = mask_urls(text)
    if "input_value=" in text:
        text = _PYDANTIC.sub(_input_masked, text)
    if "='" in text or "':" in text or '":' in text or '="' in text:
        text = _QUOTED.sub(_quoted_masked, text)
    return text


def _query_masked(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2]}={MASK}" if is_secret_name(match[2]) else match[0]


def _quoted_masked(match: re.Match[str]) -> str:
    if not is_secret_name(match["name"]):
        return match[0]
    return f"{match['name']}{match['between']}{match['quote']}{MASK}{match['quote']}"


def _input_masked(match: re.Match[str]) -> str:
    """Mask the input of a secret, and one of several values, which pydantic cuts in its middle."""
    secret = any(is_secret_name(part) for part in match["place"].split("."))
    several = _WHOLE.match(match["value"]) is not None
    return f"{match['at']}input_value={MASK if secret or several else match['value']}"
