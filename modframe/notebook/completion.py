"""`SQLNames`: completes names in ``%%sql`` cells and in the text of ``app.database.sql("``.

IPython calls it with the cell and the cursor; names come from `AppDatabase.tables`, which never
waits. Installed by the extension.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from IPython.core.completer import SimpleCompletion, context_matcher

from ..parts.database.sql.completing import begun, names_for
from ..process import current_app

_CELL = re.compile(r"\s*%%(mod)?sql\b")
_CALL = re.compile(
    r"""\.sql\(\s*[rf]?(?:\"{3}(?:(?!\"{3}).)*|'{3}(?:(?!'{3}).)*|"[^"\n]*|'[^'\n]*)\Z""", re.DOTALL
)


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
        typed = begun(before)
        found = [
            SimpleCompletion(name, type=kind)
            for name, kind in names_for(typed, context.full_text, app.database.tables())
        ]
        return {"completions": found, "suppress": bool(found), "matched_fragment": typed}
