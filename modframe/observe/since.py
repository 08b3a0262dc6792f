"""`parse_since`: the time that a person means by ``10m``; commands and services call it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_AGO = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_since(text: str, now: datetime) -> datetime:
    """Return the time that ``10m``, ``2h``, ``1d`` or an ISO time means; without a zone it is UTC.

    Raises:
        ValueError: If it is no time.

    >>> noon = datetime(2026, 11, 25, 12, tzinfo=UTC)
    >>> str(parse_since("2h", noon)), str(parse_since("2026-11-25T09:30", noon))
    ('2026-11-25 10:00:00+00:00', '2026-11-25 09:30:00+00:00')
    """
    try:
        if ago := _AGO.fullmatch(text.strip()):
            return now - timedelta(**{_UNITS[ago[2]]: float(ago[1])})
        time = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is no time; write 10m, 2h or 1d, or a time as the log has it, such as "
            f"{now.isoformat(timespec='minutes').removesuffix('+00:00')}"
        ) from None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
