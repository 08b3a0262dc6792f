"""``modframe health``: what the health checks of modules say, here or of a running server.

In come a workspace, or the address of a server, and maybe a module; out go a row for each module or
JSON, and exit status 1 if one is unhealthy.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ModframeError, ModuleNotFoundInWorkspaceError
from ..parts.health import HEADS, health_row
from ..spec import module_id_of
from ..wording import near
from .asking import ask
from .out import as_json, console, table, workspace_at


def show_health(name: str | None, workspace: Path | None, *, url: str, as_data: bool) -> int:
    """Print the health of one module, or of all; return 1 if one is unhealthy.

    Args:
        name: A module's id; ``None`` for all.
        workspace: Whose modules are loaded, without keeping data, to run each check once.
        url: The address of a server, which is asked for what it knows instead.
        as_data: Whether JSON is printed.

    Raises:
        ModuleNotFoundInWorkspaceError: If there is no such module.
        ModframeError: If the server does not answer.
    """
    module_id = module_id_of(name) if name else None
    checks = _ask(url, workspace) if url else _run_once(module_id, workspace_at(workspace))
    if module_id is not None:
        if module_id not in checks:
            raise ModuleNotFoundInWorkspaceError(
                f"there is no module {module_id!r} at {url}",
                cure=f"{near(module_id, checks)}Without --module it says what there is",
            )
        checks = {module_id: checks[module_id]}
    if as_data:
        as_json({"checks": checks})
    else:
        table([(key, *health_row(facts)) for key, facts in checks.items()], head=HEADS)
    return 1 if any(one["status"] == "unhealthy" for one in checks.values()) else 0


def _run_once(module_id: str | None, home: Path) -> dict[str, Mapping[str, Any]]:
    """Start the modules in memory, let each check run once, and stop them."""
    from ..process import start

    modules = None if module_id is None else [module_id]
    status = console(stderr=True).status("running the health checks")
    with (
        status if sys.stderr.isatty() else contextlib.nullcontext(),
        contextlib.redirect_stdout(sys.stderr),  # what module bodies print is no fact
        start(workspace=home, data=":memory:", modules=modules) as app,
    ):
        report = app.health(wait=True)
    return {key: health.to_dict() for key, health in report.items()}


def _ask(url: str, workspace: Path | None) -> dict[str, Mapping[str, Any]]:
    """Return what a server says at ``/health``."""
    answer = ask("GET", url, "/health", workspace)
    try:
        checks: dict[str, Mapping[str, Any]] = answer.json()["checks"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModframeError(
            f"{answer.url} answered {answer.status_code}, and no health of modules",
            cure="give the address that 'modframe serve' printed",
        ) from error
    return checks
