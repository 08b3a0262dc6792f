"""Fixtures of the tests of revisions: databases, and a module's folder with revisions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modframe.parts.database.databases import Databases
from tests.parts.database.revisions.support import ModuleFolder


@pytest.fixture
async def databases(folder: Path) -> AsyncIterator[Databases]:
    """Databases on the default engine, closed afterwards."""
    async with Databases(folder) as made:
        yield made


@pytest.fixture
def module(tmp_path: Path) -> ModuleFolder:
    """A module's folder, without revisions yet."""
    return ModuleFolder(tmp_path / "modules" / "standard" / "orders")
