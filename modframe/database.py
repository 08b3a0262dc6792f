"""`get_database_base` under the guide's name: ``from core.database import get_database_base``."""

from __future__ import annotations

from .parts.database.base import get_database_base

__all__ = ["get_database_base"]
