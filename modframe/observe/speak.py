"""Ways to log that aren't a logger's: a failure with its exception, and what module code prints.

In go a module id and what there is to say; out comes an ordinary record of that module's logger.
The loop, the dispatcher and the loader call these.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from .event import RECORD_NAMES
from .loggers import get_framework_logger

correlation_id: ContextVar[str | None] = ContextVar("modframe_correlation_id", default=None)
"""The request that is being answered; every event logged under it carries it as a field."""


def log_exception(module_id: str, message: str, exc: BaseException, **fields: Any) -> None:
    """Record a failure: one line in `app.log` and one in `errors.jsonl`.

    Args:
        module_id: Whose failure it is.
        message: What was being done; ``%`` in it is left alone.
        exc: The exception, which goes in with its traceback.
        fields: More facts; ``correlation_id`` ties it to the answer a client got.
    """
    extra = {f"{k}_" if k in RECORD_NAMES else k: value for k, value in fields.items()}
    get_framework_logger(module_id).error("%s", message, exc_info=exc, extra=extra)


def log_print(module_id: str, text: str) -> None:
    """Record what module code printed where there is no cell: one event per `print`.

    Args:
        module_id: Who printed.
        text: What `print` would have written, its line end included; blank ones are left out.
    """
    text = text.rstrip("\n")
    if text.strip():
        get_framework_logger(module_id).info("%s", text, extra={"stream": "stdout"})
