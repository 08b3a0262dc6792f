"""`Rows`: what a person gets of a query, and how it looks."""

from __future__ import annotations

import dataclasses
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from modframe.parts.database.databases import Databases, Rows
from modframe.parts.database.errors import DatabaseError

TYPES = """
SELECT 1::TINYINT AS i, 2.5::DOUBLE AS d, 1.10::DECIMAL(10, 2) AS n, 'x' AS t, true AS b,
DATE '2026-01-31' AS day, [1, 2] AS l, NULL::INTEGER AS nothing
"""


def test_rows_show_themselves_in_a_notebook() -> None:
    """One line as text; as HTML a plain table, escaped, cut after 50 rows."""
    rows = Rows([(number, "<b>&" if number else None) for number in range(53)], ("n", "<i>"))
    assert repr(rows) == "<Rows: 53 rows of n, <i>>"
    html = rows._repr_html_()
    assert html.count("<tr>") == 51
    assert "… 3 more" in html
    assert "&lt;b&gt;&amp;" in html
    assert "&lt;i&gt;" in html
    assert "NULL" in html
    assert "<b>" not in html
    assert "<script" not in html
    assert "more" not in Rows([(1,)], ("n",))._repr_html_()
    with pytest.raises(dataclasses.FrozenInstanceError):
        rows.columns = ()  # type: ignore[misc]  # it is frozen


def test_rows_become_a_data_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """With pandas; without, the error names it."""
    rows = Rows([(1, "a"), (2, "b")], ("n", "t"))
    frame = rows.df()
    assert list(frame.columns) == ["n", "t"]
    assert frame["n"].tolist() == [1, 2]
    assert list(Rows([], ("n",)).df().columns) == ["n"]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(DatabaseError, match="pip install pandas"):
        rows.df()


def test_rows_are_a_table_of_text() -> None:
    """Numbers stand to the right, NULL is named, a long value is cut; then count and time."""
    rows = Rows(
        [(1, "one"), (100, None), (7, "x" * 60)], ("n", "name"), ("INTEGER", "VARCHAR"), took=0.004
    )
    assert str(rows).splitlines() == [
        "  n  name",
        f"───  {'─' * 40}",
        "  1  one",
        "100  NULL",
        f"  7  {'x' * 39}…",
        "3 rows in 4 ms",
    ]
    assert str(Rows([], ("n",))).splitlines() == ["n", "─", "0 rows"]
    many = str(Rows([(number,) for number in range(12)], ("n",)))
    assert many.endswith("… 2 more · 12 rows")


def test_html_shows_count_time_and_numbers() -> None:
    """Numbers are aligned to the right, NULL is grey, and count and time stand below."""
    html = Rows([(1, None)], ("n", "t"), ("DECIMAL(10,2)", "VARCHAR"), took=1.5)._repr_html_()
    assert html.count("text-align:right") == 2
    assert html.count("text-align:left") == 2
    assert '<span style="opacity:.7">NULL</span>' in html
    assert "1 row in 1.5 s" in html


async def test_rows_know_their_types(folder: Path) -> None:
    """Arrow has DuckDB's types, also for a column without values; count and time are there."""
    arrow = pytest.importorskip("pyarrow")
    async with Databases(folder) as databases:
        rows = await databases.sql(TYPES)
        empty = await databases.sql(f"FROM ({TYPES}) WHERE i > 1")
    assert (rows.count, rows.cut) == (1, False)
    assert rows.took > 0
    for table in (rows.arrow(), empty.arrow()):
        kinds = [field.type for field in table.schema]
        assert kinds[:4] == [arrow.int8(), arrow.float64(), arrow.decimal128(10, 2), arrow.string()]
        assert kinds[4:6] == [arrow.bool_(), arrow.date32()]
        assert kinds[7] == arrow.int32()
    assert rows.arrow().to_pylist() == [
        {
            "i": 1, "d": 2.5, "n": Decimal("1.10"), "t": "x", "b": True,
            "day": date(2026, 1, 31), "l": [1, 2], "nothing": None,
        }
    ]  # fmt: skip


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each error says which package to install."""
    rows = Rows([(1,)], ("n",))
    for package, method in (("pyarrow", rows.arrow), ("polars", rows.pl)):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(DatabaseError, match=f"pip install {package}"):
            method()


def test_rows_become_a_polars_frame() -> None:
    """With all columns, in their order."""
    pytest.importorskip("polars")
    frame = Rows([(1, "a"), (2, None)], ("n", "t")).pl()
    assert frame.rows() == [(1, "a"), (2, None)]
    assert frame.columns == ["n", "t"]
