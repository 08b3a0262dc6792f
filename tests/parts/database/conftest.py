"""Fixtures of the database tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.database.support import forget_package

PACKAGE = "modules.standard.my_module~1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where databases go; not there yet."""
    return tmp_path / "data" / "databases"


@pytest.fixture
def package() -> Iterator[str]:
    """The name of a generation's package, taken out of ``sys.modules`` afterwards."""
    yield PACKAGE
    forget_package(PACKAGE)
