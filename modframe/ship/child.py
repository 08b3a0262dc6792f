"""`child_environment`: what a Python that modframe starts runs in; there it finds modframe."""

from __future__ import annotations

import os
from pathlib import Path

_OURS = ("MODFRAME_WORKSPACE", "MODFRAME_DATA", "PYTHONSTARTUP")


def child_environment(workspace: Path | None = None) -> dict[str, str]:
    """This process's environment, without what says where it works and what it runs first.

    Args:
        workspace: The child's workspace, if it is to learn of it so.
    """
    environment = {key: value for key, value in os.environ.items() if key not in _OURS}
    if workspace is not None:
        environment["MODFRAME_WORKSPACE"] = str(workspace)
    here = str(Path(__file__).parents[2])
    path = [one for one in (environment.get("PYTHONPATH"), here) if one]
    environment["PYTHONPATH"] = os.pathsep.join(path)
    return environment
