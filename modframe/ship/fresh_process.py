"""Loads a module in a fresh process against an empty data folder, before an export counts.

In goes a folder of files that stands for the export's outcome; out come findings. `export` calls
it; on the other side of the process border is `modframe.cli.load_exported`.
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

from ..errors import Finding
from ..names import MODULE_TYPES, folder_of
from .export_plan import ExportPlan

TIMEOUT = 180.0
"""Seconds after which a trial that hangs is ended."""
_COPIED = 16_000_000
_SKIPPED = ("__pycache__", ".ipynb_checkpoints")


def run_trial(
    plan: ExportPlan,
    module_id: str,
    folders: tuple[Path, ...],
    *,
    settings: Mapping[str, Mapping[str, Any]],
) -> list[Finding]:
    """What a fresh process finds that loads and starts the module as it would be written.

    Args:
        plan: What would be written.
        module_id: The module.
        folders: The folders of modules that supply what the module requires, the first first.
        settings: The session's settings, which no file holds.
    """
    with tempfile.TemporaryDirectory(prefix="modframe-trial-", ignore_cleanup_errors=True) as made:
        stage = Path(made)
        _stage(plan, module_id, stage / "modules", sources=folders)
        request = {
            "workspace": str(stage),
            "data": str(stage / "data"),
            "module": module_id,
            "settings": settings,
            "result": str(stage / "result.json"),
        }
        return _run(json.dumps(request, default=_plain), stage / "result.json")


def _stage(plan: ExportPlan, module_id: str, to: Path, *, sources: tuple[Path, ...]) -> None:
    own = folder_of(to, module_id)
    own.mkdir(parents=True)
    for path, content in plan.contents.items():
        target = own / path.relative_to(plan.folder)
        target.parent.mkdir(parents=True, exist_ok=True)
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
    """The folder's other files: copied, so that a trial can't change them."""
    gone = set(plan.remove)
    for path in plan.folder.rglob("*") if plan.folder.is_dir() else ():
        inside = path.relative_to(plan.folder)
        target = own / inside
        if path in gone or target.exists() or any(one in _SKIPPED for one in inside.parts):
            continue
        if path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.stat().st_size > _COPIED:
                _link(path, target)
            else:
                shutil.copyfile(path, target)


def _link(path: Path, place: Path) -> None:
    try:
        place.symlink_to(path, target_is_directory=path.is_dir())
    except OSError:  # a system where links need a privilege: copying gives the same
        if path.is_dir():
            shutil.copytree(path, place, ignore=shutil.ignore_patterns(*_SKIPPED))
        else:
            shutil.copyfile(path, place)


def _plain(value: Any) -> Any:
    """A settings value as JSON, secrets in the clear: they go through a pipe and nowhere else."""
    reveal = getattr(value, "get_secret_value", None)
    return reveal() if callable(reveal) else str(value)


def _run(request: str, result: Path) -> list[Finding]:
    try:
        # -P: what `modframe serve` would not find beside it, the trial must not find either.
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
        return [_finding(f"it was not up within {TIMEOUT:g} s in a fresh process", "")]
    if not result.is_file():
        tail = "\n".join(done.stdout.decode(errors="replace").splitlines()[-8:])
        return [_finding(f"the fresh process ended with status {done.returncode}", tail)]
    return [Finding(**one) for one in json.loads(result.read_text(encoding="utf-8"))]


def _finding(message: str, tail: str) -> Finding:
    return Finding(
        "trial",
        "error",
        f"{message}:\n{tail}" if tail else message,
        cure="something in the module works only in the process it grew in; see what it reaches "
        "for",
    )


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
