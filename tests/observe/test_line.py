"""One event is exactly one line, which can't be forged and holds all of the event."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modframe.observe import Event, format_line, parse_line

TIME = datetime(2026, 11, 25, 10, 0, 0, 123000, tzinfo=UTC)
# Hypothesis leaves surrogates out of text() by default; a log has to bear them.
ANY_TEXT = st.text(st.characters(exclude_categories=()))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
KEYS = st.from_regex(r"[\w.\-]+", fullmatch=True).filter(
    lambda key: key not in ("exc_type", "traceback")
)


def event(message: str = "order placed", **facts: object) -> Event:
    return Event(TIME, "INFO", "standard.orders", message, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("message", "fields", "expected"),
    [
        ("order placed", {}, "order placed"),
        ("order placed", {"order_id": 7, "who": "ann"}, "order placed order_id=7 who=ann"),
        ("over\ntwo lines", {}, r'"over\ntwo lines"'),
        ("user=admin logged in", {}, '"user=admin logged in"'),
        ("1 = 1, C:\\temp, ünïcode", {}, "1 = 1, C:\\temp, ünïcode"),
        (
            "x",
            {"a": "two words", "b": "", "c": "7", "d": "true"},
            'x a="two words" b="" c="7" d="true"',
        ),
        ("x", {"items": ["tea", 2], "of": {"k": None}}, 'x items=["tea",2] of={"k":null}'),
        ("\x1b[31mred\x1b[0m \u202egnp.exe", {}, r'"\u001b[31mred\u001b[0m \u202egnp.exe"'),
    ],
)
def test_a_line_is_for_people_first(message: str, fields: dict[str, object], expected: str) -> None:
    """Simple texts stay as they are; all others are JSON strings."""
    line = format_line(event(message, fields=fields))
    assert line == f"2026-11-25T10:00:00.123Z INFO standard.orders {expected}"


def test_a_traceback_stays_on_the_line() -> None:
    """The traceback comes last, its line ends escaped."""
    line = format_line(event(exc_type="ValueError", traceback="Traceback:\n  no"))
    assert line.endswith(r' order placed exc_type=ValueError traceback="Traceback:\n  no"')


@given(message=ANY_TEXT, fields=st.dictionaries(KEYS, JSON, max_size=4), text=ANY_TEXT)
def test_a_line_says_its_event_and_nothing_else(
    message: str, fields: dict[str, object], text: str
) -> None:
    """Any message, fields and traceback make one line, which reads back as the same event."""
    told = event(message, fields=fields, traceback=text)
    line = format_line(told)
    assert len(line.splitlines()) == 1
    assert line.isprintable() or not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in line)
    assert line.encode().decode() == line
    assert parse_line(line) == told


@pytest.mark.parametrize(
    "line",
    ["", "no line at all", "2026-11-25T10:00:00.123Z INFO standard.orders x a=[1,", "   at foo()"],
)
def test_what_is_no_line_is_not_read_as_one(line: str) -> None:
    """A torn or foreign line gives None."""
    assert parse_line(line) is None
