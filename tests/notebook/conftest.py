"""One kernel for the tests of a file, each test with a workspace state of its own making."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernels import Kernel, kernel


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel with the extension loaded, in an empty workspace."""
    with kernel(tmp_path_factory.mktemp("workspace")) as running:
        running.run("%load_ext modframe")
        yield running
