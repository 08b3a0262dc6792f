"""`SQLNames`: completes names in ``%%sql`` cells and in the text of ``app.database.sql("``.

IPython calls it with the cell and the cursor; names come from `AppDatabase.tables`, which never
waits. Installed by the extension.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from IPython.core.completer import SimpleCompletion, context_matcher

from ..process import current_app

_CELL = re.compile(r"\s*%%(mod)?sql\b")
_CALL = re.compile(
    r"""\.sql\(\s*[rf]?(?:\"{3}(?:(?!\"{3}).)*|'{3}(?:(?!'{3}).)*|"[^"\n]*|'[^'\n]*)\Z""", re.DOTALL
)
_FRAGMENT = re.compile(r"[\w.]*\Z")
_AFTER = r"\b{table}\s+(?:as\s+)?(\w+)"
Tables = Mapping[str, Mapping[str, tuple[str, ...]]]


class SQLNames:
    """The completer of one shell."""

    def __init__(self, shell: Any) -> None:
        self._matchers: list[Any] = getattr(shell.Completer, "custom_matchers", [])

        def sql_names(context: Any) -> dict[str, Any]:
            return self._complete(context)

        self._matcher: Callable[[Any], dict[str, Any]] = context_matcher()(sql_names)

    def install(self) -> None:
        self._matchers.append(self._matcher)

    def remove(self) -> None:
        if self._matcher in self._matchers:
            self._matchers.remove(self._matcher)

    def _complete(self, context: Any) -> dict[str, Any]:
        lines = context.full_text.split("\n")[: context.cursor_line + 1]
        lines[-1] = lines[-1][: context.cursor_position]
        before = "\n".join(lines)
        app = current_app()
        in_cell = context.cursor_line > 0 and _CELL.match(context.full_text)
        if app is None or not (in_cell or _CALL.search(before)):
            return {"completions": [], "suppress": False}
        fragment = _FRAGMENT.search(before)
        typed = fragment[0] if fragment is not None else ""
        found = [
            SimpleCompletion(name, type=kind)
            for name, kind in names_for(typed, context.full_text, app.database.tables())
        ]
        return {"completions": found, "suppress": bool(found), "matched_fragment": typed}


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
