"""`News`: what one front end was told, so that it is told no more than what has changed.

`Session` asks it for the next message. A quiet app costs a look at one counter of changes; only
the module that is on the screen is described anew each time, since its numbers move.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from itertools import takewhile
from typing import Any, Literal

from ..observe import Event
from ..view.snapshot import thaw
from .facts import Facts
from .rows import changed, detail_of, mark_of, row_of
from .values import bounded

Place = Literal["notebook", "page"]
_LINES = 500
"""How many of the newest log lines a front end gets at first, and at most at once."""
_LONGEST, _ITEMS = 8000, 100
"""Characters of each text of a line that are told, and items of a list among its fields."""


class News:
    """What one front end knows of an app.

    Args:
        place: Where it is shown.

    Attributes:
        watched: The module whose facts are on the screen; ``None`` for none.
    """

    def __init__(self, facts: Facts, place: Place) -> None:
        self._facts, self._place = facts, place
        self.watched: str | None = None
        self.forget()

    def forget(self) -> None:
        """Tell everything again."""
        self._seq = 0
        self._revision = -1
        self._marks: dict[str, tuple[object, ...]] = {}
        self._order: list[str] = []
        self._meta: dict[str, Any] = {}
        self._told: tuple[str | None, Mapping[str, Any]] = (None, {})
        self._last: Event | None = None
        self._ticks: dict[str, Any] = {}

    def next(self) -> dict[str, Any]:
        """Return what has changed since the last call as one message, ``seq`` at least."""
        self._seq += 1
        message: dict[str, Any] = {"seq": self._seq}
        if self._seq == 1:
            message["full"] = True
        order, rows = self._modules()
        found = {
            "order": order,
            "rows": rows,
            "meta": self._new_meta(ready=self._facts.records.ready if rows else None),
            "detail": self._detail(),
            "log": self._lines(),
            "ticks": self._new_ticks(),
        }
        return message | {key: value for key, value in found.items() if value}

    def _modules(self) -> tuple[list[str], dict[str, Any]]:
        """Return the ids of all modules, if they are not those that were told, and changed rows."""
        # The counter comes first: what changes in between is then told twice, and not lost.
        revision = self._facts.live.revision
        if revision == self._revision:
            return [], {}
        self._revision = revision
        if order := self._new_order():
            self._order = order
        return order, self._rows()

    def _new_order(self) -> list[str]:
        """Return the ids of all modules, if they are not those that were told."""
        return self._facts.seen.ids() if self._facts.records.ids() != set(self._order) else []

    def _rows(self) -> dict[str, Any]:
        """Return the rows of the modules whose mark differs; ``None`` for those that are gone."""
        rows: dict[str, Any] = dict.fromkeys(self._marks.keys() - set(self._order))
        for key in rows:
            del self._marks[key]
        for key in self._order:
            if self._marks.get(key) != (mark := mark_of(self._facts, key)):
                self._marks[key] = mark
                rows[key] = row_of(self._facts, key)
        return rows

    def _new_meta(self, *, ready: bool | None) -> dict[str, Any]:
        """Return what there is to know of the app, if it has changed.

        ``ready`` is ``None`` while no row has changed: it is then what it was.
        """
        facts = self._facts
        stall, last = facts.watchdog.stall, facts.watchdog.last
        meta = {
            "version": version("modframe") if not self._meta else self._meta["version"],
            "workspace": facts.workspace,
            "data": facts.data,
            "url": facts.url(),
            "ready": self._meta.get("ready", True) if ready is None else ready,
            "stall": facts.secrets.mask(str(stall or "")),
            "last_stall": facts.secrets.mask(str(last or "")),
            "log_problem": facts.log.describe()["problem"] or "",
            "watching": facts.watching(),
            "place": self._place,
        }
        if meta == self._meta:
            return {}
        self._meta = meta
        return meta

    def _detail(self) -> dict[str, Any] | None:
        """Return the facts of the watched module that have changed; all of them at first."""
        key = self.watched
        told, before = self._told
        if key is None or key not in self._facts.records.ids():
            self._told = (None, {})
            return None
        after = detail_of(self._facts, key)
        full = told != key
        facts = changed({} if full else before, after)
        self._told = (key, after)
        if full:
            return {"id": key, "full": True, "facts": facts}
        return {"id": key, "facts": facts} if facts else None

    def _lines(self) -> list[dict[str, Any]]:
        """Return the log lines since the last message, oldest first."""
        events = self._facts.log.tail(_LINES)
        last = self._last
        new = list(takewhile(lambda event: event is not last, reversed(events)))[::-1]
        if events:
            self._last = events[-1]
        return [line_of(event) for event in new]

    def _new_ticks(self) -> dict[str, Any]:
        """Return the series of requests and of the loop's lag, if something was added to one."""
        facts = self._facts
        ticks = {"requests": facts.numbers.traffic.facts(), "lag": facts.watchdog.lags.facts()}
        if ticks == self._ticks:
            return {}
        self._ticks = ticks
        return ticks


def line_of(event: Event) -> dict[str, Any]:
    """Return a line of the log as the front end shows it; what is empty is left out."""
    line = {
        "time": event.time.isoformat(timespec="milliseconds"),
        "level": event.level,
        "module_id": event.module_id,
        "message": event.message,
        "correlation_id": str(event.fields.get("correlation_id") or ""),
        "fields": thaw(event.fields),
        "trace": event.traceback,
    }
    return {key: bounded(value, _LONGEST, _ITEMS) for key, value in line.items() if value}
