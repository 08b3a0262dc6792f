"""Words that messages share: the nearest name, a number of things, a time.

Called wherever a sentence is written for people; knows nothing of what it speaks about.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """The known name that is most like one that isn't known; empty if none is like it.

    Args:
        name: What was written.
        known: What there is.
        cutoff: How alike they have to be, from 0 to 1.
    """
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)), "")


def near(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """The question that a message asks before it goes on, with a blank after it, or nothing.

    >>> near("ordres", ["orders", "invoices"])
    "did you mean 'orders'? "
    >>> near("ordres", ["invoices"])
    ''
    """
    found = nearest(name, known, cutoff=cutoff)
    return f"did you mean {found!r}? " if found else ""


def count(number: int, noun: str) -> str:
    """A number of things.

    >>> count(1, "route"), count(3, "route")
    ('1 route', '3 routes')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def some(things: Iterable[object], shown: int = 4) -> str:
    """The first of many, and how many more there are.

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
    """Return a value as one line of text, in which control characters can't move the cursor.

    >>> one_line("two\\n lines"), one_line(None)
    ('two lines', '')
    """
    text = "" if value is None else str(value)
    return "".join(one if one.isprintable() else " " for one in " ".join(text.split()))


def duration(seconds: float) -> str:
    """A time that something took.

    >>> duration(0.0004), duration(0.25), duration(12.3)
    ('< 1 ms', '250 ms', '12.3 s')
    """
    if seconds < 0.001:
        return "< 1 ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
