"""The committed notebooks as data: their cells, and the module files that the cells define."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FAILS = "raises-exception"
"""The tag of a cell that is there to fail."""


@dataclass(frozen=True)
class CodeCell:
    """One code cell: its id, its text, its tags."""

    id: str
    source: str
    tags: frozenset[str]


def code_cells(path: Path) -> list[CodeCell]:
    """Return the code cells of a notebook, in order."""
    return [
        CodeCell(cell["id"], "".join(cell["source"]), frozenset(cell["metadata"].get("tags", ())))
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
    ]


def module_files(path: Path) -> dict[str, str]:
    """Path below ``modules/`` → text, as a notebook's cells leave it: the last one that works.

    Nothing for a notebook that exports nothing, or into a workspace that it makes itself.
    """
    files: dict[str, str] = {}
    cells = code_cells(path)
    whole = "".join(cell.source for cell in cells)
    if ".export(" not in whole or "MODFRAME_WORKSPACE" in whole:
        return files
    for cell in cells:
        line, _, text = cell.source.partition("\n")
        words = line.split()
        if words[:1] == ["%%module"] and FAILS not in cell.tags:
            module = words[1] if "." in words[1] else f"standard.{words[1]}"
            file = words[2] if len(words) > 2 else "api.py"
            files[f"{module.replace('.', '/')}/{file}"] = text
    return files


def files_below(folder: Path) -> dict[str, str]:
    """Return the bytes of every file in a folder of modules, by path, without caches."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().decode()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def kernel_environment(workspace: Path) -> dict[str, str]:
    """Return the environment of a kernel that works in a workspace and keeps its data there."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("MODFRAME_")
    }
    return {**environment, "MODFRAME_WORKSPACE": str(workspace), "PYTHONPATH": str(ROOT)}
