"""`verdict_of`: reads what a health check returned as a status and a detail; `Check` calls it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...observe.values import plain
from ...result import Result
from ...wording import one_line
from .health import Status, worst

_LONGEST = 500
"""Characters of a detail."""
_WORDS: Mapping[str, Status] = {
    **dict.fromkeys(
        ("healthy", "ok", "okay", "up", "pass", "passing", "alive", "active"), "healthy"
    ),
    **dict.fromkeys(("degraded", "warn", "warning"), "degraded"),
    **dict.fromkeys(("unhealthy", "fail", "failed", "failing", "down", "error"), "unhealthy"),
    "unknown": "unknown",
}
"""The words of others, such as those of application/health+json, are taken as well."""
_STATUS = ("status", "healthy", "ok")
_DETAIL = ("detail", "details", "message", "reason", "error")
_CURE = (
    "return None, True, False, a word such as 'degraded', a dictionary with a 'status', or a Result"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one run of a check found."""

    status: Status
    detail: str = ""


def verdict_of(outcome: Any) -> Verdict:
    """Return what an outcome of a check means.

    ``None`` and true are healthy, false is not. A text is a status, or one with a detail behind a
    colon; any other text says why the module is degraded. A dictionary has a ``"status"``, or a
    verdict of each thing that was looked at, of which the worst counts. A `Result` that is an error
    is unhealthy. Anything else is no verdict, and unhealthy.

    >>> verdict_of("degraded: 12 orders wait")
    Verdict(status='degraded', detail='12 orders wait')
    >>> verdict_of({"database": True, "mail": "down"})
    Verdict(status='unhealthy', detail='mail: unhealthy')
    """
    if outcome is None or outcome is True:
        return Verdict("healthy")
    if outcome is False:
        return Verdict("unhealthy", "it returned False")
    if isinstance(outcome, Result):
        return _of_result(outcome)
    if isinstance(outcome, str) and outcome.strip():
        return _of_text(outcome)
    if isinstance(outcome, Mapping):
        return _of_mapping(outcome)
    if type(outcome).__name__ in ("bool", "bool_"):  # numpy's, for example of `frame.all()`
        return verdict_of(bool(outcome))
    if isinstance(outcome, BaseException):
        return Verdict("unhealthy", f"it returned {type(outcome).__name__}: {_text(outcome)}")
    return _no_verdict(outcome)


def _of_result(result: Result) -> Verdict:
    if not result.success:
        details = f" ({_text(result.details)})" if result.details is not None else ""
        return Verdict("unhealthy", f"{result.code}: {_text(result.message)}{details}")
    data = result.data
    if isinstance(data, Mapping) and _status_in(data) is not None:
        return _of_mapping(data)
    return Verdict("healthy", _text(data) if isinstance(data, str) else "")


def _of_text(text: str) -> Verdict:
    word, _, detail = text.partition(":")
    status = _WORDS.get(word.strip().lower())
    return Verdict(status, _text(detail)) if status else Verdict("degraded", _text(text))


def _status_in(facts: Mapping[Any, Any]) -> Verdict | None:
    """Return what a dictionary says of the whole; ``None`` if it says nothing."""
    for key in _STATUS:
        said = facts.get(key)
        if isinstance(said, bool):
            return Verdict("healthy" if said else "unhealthy")
        if isinstance(said, str) and (status := _WORDS.get(said.strip().lower())):
            return Verdict(status)
    return None


def _of_mapping(facts: Mapping[Any, Any]) -> Verdict:
    whole = _status_in(facts)
    if whole is None:
        return _of_each(facts)
    detail = next((facts[key] for key in _DETAIL if facts.get(key)), None)
    if detail is None:
        others = {key: value for key, value in facts.items() if key not in _STATUS}
        detail = ", ".join(f"{key}={_text(value)}" for key, value in others.items())
    return Verdict(whole.status, _text(detail))


def _of_each(facts: Mapping[Any, Any]) -> Verdict:
    """Return the worst verdict of the things that a dictionary names."""
    each = {_text(key): verdict_of(value) for key, value in facts.items() if _is_verdict(value)}
    if not each:
        return _no_verdict(facts)
    bad = {key: one for key, one in each.items() if one.status != "healthy"}
    detail = "; ".join(
        f"{key}: {one.status}{f', {one.detail}' if one.detail and one.status != one.detail else ''}"
        for key, one in bad.items()
    )
    return Verdict(worst(one.status for one in each.values()), _text(detail))


def _is_verdict(value: Any) -> bool:
    if isinstance(value, str):
        return value.partition(":")[0].strip().lower() in _WORDS
    return isinstance(value, bool | Mapping | Result)


def _no_verdict(outcome: Any) -> Verdict:
    kind = type(outcome).__name__
    shown = _text(outcome)[:100]
    return Verdict("unhealthy", f"it returned {shown} ({kind}), which is no verdict; {_CURE}")


def _text(value: Any) -> str:
    """Return a value as one line; secrets are masked, and what can't be shown is described."""
    text = one_line(plain(value)).strip()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
