"""The modules in `modules/` are those of the notebooks' cells."""

from __future__ import annotations

from tests.notebooks.reading import NOTEBOOKS, ROOT, files_below, module_files


def test_the_committed_modules_are_the_notebooks_cells() -> None:
    """The files are equal byte for byte, and none is missing or extra."""
    files: dict[str, str] = {}
    for path in NOTEBOOKS:
        files |= module_files(path)
    assert files_below(ROOT / "modules") == files
