"""All of SQLAlchemy's suite for dialects, in a process of its own.

``compliance/requirements.py`` says what DuckDB lacks; SQLAlchemy skips the cases for it. `LEFT_OUT`
has the cases that are not run though the feature is there, each with its reason.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "compliance"
ROOT = Path(__file__).parents[4]
ENGINE = "duckdb+modframe_async_8_0"
"""What SQLAlchemy adds to the names of classes: dialect, driver and the version that it takes."""

DIVISION = "DECIMAL / DECIMAL is a DOUBLE in DuckDB"
LENGTH = "DuckDB doesn't keep the lengths of strings"
ORDER = "the query has no ORDER BY, and DuckDB's windows come in any order"
TEXT = "DuckDB shows an expression with its casts and in parentheses"
OPTIONS = "an empty dictionary is the answer, not NotImplementedError"
LEFT_OUT = {
    "ComponentReflectionTestExtra::test_reflect_expression_based_indexes": TEXT,
    "ComponentReflectionTestExtra::test_string_length_reflection": LENGTH,
    "ComponentReflectionTest::test_get_columns[True-True": "a view of another schema has no columns "
    "in duckdb_columns() in this case",
    "ComponentReflectionTest::test_get_table_options": OPTIONS,
    "ComponentReflectionTest::test_multi_get_table_options": OPTIONS,
    "ComponentReflectionTest::test_reflect_table_temp_table": LENGTH,
    "ComputedReflectionTest::test_get_column_returns_computed": TEXT,
    "ComputedReflectionTest::test_get_column_returns_persisted": TEXT,
    "LongNameBlowoutTest::test_long_convention_name[pk": "DuckDB names primary keys itself",
    "QuotedNameArgumentTest::test_get_table_options": OPTIONS,
    "TrueDivTest::test_truediv_divisor[numeric_38_digit_divisor": DIVISION,
    "TrueDivTest::test_truediv_divisor[numeric_many_decimals": DIVISION,
    "WindowFunctionTest::test_window_range": ORDER,
}


@pytest.mark.soak
def test_sqlalchemys_suite_passes() -> None:
    """No case of it fails, and about a thousand are run."""
    left_out = [case.replace("::", f"_{ENGINE}::", 1) for case in LEFT_OUT]
    command = [sys.executable, "-m", "pytest", "-q", "-c", "setup.cfg", "--rootdir=."]
    command += ["--dburi", "modframe_duckdb://", "suite.py", "-p", "no:warnings"]
    command += [f"--deselect=suite.py::{case}" for case in left_out]
    run = subprocess.run(
        command,
        cwd=HERE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    passed = re.search(r"(\d+) passed", run.stdout)
    assert passed is not None
    assert int(passed[1]) > 1000
