"""What PostgreSQL's moments become in Python; SQLAlchemy uses this type in place of its own.

Columns with a time zone take no value without one, and give values in UTC; those without take a
value with a time zone as the same moment in UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import types as sqltypes

from ..values import unzoned, zoned

Processor = Callable[[Any], Any] | None


class DateTime(sqltypes.DateTime):
    """``TIMESTAMP``, or ``TIMESTAMP WITH TIME ZONE``."""

    render_bind_cast = True  # as in SQLAlchemy's own: psycopg sends texts

    def bind_processor(self, dialect: Any) -> Processor:
        adjust = zoned if self.timezone else unzoned
        return lambda value: adjust(value) if hasattr(value, "tzinfo") else value


COLSPECS = {sqltypes.DateTime: DateTime}
