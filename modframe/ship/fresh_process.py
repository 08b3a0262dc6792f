"""Loads a module in a fresh process with an empty data folder, before an export writes anything.

In go the files as the export would write them; out come findings. `export` calls it. What runs in
the fresh process is `modframe.cli.load_exported`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..finding import Finding
from ..names import MODULE_TYPES, folder_of
from ..parts.settings.files import SETTINGS_FILES
from .export_plan import ExportPlan

TIMEOUT = 180.0
"""Seconds after which a process that hangs is killed."""
RESULT = "result.json"
"""The file of findings, in the process's workspace."""
_COPIED = 16_000_000
_SKIPPED = ("__pycache__", ".ipynb_checkpoints")


def load_in_fresh_process(
    plan: ExportPlan,
    module_id: str,
    folders: tuple[Path, ...],
    *,
    workspace: Path,
    settings: Mapping[str, Mapping[str, Any]],
) -> list[Finding]:
    """Load and start a module in a fresh process as an export would write it; return its findings.

    Args:
        folders: Folders of modules, for what the module requires; earlier ones take precedence.
        workspace: Its ``settings.toml`` and ``.env`` count for the process as well.
        settings: The settings given at start, which no file holds.
    """
    with tempfile.TemporaryDirectory(prefix="modframe-trial-", ignore_cleanup_errors=True) as path:
        stage = Path(path)
        _stage(plan, module_id, stage / "modules", sources=folders)
        for name in SETTINGS_FILES:
            if (workspace / name).is_file():
                shutil.copyfile(workspace / name, stage / name)
        request = {"workspace": path, "module": module_id, "settings": settings}
        return _run(json.dumps(request, default=_plain), stage / RESULT)


def _stage(plan: ExportPlan, module_id: str, to: Path, *, sources: tuple[Path, ...]) -> None:
    """Write the module as planned below ``to``, and link all other modules beside it."""
    own = folder_of(to, module_id)
    own.mkdir(parents=True)
    for path, content in plan.contents.items():
        target = own / path.relative_to(plan.folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            _copy(content, target)
        else:
            target.write_bytes(content)
    _add_neighbours(plan, own)
    for modules in sources:
        for other in MODULE_TYPES:
            for folder in (modules / other).glob("*"):
                place = to / other / folder.name
                if (folder / "api.py").is_file() and not place.exists():
                    place.parent.mkdir(exist_ok=True)
                    _link(folder, place)


def _add_neighbours(plan: ExportPlan, own: Path) -> None:
    """Copy the folder's other files, so that the process can't change them; link the large ones."""
    gone = set(plan.remove)
    for path in plan.folder.rglob("*") if plan.folder.is_dir() else ():
        inside = path.relative_to(plan.folder)
        target = own / inside
        if path in gone or target.exists() or any(part in _SKIPPED for part in inside.parts):
            continue
        if path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(path, target)


def _copy(path: Path, target: Path) -> None:
    if path.stat().st_size > _COPIED:
        _link(path, target)
    else:
        shutil.copyfile(path, target)


def _link(path: Path, place: Path) -> None:
    try:
        place.symlink_to(path, target_is_directory=path.is_dir())
    except OSError:  # a system where links need a privilege
        if path.is_dir():
            shutil.copytree(path, place, ignore=shutil.ignore_patterns(*_SKIPPED))
        else:
            shutil.copyfile(path, place)


def _plain(value: Any) -> Any:
    """Return a settings value for JSON; secrets stay readable, as they only go through a pipe."""
    reveal = getattr(value, "get_secret_value", None)
    return reveal() if callable(reveal) else str(value)


def _run(request: str, result: Path) -> list[Finding]:
    try:
        # -P: `modframe serve` does not import from the working directory either.
        done = subprocess.run(
            [sys.executable, "-P", "-m", "modframe.cli.load_exported"],
            input=request.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=child_environment(),
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [_finding(f"it was not up within {TIMEOUT:g} s in a fresh process")]
    if not result.is_file():
        tail = done.stdout.decode(errors="replace").splitlines()[-8:]
        ended = f"the fresh process ended with status {done.returncode}"
        return [_finding("\n".join([f"{ended}:", *tail]) if tail else ended)]
    return [Finding(**facts) for facts in json.loads(result.read_text(encoding="utf-8"))]


def _finding(message: str) -> Finding:
    cure = "something in the module works only in the process it grew in; see what it reaches for"
    return Finding("trial", "error", message, cure=cure)


_REMOVED = ("MODFRAME_WORKSPACE", "MODFRAME_DATA", "PYTHONSTARTUP")


def child_environment(workspace: Path | None = None) -> dict[str, str]:
    """Return this process's environment for a child, without data folder and start-up script.

    Its workspace is ``workspace``, if given, else what the child finds by itself.
    """
    environment = {key: value for key, value in os.environ.items() if key not in _REMOVED}
    if workspace is not None:
        environment["MODFRAME_WORKSPACE"] = str(workspace)
    here = str(Path(__file__).parents[2])
    paths = filter(None, (environment.get("PYTHONPATH"), here))
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    return environment
