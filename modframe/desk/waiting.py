"""`Waiting`: a draft that isn't tried yet, because cells of the module are still to be run.

In go a draft, and what is known of the module's other cells; `Drafts` returns it, magics print it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ..errors import WorkspaceError
from ..names import short_id
from ..source import Source
from ..source.notebook import read_notebook


@dataclass(frozen=True, slots=True)
class Waiting:
    """The files that a draft waits for.

    Attributes:
        files: Their names.
        in_folder: Whether the module is live from its folder, which has them in a text that may
            differ from their cells'; else they are imported, and nobody has written them.
    """

    module_id: str
    files: tuple[str, ...]
    in_folder: bool = False

    def __str__(self) -> str:
        names = ", ".join(self.files)
        if not self.in_folder:
            return names
        one = len(self.files) == 1
        short = short_id(self.module_id)
        return (
            f"{names}, whose {'cell has' if one else 'cells have'} not run since the start. Run "
            f"{'it' if one else 'them'}, or `%modframe keep {short}` to go live with the "
            f"{'file' if one else 'files'} in the folder"
        )


def cells_to_run(
    draft: Source, *, given: Collection[str], exported: Collection[str], notebook: Path | None
) -> tuple[str, ...]:
    """Return the files of a module whose cells are expected to say something else than its draft.

    The notebook tells, as it was saved last, if it has cells of the module. Edits that were not
    saved are not known: waiting for cells that may have some would keep the first edit after each
    start from going live. Without cells there, every file that was exported is expected.

    Args:
        draft: The files in the folder, and the cells that were run.
        given: The files that cells gave since the start.
        exported: The files that modframe wrote into the module's folder.
        notebook: Where the cells are, if that is known.
    """
    cells = _saved_cells(notebook, draft.module_id)
    if cells is not None:
        texts = draft.texts
        other = (file for file, content in cells.files.items() if texts.get(file) != content.text)
        return tuple(sorted(set(other) - set(given)))
    return tuple(sorted((draft.files.keys() & set(exported)) - set(given)))


def _saved_cells(notebook: Path | None, module_id: str) -> Source | None:
    try:
        return read_notebook(notebook).get(module_id) if notebook is not None else None
    except WorkspaceError:  # it was renamed, or is no notebook: then nothing is known of its cells
        return None
