"""`Result` and `error_message` under the guide's name (``from core.error_utils import Result``)."""

from .result import Result, error_message

__all__ = ["Result", "error_message"]
