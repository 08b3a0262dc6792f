"""What is committed in `modules/` is what the notebooks' cells say."""

from __future__ import annotations

from tests.notebooks.reading import NOTEBOOKS, ROOT, files_below, module_files


def test_the_committed_modules_are_the_notebooks_cells() -> None:
    """Byte for byte, no file more and none less."""
    said: dict[str, str] = {}
    for path in NOTEBOOKS:
        said |= module_files(path)
    assert files_below(ROOT / "modules") == said
