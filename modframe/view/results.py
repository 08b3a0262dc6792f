"""The result of a call or a request as escaped HTML. Called by `Runner`, off the app loop.

A value's ``repr`` is module code; whatever it does, text comes out, cut to a maximum length. The
value is not kept. Only modframe's own `Result` draws itself.
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
_HIDDEN_FRAMES = (f"{_OURS}/", "asyncio/", "concurrent/futures/")


@dataclass(frozen=True, slots=True)
class Items:
    """The first items of a generator, and whether there are more."""

    items: tuple[Any, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """The response to a request."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: str


def value_html(value: Any, seconds: float) -> str:
    """Return the HTML of a value that a method returned."""
    if isinstance(value, Items):
        count = f"{'the first ' if value.more else ''}{len(value.items)} items"
        return _head("ok", count, seconds) + _pre(_cut("\n".join(map(_text_of, value.items))))
    if type(value) is Result:
        state = "ok" if value.success else "bad"
        title = "Result.success" if value.success else "Result.error"
        body = _pre(_text_of(value.data)) if value.success else value._repr_html_()
        return _head(state, title, seconds) + body
    return _head("ok", type(value).__name__, seconds) + _pre(_text_of(value))


def answer_html(answer: Answer, seconds: float) -> str:
    """Return the HTML of a response: status, the headers that matter, body."""
    state = "ok" if answer.status < 400 else "bad"
    headers = [(name, value) for name, value in answer.headers if name.lower() in _HEADERS]
    header_line = " · ".join(f"{name}: {value}" for name, value in headers)
    title = f"{answer.status} {answer.reason}"
    return (
        _head(state, title, seconds)
        + f"<div class='mf-dim'>{text(header_line)}</div>"
        + _pre(_pretty(answer.body))
    )


def error_html(error: BaseException, seconds: float | None = None) -> str:
    """Return the HTML of an error: type, message, and where in the module it came from."""
    frames = "".join(_frames(error))
    body = _pre(_cut(_safely(str, error))) + (_pre(frames, "mf-trace") if frames else "")
    return _head("bad", type(error).__name__, seconds) + body


def _frames(error: BaseException) -> Iterator[str]:
    """Yield the last frames that are not modframe's or asyncio's own."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not any(part in frame.filename for part in _HIDDEN_FRAMES)
    ]
    for frame in frames[-_FRAMES:]:
        line = f"    {frame.line}\n" if frame.line else ""
        yield f"{frame.filename}, line {frame.lineno}, in {frame.name}\n{line}"


def _text_of(value: Any) -> str:
    text = _safely(repr, value)
    if isinstance(value, dict | list | tuple | set) and 80 < len(text) < _PRETTY_LIMIT:
        text = _safely(lambda value: pprint.pformat(value, width=88, sort_dicts=False), value)
    return _cut(text)


def _safely(make_text: Any, value: Any) -> str:
    try:
        return str(make_text(value))
    except Exception as error:  # noqa: BLE001  # a view survives a module's own __repr__
        return f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"


def _pretty(body: str) -> str:
    if len(body) < _PRETTY_LIMIT:
        try:
            return _cut(json.dumps(json.loads(body), indent=2, ensure_ascii=False))
        except ValueError:
            return _cut(body)  # it is not JSON
    return _cut(body)


def _cut(content: str) -> str:
    if len(content) <= LIMIT:
        return content
    return f"{content[:LIMIT]}\n… {len(content) - LIMIT} more characters"


def _head(state: str, title: str, seconds: float | None) -> str:
    took = f" <span class='mf-dim'>{text(duration(seconds))}</span>" if seconds is not None else ""
    return f"<div class='mf-{state}'><b>{text(title)}</b>{took}</div>"


def _pre(content: str, extra: str = "") -> str:
    classes = f"mf-pre {extra}".rstrip()
    return f"<pre class='{classes}'>{text(content)}</pre>"
