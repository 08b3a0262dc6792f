"""What a word of a query may become: the names of databases, tables and columns.

In come the beginning of a word, the query, and the tables that there are. Called by the completer
of ``%%sql`` cells and by the cockpit's field for SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

KEYWORDS = (
    "ALL", "AND", "ANTI", "AS", "ASC", "ASOF", "BETWEEN", "BY", "CASE", "CAST", "CROSS",
    "DESC", "DESCRIBE", "DISTINCT", "ELSE", "END", "EXCEPT", "EXCLUDE", "EXISTS", "EXPLAIN",
    "FALSE", "FILTER", "FIRST", "FROM", "FULL", "GROUP", "HAVING", "ILIKE", "IN", "INNER",
    "INTERSECT", "INTERVAL", "IS", "JOIN", "LAST", "LEFT", "LIKE", "LIMIT", "NOT", "NULL",
    "NULLS", "OFFSET", "ON", "OR", "ORDER", "OUTER", "OVER", "PARTITION", "PIVOT",
    "QUALIFY", "RECURSIVE", "RIGHT", "SELECT", "SEMI", "SHOW", "SUMMARIZE", "TABLES",
    "THEN", "TRUE", "UNION", "UNPIVOT", "USING", "VALUES", "WHEN", "WHERE", "WINDOW", "WITH",
)  # fmt: skip
"""The words of queries that read."""
_FRAGMENT = re.compile(r"[\w.]*\Z")
_AFTER = r"\b{table}\s+(?:as\s+)?(\w+)"
Tables = Mapping[str, Mapping[str, tuple[str, ...]]]


def begun(text: str) -> str:
    """Return the word that a text ends with.

    >>> begun("SELECT * FROM orders.it")
    'orders.it'
    """
    found = _FRAGMENT.search(text)
    return found[0] if found is not None else ""


def names_for(typed: str, text: str, tables: Tables) -> Iterator[tuple[str, str]]:
    """Yield what a name that was begun may become, each with its kind.

    >>> tables = {"orders": {"items": ("id", "price")}}
    >>> list(names_for("ord", "", tables))
    [('orders', 'database'), ('orders.items', 'table')]
    >>> list(names_for("i.p", "SELECT i.p FROM orders.items i", tables))
    [('i.price', 'column')]
    """
    found: dict[str, str] = {}
    for database, its_tables in tables.items():
        found.setdefault(database, "database")
        for table, columns in its_tables.items():
            name = f"{database}.{table}"
            found.setdefault(name, "table")
            found |= {f"{name}.{column}": "column" for column in columns if "." in typed}
            if name.lower() in text.lower():
                places = ["", f"{table}.", *(f"{one}." for one in _aliases(name, text))]
                found |= {f"{place}{column}": "column" for place in places for column in columns}
    for name, kind in found.items():
        if name.lower().startswith(typed.lower()) and name.count(".") <= typed.count(".") + 1:
            yield name, kind


def _aliases(table: str, text: str) -> list[str]:
    return re.findall(_AFTER.format(table=re.escape(table)), text, re.IGNORECASE)


def keywords_for(typed: str) -> Iterator[tuple[str, str]]:
    """Yield the keywords that a word may become, in the case in which it was begun.

    >>> list(keywords_for("sel"))
    [('select', 'keyword')]
    """
    for word in KEYWORDS:
        if typed and word.startswith(typed.upper()):
            yield (word.lower() if typed.islower() else word), "keyword"
