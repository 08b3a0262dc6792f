"""`QueryRefusedError`s that point into the query: a reason or DuckDB's own error comes in.

Called by `reading` and by `sql.query`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

import duckdb

from ....wording import count
from ..errors import QueryRefusedError

SHOWN = 100
"""Characters of a line that are shown."""
TABLES = "tables are named <database>.<table>; SHOW ALL TABLES lists them"
PARAMETERS = (
    "give one value for each ? of the query, as in sql(query, 1, 2), or one mapping for its names, "
    'as in sql("... $a", {"a": 1})'
)
_OF_PARAMETERS = ("python value", "Mixing named and positional parameters")
"""What DuckDB's messages about values of parameters have in them."""
_LINE = re.compile(r"\n\nLINE \d+: .*", re.DOTALL)


def refusal(query: str, why: str, *, at: int | None = None) -> QueryRefusedError:
    """Make the error for a query that may not run; ``at`` is a byte of its text."""
    shortened = " ".join(query.split())
    shortened = shortened if len(shortened) <= 60 else f"{shortened[:57]}..."
    cure = (
        TABLES
        if why.startswith("there is no table")
        else "give it one SELECT, EXPLAIN, DESCRIBE or SHOW of tables; to change data use "
        "integrity_session(...)"
    )
    return QueryRefusedError(
        f"sql() only reads, and refuses {shortened!r}: {why}{_pointer(query, at)}",
        cure=cure,
        database="",
        query=query,
    )


def wrong_parameters(query: str, wanted: Iterable[str], given: Sequence[str]) -> QueryRefusedError:
    """Make the error for parameters that aren't those of the query."""
    return QueryRefusedError(
        f"the query takes {_in_words(wanted)}, and was given {_in_words(given)}",
        cure=PARAMETERS,
        database="",
        query=query,
    )


def _in_words(parameters: Iterable[str]) -> str:
    """Return parameters by their number, or by their names where one has a name."""
    names = sorted(parameters)
    text = count(len(names), "parameter") if names else "no parameter"
    named = any(not name.isdigit() for name in names)
    return f"{text} ({', '.join(f'${name}' for name in names)})" if named else text


def from_driver(query: str, error: duckdb.Error, what: str) -> QueryRefusedError:
    """Make the error from one of DuckDB; ``what`` says what DuckDB did."""
    text, at = _parts(str(error))
    shows = _pointer(query, at)
    if "read-only mode" in text or "read-only transaction" in text:
        return refusal(query, "it would write", at=at)
    cure = "mend it where the arrow points" if shows and "syntax" in text else TABLES
    return QueryRefusedError(
        f"{what}: {text}{shows}",
        cure=PARAMETERS if any(sign in text for sign in _OF_PARAMETERS) else cure,
        database="",
        query=query,
    )


def _parts(text: str) -> tuple[str, int | None]:
    """Return the message and the place of an error, which DuckDB gives as JSON or as text."""
    _, brace, rest = text.partition("{")
    try:
        facts = json.loads(brace + rest)
        at = facts.get("position")
        return str(facts["exception_message"]), None if at is None else int(at)
    except (KeyError, TypeError, ValueError):
        return _LINE.sub("", text), None


def _pointer(query: str, at: int | None) -> str:
    """Return the line of a place with an arrow below it, each on a line of its own."""
    if at is None:
        return ""
    before = query.encode()[:at].decode(errors="ignore")
    number = before.count("\n")
    column = len(before) - before.rfind("\n") - 1
    line = query.split("\n")[number].replace("\t", " ")
    start = max(0, column - SHOWN // 2) if len(line) > SHOWN else 0
    head = f"line {number + 1}: "
    return f"\n{head}{line[start : start + SHOWN]}\n{' ' * (len(head) + column - start)}^"
