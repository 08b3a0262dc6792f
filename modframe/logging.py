"""Loggers under the guide's name (``from core.logging import get_framework_logger``)."""

from .observe import get_framework_logger as _get_framework_logger
from .runtime.traces import hide_frames

get_framework_logger = hide_frames(_get_framework_logger)

__all__ = ["get_framework_logger"]
