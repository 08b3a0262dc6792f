"""``modframe scaffold``: writes a module and says what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..ship import scaffold
from ..source.workspace import find_workspace
from .out import as_json, say


def new_module(
    name: str, kind: str, features: Sequence[str], *, workspace: Path | None, as_data: bool
) -> int:
    """Write the module; the exit status.

    Raises:
        ScaffoldError: If it can't be; with the choices.
    """
    home = find_workspace(workspace)
    done = scaffold(name, kind=kind, features=features, workspace=home)
    if as_data:
        as_json({"module": done.module_id, "paths": [str(path) for path in done.paths]})
        return 0
    say(f"{done.module_id} is written:")
    for path in done.paths:
        say(f"  {path.relative_to(home)}")
    say("next:")
    say(f"  modframe compliance validate --module {done.module_id}")
    say("  modframe serve")
    return 0
