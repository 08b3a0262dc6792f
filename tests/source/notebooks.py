"""Notebook files as JupyterLab writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook


def write_notebook(path: Path, *cells: str | tuple[str, list[str]]) -> Path:
    """A notebook of code cells, or of ``(text, tags)``; texts that begin with # are prose."""
    made: list[Any] = []
    for one in cells:
        text, tags = one if isinstance(one, tuple) else (one, [])
        cell = new_markdown_cell(text) if text.startswith("# ") else new_code_cell(text)
        cell.metadata["tags"] = tags
        made.append(cell)
    beside = path.with_name(f".~{path.name}")
    nbformat.write(new_notebook(cells=made), beside)
    beside.replace(path)
    return path
