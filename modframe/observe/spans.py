"""Spans of OpenTelemetry: of calls, sessions, changes, steps; FastAPI makes those of requests.

In go names and attributes; out come spans of the provider that the application has set up. Without
one nothing is made: `span` and `begin_span` then cost a look at a flag. The API is not imported
here; where nothing has imported it, nobody has set a provider up.

A text that module code raises is in no span: its exporter is not one of those that masking knows.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

_API = "opentelemetry.trace"
_PREFIX = "modframe."
_NOTHING: AbstractContextManager[None] = nullcontext()


class Tracing:
    """Whether spans are made. Process-wide, because the provider is.

    Attributes:
        on: Whether a provider was set up when `look` was called last. Changes, calls from other
            threads, and once a second requests do that.
    """

    __slots__ = ("_provider", "_tracer", "on")

    def __init__(self) -> None:
        self.on = False
        self._provider: Any = None
        self._tracer: Tracer | None = None

    def look(self) -> bool:
        """Find out whether there is a provider now; return `on`."""
        api = sys.modules.get(_API)
        if api is None:
            return self.on
        provider = api.get_tracer_provider()
        if provider is not self._provider:
            self._provider = provider
            self.on = not isinstance(provider, api.ProxyTracerProvider | api.NoOpTracerProvider)
            self._tracer = provider.get_tracer("modframe") if self.on else None
        return self.on

    def begin(self, name: str, attributes: dict[str, Any]) -> Span | None:
        """Begin a span that is nobody's parent; ``None`` if there is no provider."""
        if self._tracer is None:
            return None
        return self._tracer.start_span(name, attributes=_named(attributes))

    @contextmanager
    def around(self, name: str, attributes: dict[str, Any]) -> Iterator[None]:
        """Make a span that is the parent of those inside of the block, in this task."""
        if self._tracer is None:
            yield
            return
        with self._tracer.start_as_current_span(
            name,
            attributes=_named(attributes),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as error:
                note_error(span, type(error).__qualname__)
                raise


tracing = Tracing()


def span(name: object, **attributes: Any) -> AbstractContextManager[None]:
    """Return a context manager that makes a span around its block, in one task, if any are made.

    The text of ``name`` is the span's name. The names of attributes get ``modframe.`` in front.
    """
    return tracing.around(str(name), attributes) if tracing.on else _NOTHING


def begin_span(name: str, **attributes: Any) -> Span | None:
    """Begin a span that may end in another task, or never; ``None`` if none are made."""
    return tracing.begin(name, attributes) if tracing.on else None


def end_span(begun: Span | None, error: BaseException | None = None) -> None:
    """End what `begin_span` returned."""
    if begun is not None:
        if error is not None:
            note_error(begun, type(error).__qualname__)
        begun.end()


def note_error(failed: Span, kind: str) -> None:
    """Note that what a span measures has failed, by the type of the error or its code."""
    status = sys.modules[_API].StatusCode.ERROR
    failed.set_status(status)
    failed.set_attribute("error.type", kind)


def _named(attributes: dict[str, Any]) -> dict[str, Any]:
    return {f"{_PREFIX}{name}": value for name, value in attributes.items()}
