"""``modframe reference``: what the modules of a workspace offer, as a page of Markdown.

In come a workspace and a file; out goes the page, and an exit status.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from ..errors import WorkspaceError
from .out import one_line, say, workspace_at


def write_reference(workspace: Path | None, output: Path | None) -> int:
    """Print the reference, or write it to a file; return 1 if a module does not load.

    Raises:
        WorkspaceError: If there is no such workspace, or the file can't be written.
    """
    from ..ship import make_reference

    with contextlib.redirect_stdout(sys.stderr):  # what module bodies print is none of the page
        reference = make_reference(workspace_at(workspace))
    if output is None:
        say(reference.text.rstrip("\n"))
    else:
        _write(output, reference.text)
        say(f"wrote  {output}")
    for module_id, why in reference.failed.items():
        print(f"error: {module_id} does not load: {one_line(why)}", file=sys.stderr, flush=True)
    return 1 if reference.failed else 0


def _write(output: Path, text: str) -> None:
    try:
        output.write_bytes(text.encode())
    except OSError as error:
        raise WorkspaceError(
            f"{str(output)!r} could not be written: {error.strerror or error}",
            cure="name a file in a folder that exists, where you may write",
        ) from error
