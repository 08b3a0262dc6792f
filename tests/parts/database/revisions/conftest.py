"""Fixtures of the tests of revisions: a module's folder with revisions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parts.database.revisions.support import ModuleFolder


@pytest.fixture
def module(tmp_path: Path) -> ModuleFolder:
    """A module's folder, without revisions yet."""
    return ModuleFolder(tmp_path / "modules" / "standard" / "orders")
