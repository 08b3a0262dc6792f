"""The recorded failures: their kinds with numbers, those of one kind, those of one request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...observe import Wanted
from ...wording import one_line
from ..asks import Ask, Operation

_MOST = 1000
"""How many kinds are listed."""
_NEWEST = 50
"""How many failures of one kind, or of one request, are shown."""
_WIDTH = 300


def errors(ask: Ask, module: str = "", *, text: str = "", since: str = "") -> dict[str, Any]:
    """Return the kinds of failures, the one that came last first.

    Args:
        module: Only this module's.
        text: Only those that have it in any of their texts; so a request's correlation id finds
            the kinds that failed in it.
        since: Only newer ones: ``10m``, ``2h``, ``1d``, or a time.
    """
    wanted = Wanted.of(module or None, since=since or None, text=text)
    groups = ask.facts.log.errors.groups(wanted, limit=None)
    rows = [group.to_dict() for group in groups[:_MOST]]
    for row in rows:
        row["message"] = one_line(row["message"])[:_WIDTH]
    return {"groups": rows, "total": len(groups)}


def error_group(ask: Ask, fingerprint: str) -> list[dict[str, Any]]:
    """Return the newest failures of one kind with their tracebacks, the newest first."""
    found = ask.facts.log.errors.find(Wanted(fingerprint=fingerprint), limit=_NEWEST)
    return [one.to_dict() for one in found]


def request_errors(ask: Ask, correlation_id: str) -> list[dict[str, Any]]:
    """Return what failed in one request, with tracebacks of module code, oldest first."""
    found = ask.facts.log.errors.find(Wanted(text=correlation_id), limit=_NEWEST)
    return [one.to_dict() for one in reversed(found) if one.correlation_id == correlation_id]


OPERATIONS: Mapping[str, Operation] = {
    "errors": errors,
    "error_group": error_group,
    "request_errors": request_errors,
}
