"""`written`: what a statement changes, read from its text; for the check of references.

Comes in: SQL, of the ORM, of Core or written by hand. Goes out: the table and the columns that it
can change; anything that isn't understood counts as a change of everything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ..tracking import verb_of

_NAME = r'(?:(?:"(?:[^"]|"")+"|\w+)\s*\.\s*)*("(?:[^"]|"")+"|\w+)'
_TARGET = {
    "INSERT": rf"\bINSERT\s+(?:OR\s+(?P<or>\w+)\s+)?INTO\s+{_NAME}",
    "UPDATE": rf"\bUPDATE\s+{_NAME}",
    "DELETE": rf"\bDELETE\s+FROM\s+{_NAME}",
    "TRUNCATE": rf"\bTRUNCATE\s+(?:TABLE\s+)?{_NAME}",
    "COPY": rf"\bCOPY\s+{_NAME}\s*(?:\([^)]*\)\s*)?FROM\b",
}
_SCHEMA_CHANGES = {"CREATE", "ALTER", "DROP", "COMMENT"}
_BEFORE = re.compile(r"(?:--[^\n]*\n|/\*.*?\*/|\s)*", re.S)
_STEP = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[()]|\b(?:SET|WHERE|RETURNING)\b""", re.I)
_WORD = re.compile(r'"((?:[^"]|"")+)"|(\w+)')
_UPSERT = re.compile(r"\bON\s+CONFLICT\b", re.I)


@dataclass(frozen=True, slots=True)
class Written:
    """What a statement changes.

    Attributes:
        verb: For example ``"UPDATE"``; an upsert is an ``"UPSERT"``.
        table: Its table in lower case, without schema; ``None`` if that isn't known.
        words: Names in the part that sets columns, in lower case.
    """

    verb: str
    table: str | None
    words: frozenset[str] = frozenset()

    def names(self, column: str) -> bool:
        """Return whether it can set a column."""
        return self.table is None or column.lower() in self.words


@lru_cache(maxsize=500)
def written(statement: str) -> Written | None:
    """Return what a statement changes; ``None`` if it changes no rows.

    >>> written("UPDATE a.items SET n = (SELECT 1 WHERE 2) WHERE id = 3").table
    'items'
    """
    statement = statement[_BEFORE.match(statement).end() :]  # type: ignore[union-attr]  # matches
    verb = verb_of(statement)
    if ";" in statement.rstrip().rstrip(";"):  # several, of which each may write
        return Written("ANY", None)
    if verb is None or verb in _SCHEMA_CHANGES:
        return None
    if statement[:4].upper() == "WITH":
        return Written("ANY", None)
    target = re.search(_TARGET[verb], statement, re.I) if verb in _TARGET else None
    if target is None:
        return Written("ANY", None) if verb != "COPY" else None
    name = target[target.lastindex or 1]
    table = (name[1:-1].replace('""', '"') if name.startswith('"') else name).lower()
    if verb == "UPDATE":
        return Written(verb, table, _words(_assignments(statement)))
    if verb == "INSERT" and (target["or"] or _UPSERT.search(statement)):
        return Written("UPSERT", table, _words(statement))
    return Written("INSERT" if verb == "COPY" else verb, table, _words(statement))


def _words(text: str) -> frozenset[str]:
    return frozenset(
        (quoted.replace('""', '"') or plain).lower() for quoted, plain in _WORD.findall(text)
    )


def _assignments(statement: str) -> str:
    """Return an UPDATE from its SET to its WHERE, leaving out those of subqueries."""
    depth, start = 0, 0
    for step in _STEP.finditer(statement):
        word = step[0].upper()
        if word in "()":
            depth += 1 if word == "(" else -1
        elif depth == 0 and word == "SET" and not start:
            start = step.start()
        elif depth == 0 and start and word in ("WHERE", "RETURNING"):
            return statement[start : step.start()]
    return statement[start:]
