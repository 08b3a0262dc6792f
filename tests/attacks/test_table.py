"""The table of attacks in docs/security.md names these files, and nothing that isn't there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_table_names_every_file() -> None:
    """Each class of attacks has a row, and each row its tests."""
    text = (ROOT / "docs/security.md").read_text("utf-8")
    rows = re.findall(r"^\|.*\| \d+ \|.*\|$", text, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(tests/[\w./]+)`", row)]
    assert [name for name in named if not (ROOT / name).exists()] == []
    here = Path(__file__)
    files = {f"tests/attacks/{file.name}" for file in here.parent.glob("test_*.py")}
    assert files - set(named) == {f"tests/attacks/{here.name}"}
