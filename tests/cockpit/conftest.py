"""A front end of a served app that keeps nothing: `front`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modframe import AppContext
from tests.cockpit.front import Front

TOKEN = "the-token-of-a-test"


@pytest.fixture
def front(app: AppContext) -> Iterator[Front]:
    """Serve the app, and return a front end of it that has heard everything."""
    app.serve(port=0, token=TOKEN)
    with Front(app.url, token=TOKEN) as front:
        yield front
