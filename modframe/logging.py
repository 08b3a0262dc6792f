"""The guide's door to loggers (``from core.logging import get_framework_logger``)."""

from .observe import get_framework_logger

__all__ = ["get_framework_logger"]
