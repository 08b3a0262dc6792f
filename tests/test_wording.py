"""What clients and modules say can't control what shows it: a terminal, a page, a notebook."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modframe.cli import out
from modframe.cli.logs import _print
from modframe.html import tag, text
from modframe.observe import UncaughtErrors
from modframe.observe.line import parse_line
from modframe.runtime.output import print_to_console
from modframe.wording import escape, escape_in_lines, is_unsafe, one_line

RED, CSI, TURN, ISOLATE, LINE = "\x1b[31m", "\x9b31m", "\u202e", "\u2066", "\u2028"
EVIL = f"a{RED}{CSI}{TURN}{ISOLATE}\x08\x7f b"
SHOWN = "a\\u001b[31m\\u009b31m\\u202e\\u2066\\u0008\\u007f b"


@given(st.text())
def test_nothing_unsafe_comes_through(any_text: str) -> None:
    """Whatever the text, and it stays readable where it is safe."""
    assert not is_unsafe(escape(any_text))
    assert not is_unsafe(one_line(any_text))
    for one in escape_in_lines(any_text).replace("\t", "").splitlines():
        assert not is_unsafe(one.translate(dict.fromkeys((0x61C, 0x200E, 0x200F))))
    if not is_unsafe(any_text):
        assert escape(any_text) == escape_in_lines(any_text) == any_text


def test_lines_stay_lines_where_the_text_may_have_several() -> None:
    """Tabs as well; the marks of people who write from right to left too."""
    several = "one\n\ttwo \u200fשלם\r\n"
    assert escape_in_lines(several) == several
    assert escape("one\ntwo") == "one\\u000atwo"


def test_a_page_shows_what_would_turn_it_around() -> None:
    """In contents, attributes and tables alike."""
    assert text(EVIL) == SHOWN
    assert text(f"<{LINE}>") == "&lt;\\u2028&gt;"
    assert tag("b", TURN, classes=TURN) == '<b class="\\u202e">\\u202e</b>'


PRINTED: dict[str, Callable[[], object]] = {
    "a line": lambda: out.say(EVIL),
    "a table": lambda: out.table([(EVIL,)], head=("name",)),
    "an error": lambda: out.show_error(ValueError(EVIL)),
    "a foreign line of the log": lambda: _print(EVIL, as_data=False),
    "a warning for people": lambda: print_to_console(EVIL),
}


@pytest.mark.parametrize("what", PRINTED)
def test_a_console_shows_what_would_control_it(
    what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whichever way it gets there."""
    PRINTED[what]()
    captured = capsys.readouterr()
    assert SHOWN in captured.out + captured.err


def test_a_line_break_makes_no_second_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody can forge a line of a table, an error or the log."""
    forged = "x\n2026-11-25T10:00:00.123Z ERROR standard.orders all lost"
    out.table([(forged,)], head=("name",))
    _print(forged, as_data=False)
    print_to_console(forged)
    captured = capsys.readouterr()
    assert not [line for line in captured.out.splitlines() if line.startswith("2026")]
    assert not [line for line in captured.err.splitlines() if line.startswith("2026")]


def test_json_for_the_console_has_the_same_values(capsys: pytest.CaptureFixture[str]) -> None:
    """In characters that control nothing."""
    out.as_json({EVIL: [EVIL]})
    event = parse_line('2026-11-25T10:00:00.123Z INFO standard.orders "\\u009b"')
    assert event is not None
    _print(event, as_data=True)
    printed = capsys.readouterr().out
    whole, _, line = printed.rstrip().rpartition("\n")
    assert json.loads(whole) == {EVIL: [EVIL]}
    assert json.loads(line)["message"] == "\x9b"
    assert not is_unsafe(printed.replace("\n", ""))


@pytest.mark.parametrize("debug", ["", "1"])
def test_a_traceback_shows_it_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], debug: str
) -> None:
    """Its own lines stay."""
    monkeypatch.setenv("MODFRAME_DEBUG", debug)
    try:
        raise ValueError(EVIL)
    except ValueError as error:
        out.show_error(error)
    said = capsys.readouterr().err
    assert not is_unsafe(said.replace("\n", ""))
    assert said.count("\n") == (5 if debug else 1)


def test_an_exception_that_nobody_catches_shows_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that has nothing of it is printed by Python, as ever."""
    seen: list[BaseException | None] = []
    monkeypatch.setattr(sys, "excepthook", lambda _kind, error, _trace: seen.append(error))
    uncaught = UncaughtErrors(lambda said: said)
    uncaught.install()
    plain, evil = ValueError("plain"), ValueError(EVIL)
    for error in (plain, evil):
        sys.excepthook(ValueError, error, None)
    uncaught.remove()
    assert seen == [plain]
    assert capsys.readouterr().err == f"ValueError: {SHOWN}\n"
