"""What came of a call or a request, as escaped HTML. Called by `Runner`, off the app loop.

A value's ``repr`` is the module's own code: whatever it does, out comes text, cut where it gets
long. Nothing of the value is kept. Only modframe's own `Result` may draw itself.
"""

from __future__ import annotations

import json
import pprint
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..html import text
from ..result import Result
from ..wording import duration

LIMIT = 4000
"""Characters of a value that are shown."""
_PRETTY_LIMIT = 20_000
_FRAMES = 6
_HEADERS = ("content-type", "content-length", "location", "retry-after", "x-correlation-id")
_OURS = str(Path(__file__).parent.parent)
_PLUMBING = (f"{_OURS}/", "asyncio/", "concurrent/futures/")


@dataclass(frozen=True, slots=True)
class Items:
    """The first items of a generator."""

    items: tuple[Any, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a request."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: str


def value_html(value: Any, seconds: float) -> str:
    """A value that a method gave."""
    if isinstance(value, Items):
        count = f"{'the first ' if value.more else ''}{len(value.items)} items"
        return _head("ok", count, seconds) + _pre(_cut("\n".join(map(_shown, value.items))))
    if type(value) is Result:
        state = "ok" if value.success else "bad"
        title = "Result.success" if value.success else "Result.error"
        shown = _shown(value.data) if value.success else ""
        body = _pre(shown) if value.success else value._repr_html_()
        return _head(state, title, seconds) + body
    return _head("ok", type(value).__name__, seconds) + _pre(_shown(value))


def answer_html(answer: Answer, seconds: float) -> str:
    """An answer to a request: status, the headers that matter, the body."""
    state = "ok" if answer.status < 400 else "bad"
    headers = [(name, value) for name, value in answer.headers if name.lower() in _HEADERS]
    said = " · ".join(f"{key}: {one}" for key, one in headers)
    title = f"{answer.status} {answer.reason}"
    return (
        _head(state, title, seconds)
        + f"<div class='mf-dim'>{text(said)}</div>"
        + _pre(_pretty(answer.body))
    )


def error_html(error: BaseException, seconds: float | None = None) -> str:
    """A failure: its type, its message, and where in the module it came from."""
    frames = "".join(_frames(error))
    body = _pre(_cut(_safely(str, error))) + (_pre(frames, "mf-trace") if frames else "")
    return _head("bad", type(error).__name__, seconds) + body


def _frames(error: BaseException) -> Iterator[str]:
    """The last frames that are not modframe's own."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not any(part in frame.filename for part in _PLUMBING)
    ]
    for frame in frames[-_FRAMES:]:
        line = f"    {frame.line}\n" if frame.line else ""
        yield f"{frame.filename}, line {frame.lineno}, in {frame.name}\n{line}"


def _shown(value: Any) -> str:
    shown = _safely(repr, value)
    if isinstance(value, dict | list | tuple | set) and 80 < len(shown) < _PRETTY_LIMIT:
        shown = _safely(lambda one: pprint.pformat(one, width=88, sort_dicts=False), value)
    return _cut(shown)


def _safely(show: Any, value: Any) -> str:
    try:
        return str(show(value))
    except Exception as error:  # noqa: BLE001  # the module's own __repr__ failed: it is only a view
        return f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"


def _pretty(body: str) -> str:
    if len(body) < _PRETTY_LIMIT:
        try:
            return _cut(json.dumps(json.loads(body), indent=2, ensure_ascii=False))
        except ValueError:
            return _cut(body)  # no JSON: as it came
    return _cut(body)


def _cut(shown: str) -> str:
    if len(shown) <= LIMIT:
        return shown
    return f"{shown[:LIMIT]}\n… {len(shown) - LIMIT} more characters"


def _head(state: str, title: str, seconds: float | None) -> str:
    took = f" <span class='mf-dim'>{text(duration(seconds))}</span>" if seconds is not None else ""
    return f"<div class='mf-{state}'><b>{text(title)}</b>{took}</div>"


def _pre(shown: str, extra: str = "") -> str:
    classes = f"mf-pre {extra}".rstrip()
    return f"<pre class='{classes}'>{text(shown)}</pre>"
