"""What a call came to → the answer of a tool: its value, an error of the author's, or a reference.

Called once for each call. As in answers over HTTP, an assistant reads the author's own words (an
error `Result`, the detail of an `HTTPException`) and what modframe has to say. The text of any
other exception is only in the log, under the correlation id that the answer names. Details of a
`Result` stay out. No text that leaves here has a secret of the app.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from mcp_types import CallToolResult, TextContent
from pydantic_core import to_jsonable_python
from starlette.exceptions import HTTPException

from ...errors import CallEndedError, FormError, ModframeError, ServiceUnavailableError
from ...load.body import note_known_cure
from ...masking import KnownSecrets
from ...names import plain_names
from ...observe import get_framework_logger, record_failure
from ...result import Result
from ...runtime.loop.bounds import as_overdue
from ...wording import text_after_colon
from .tools import Tool

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""What `json.dumps` would do, which makes such an encoder for each call."""
MOST_ITEMS = 1000
"""How many items of a stream or a generator are answered; it is left there."""


class Answers:
    """Makes the answers of one app, without its secrets."""

    def __init__(self, secrets: KnownSecrets) -> None:
        self._secrets = secrets

    def of_value(self, value: Any) -> CallToolResult:
        """Return the answer for what a method returned, which may be an error `Result`."""
        if isinstance(value, Result) and value.code is not None:
            plain = {"code": value.code, "message": value.message}
            text, structured = self._written(plain)
            return _answer(self.clean(f"{value.code}: {value.message}"), structured, failed=True)
        if isinstance(value, Iterator):  # a generator, which may have no end
            items = [to_plain(item) for item in islice(value, MOST_ITEMS + 1)]
            return self.of_items(items[:MOST_ITEMS], cut=len(items) > MOST_ITEMS)
        text, structured = self._written(to_plain(value))
        return _answer(text, structured)

    def of_items(self, items: list[Any], *, cut: bool) -> CallToolResult:
        """Return the answer for what a stream yielded; ``cut`` if it would have gone on."""
        text, structured = self._written(items)
        if cut:
            structured["cut"] = True
            text = f"{text}\n(cut after {len(items)} items)"
        return _answer(text, structured)

    def of_error(self, tool: Tool, error: BaseException, correlation: str) -> CallToolResult:
        """Return the answer for what a call raised; what is unexpected is recorded."""
        if (words := self._expected_words(tool, error)) is not None:
            return _answer(self.clean(words), failed=True)
        error = as_overdue(error)
        note_known_cure(error)
        record_failure(
            tool.module_id,
            f"tool {tool.name} failed with {type(error).__name__}{text_after_colon(error)}",
            error,
            correlation_id=correlation,
        )
        return _answer(f"This call failed; the log has the reason under {correlation}", failed=True)

    def item_text(self, item: Any) -> str:
        """Return one item of a stream as text."""
        return self._written(item)[0]

    def clean(self, text: str) -> str:
        """Return a text without secrets."""
        return self._secrets.replace(text)

    @staticmethod
    def _expected_words(tool: Tool, error: BaseException) -> str | None:
        if isinstance(error, HTTPException):
            return f"{error.status_code}: {error.detail}"
        if isinstance(error, FormError | CallEndedError):
            return str(error)
        if isinstance(error, ServiceUnavailableError):
            state = getattr(error, "state", "") or "not live"
            module_id = getattr(error, "module_id", "") or tool.module_id
            return f"{module_id} is {state}; the snapshot and the errors say why"
        if isinstance(error, ModframeError) and error.answer is not None:
            logger = get_framework_logger(tool.module_id)
            logger.warning("tool %s was answered: %s", tool.name, error)
            return error.answer.detail
        return None

    def _written(self, plain: Any) -> tuple[str, dict[str, Any]]:
        """Return a value as text and as an object, both without secrets."""
        if isinstance(plain, str):
            text = self.clean(plain)
            return text, {"result": text}
        text = _encode(plain)
        cleaned = self.clean(text)
        if cleaned != text:
            try:
                plain = json.loads(cleaned)
            except ValueError:  # a mask has taken a quote along
                plain = cleaned
        return cleaned, plain if isinstance(plain, dict) else {"result": plain}


def to_plain(value: Any) -> Any:
    """Return a value of module code as JSON-ready data; what JSON doesn't know, as its repr."""
    if isinstance(value, Result):
        if value.code is not None:
            return {"code": value.code, "message": value.message}
        value = value.data
    if value is None or type(value) in (str, int, bool):
        return value
    return to_jsonable_python(value, fallback=_fallback, bytes_mode="base64", inf_nan_mode="null")


def _fallback(value: Any) -> Any:
    return to_plain(value) if isinstance(value, Result) else plain_names(repr(value))


def _answer(
    text: str, structured: dict[str, Any] | None = None, *, failed: bool = False
) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(text=text)], structured_content=structured, is_error=failed
    )
