"""What an outcome of a health check means."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from modframe.parts.health.verdict import verdict_of
from modframe.result import Result


class Broken:
    """An object that can't be shown."""

    def __str__(self) -> str:
        raise OSError("no text")

    __repr__ = __str__


class bool_:  # noqa: N801  # numpy's own name
    """A truth value as numpy has them."""

    def __init__(self, value: bool) -> None:
        self.value = value

    def __bool__(self) -> bool:
        return self.value


@pytest.mark.parametrize(
    ("outcome", "status", "detail"),
    [
        (None, "healthy", ""),
        (True, "healthy", ""),
        (False, "unhealthy", "it returned False"),
        (bool_(True), "healthy", ""),
        (bool_(False), "unhealthy", "it returned False"),
        ("healthy", "healthy", ""),
        (" OK ", "healthy", ""),
        ("degraded", "degraded", ""),
        ("Degraded: 12 orders\nwait", "degraded", "12 orders wait"),
        ("down", "unhealthy", ""),
        ("unknown", "unknown", ""),
        ("the queue is long", "degraded", "the queue is long"),
        ("x" * 900, "degraded", "x" * 497 + "..."),
        (Result.success(), "healthy", ""),
        (Result.success({"status": "active"}), "healthy", ""),
        (Result.success({"status": "degraded", "queue": 7}), "degraded", "queue=7"),
        (Result.success({"orders": 3}), "healthy", ""),
        (Result.error("NO_DB", "no such table"), "unhealthy", "NO_DB: no such table"),
        (Result.error("NO_DB", "no", {"a": 1}), "unhealthy", "NO_DB: no ({'a': 1})"),
        ({"status": "healthy"}, "healthy", ""),
        ({"status": "fail", "detail": "no route"}, "unhealthy", "no route"),
        ({"healthy": False, "message": "no route"}, "unhealthy", "no route"),
        ({"ok": True, "queue": 7, "key": SecretStr("s")}, "healthy", "queue=7, key=**********"),
        ({"database": True, "mail": True}, "healthy", ""),
        ({"database": True, "mail": False}, "unhealthy", "mail: unhealthy, it returned False"),
        ({"database": "warn: slow", "size": 3}, "degraded", "database: degraded, slow"),
        ({"mail": Result.error("NO", "no route")}, "unhealthy", "mail: unhealthy, NO: no route"),
        (ValueError("no route"), "unhealthy", "it returned ValueError: ValueError('no route')"),
    ],
)
def test_verdicts(outcome: object, status: str, detail: str) -> None:
    """Truth values, words, texts, results, and dictionaries of one or of several things."""
    verdict = verdict_of(outcome)
    assert (verdict.status, verdict.detail) == (status, detail)


@pytest.mark.parametrize("outcome", [42, 1.5, "", " ", {}, {"size": 3}, [], object, Broken()])
def test_nonsense_is_no_verdict(outcome: Any) -> None:
    """It is unhealthy, shown with its type, and the detail says what to return."""
    verdict = verdict_of(outcome)
    assert verdict.status == "unhealthy"
    assert f"({type(outcome).__name__}), which is no verdict; return None, True" in verdict.detail


def test_a_dictionary_that_contains_itself_does_not_end_anything() -> None:
    """The check that returned it is the one that failed."""
    endless: dict[str, Any] = {}
    endless["again"] = endless
    with pytest.raises(RecursionError):
        verdict_of(endless)
