"""What DuckDB does in its own way of what models say; called by `DuckDB.remarks`."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import MetaData, Numeric

from ..backend import Remark

_MOST_DIGITS = 38


def remarks_on(metadata: MetaData) -> Iterator[Remark]:
    """Yield where numbers lose digits: it would be silent."""
    for table in metadata.tables.values():
        for column in table.columns:
            if not isinstance(column.type, Numeric):
                continue
            precision = column.type.precision
            if precision is None:
                text = (
                    "DuckDB keeps 18 digits of a Numeric() without precision, 3 of them after the "
                    "point, and rounds the rest away: write Numeric(precision, scale)"
                )
                yield Remark(table.fullname, column.name, text, refused=False)
            elif precision > _MOST_DIGITS:
                text = f"DuckDB keeps {_MOST_DIGITS} digits, the model wants {precision}"
                yield Remark(table.fullname, column.name, text)
