"""Whether OpenTelemetry is in use, asked for every request and looked up once a second.

Called by the sub-applications. FastAPI looks three times a request, which takes 3 microseconds.
"""

from __future__ import annotations

import time

from fastapi import FastAPI

_EVERY_SECONDS = 1.0
_PROBE = getattr(FastAPI(openapi_url=None), "_native_telemetry", None)


class _Watch:
    """The last answer, and until when it stands."""

    __slots__ = ("on", "until")

    def __init__(self) -> None:
        self.on = False
        self.until = 0.0


_watch = _Watch()


def in_use() -> bool:
    """Whether a provider of traces, metrics or logs was set up, as of a second ago at most."""
    now = time.monotonic()
    if now >= _watch.until:
        _watch.until = now + _EVERY_SECONDS
        # Private in FastAPI 0.165; where it is absent, FastAPI itself has to be asked each time.
        _watch.on = _PROBE is None or bool(_PROBE.enabled())
    return _watch.on
