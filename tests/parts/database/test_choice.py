"""Which engine keeps a database, and where."""

from __future__ import annotations

import pytest

from modframe.parts.database.databases import Databases


@pytest.mark.parametrize("url", ["duckdb:///real.duckdb", "duckdb:///folder", "duckdb"])
def test_nothing_is_kept_without_a_folder(url: str) -> None:
    """Databases without a folder, such as those of tests, are temporary whatever the URLs say."""
    for databases in (Databases(None, url=url), Databases(None, urls={"orders": url})):
        place = databases.choice("orders").place
        assert place.path is None
        assert place.temporary
