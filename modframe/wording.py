"""Words that messages share: the nearest name, a number of things, a duration; text safe to show.

In come plain values, out goes text. Called wherever a message is written.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

# Control characters, line ends of every kind, and marks that change the direction of text: with
# them, a message could look like another line or run a terminal's commands. Lone surrogates
# can't be written as UTF-8.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
# The same in text of several lines. The three marks that turn no text around may stay: people who
# write from right to left use them.
_UNSAFE_IN_LINES = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_TURNS = re.compile("[\x80-\x9f\u202a-\u202e\u2066-\u2069]")


def is_unsafe(text: str) -> bool:
    """Return whether a text has a character that must be escaped in a terminal or a log file."""
    return _UNSAFE.search(text) is not None


def escape(text: str) -> str:
    """Return a text as one line in which nothing can control a terminal.

    >>> print(escape("red: " + chr(27) + "[31m"))
    red: \\u001b[31m
    """
    return _UNSAFE.sub(_escaped, text)


def escape_in_lines(text: str) -> str:
    """Return a text, of several lines perhaps, in which nothing can control what shows it."""
    return _UNSAFE_IN_LINES.sub(_escaped, text)


def escape_turns(text: str) -> str:
    """Return a text without what turns it around, and without C1 controls; colours stay in it."""
    return _TURNS.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return the known name that is most similar to an unknown one; empty if none is similar.

    ``cutoff`` is the least similarity, from 0 to 1.
    """
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)), "")


def near(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return the question whether the nearest name is meant, with a blank after it, or nothing.

    >>> near("ordres", ["orders", "invoices"])
    "did you mean 'orders'? "
    >>> near("ordres", ["invoices"])
    ''
    """
    suggestion = nearest(name, known, cutoff=cutoff)
    return f"did you mean {suggestion!r}? " if suggestion else ""


def count(number: int, noun: str) -> str:
    """Return a number of things in words.

    >>> count(1, "route"), count(3, "route")
    ('1 route', '3 routes')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def article(noun: str) -> str:
    """Return a noun behind its article.

    >>> article("int"), article("table")
    ('an int', 'a table')
    """
    return f"{'an' if noun[:1].lower() in {*'aeiou'} else 'a'} {noun}"


def some(things: Iterable[object], shown: int = 4) -> str:
    """Return the first of many things, and how many more there are.

    >>> some(["a", "b", "c"], 2), some(["a"], 2)
    ('a, b and 1 more', 'a')
    """
    names = list(map(str, things))
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return f"{', '.join(names[:shown])}{more}"


def otherwise(hint: str, cure: str) -> str:
    """Put a cure behind the question that comes before it, if there is one.

    >>> otherwise("did you mean 'orders'? ", "load it first"), otherwise("", "load it first")
    ("did you mean 'orders'? Otherwise load it first", 'load it first')
    """
    return f"{hint}Otherwise {cure}" if hint else cure


def one_line(value: object) -> str:
    """Return a value as one line of text, in which nothing can control a terminal.

    >>> one_line("two\\n lines"), one_line(None)
    ('two lines', '')
    """
    text = escape(" ".join(("" if value is None else str(value)).split()))
    return "".join(one if one.isprintable() else " " for one in text)


def text_after_colon(error: BaseException) -> str:
    """Return the first line of an exception's text, after a colon; nothing if it has none.

    >>> text_after_colon(ValueError("no such order")), text_after_colon(ValueError())
    (': no such order', '')
    """
    try:
        text = one_line(str(error).strip().partition("\n")[0]).rstrip(":")
    except Exception as fault:  # noqa: BLE001  # the author's own __str__
        return f" (its __str__ raises {type(fault).__name__})"
    return f": {text}{first_in_group(error)}" if text else ""


def first_in_group(error: BaseException) -> str:
    """Return what the first error of a group says, after a comma; nothing if it is no group.

    >>> first_in_group(ExceptionGroup("several", [ValueError("no such order"), KeyError("id")]))
    ', the first one ValueError: no such order'
    """
    first = error
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    if first is error:
        return ""
    return f", the first one {type(first).__name__}{text_after_colon(first)}"


def duration(seconds: float) -> str:
    """Return a duration in words.

    >>> duration(0.0004), duration(0.25), duration(12.3)
    ('< 1 ms', '250 ms', '12.3 s')
    """
    if seconds < 0.001:
        return "< 1 ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def size(number: int) -> str:
    """Return a number of bytes in words.

    >>> size(12), size(1536), size(2_000_000)
    ('12 B', '1.5 kB', '2 MB')
    """
    unit, worth = ("B", 1.0) if number < 1e3 else ("kB", 1e3) if number < 1e6 else ("MB", 1e6)
    return f"{number / worth:,.1f}".removesuffix(".0") + f" {unit}"


def with_cure(message: str, cure: str) -> str:
    """Return a message followed by its next step, each as a sentence."""
    if not cure:
        return message
    stop = "" if cure.endswith((".", "!", "?")) else "."
    next_step = f"{cure[0].upper()}{cure[1:]}{stop}"
    if "\n" in message:  # after a list or an excerpt it has a line of its own
        return f"{message}\n{next_step}"
    end = "" if message.endswith((".", "!", "?")) else "."
    return f"{message}{end} {next_step}"
