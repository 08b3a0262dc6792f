"""The guide's door to `Result` and `error_message` (``from core.error_utils import Result``)."""

from .result import Result, error_message

__all__ = ["Result", "error_message"]
