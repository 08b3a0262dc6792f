"""``modframe list``, ``inspect`` and ``compliance validate``: facts about modules, printed.

In come ids and a workspace; out go lines or JSON, and an exit status.
"""

from __future__ import annotations

import ast
import contextlib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import Finding, ModframeError, ModuleNotFoundInWorkspaceError, WorkspaceError
from ..load import check as check_text
from ..runtime.failure import failure_of
from ..source import Source, find_modules, read_folder
from ..spec import module_id_of
from ..wording import count, near
from .out import as_json, console, findings_json, say, show_findings, table, workspace_at

# -- list --------------------------------------------------------------------------------------


def list_modules(workspace: Path | None, *, as_data: bool) -> int:
    """Every module below ``modules/``, without running any."""
    home = workspace_at(workspace)
    rows = [_row(key, folder) for key, folder in sorted(find_modules(home / "modules").items())]
    if as_data:
        as_json({"workspace": str(home), "modules": rows})
    elif not rows:
        say(f"no modules in {home / 'modules'}; 'modframe scaffold --name my_module' writes one")
    else:
        shown = [
            (one["id"], one["type"], one["version"], _state(one), one["description"])
            for one in rows
        ]
        table(shown, head=("module", "type", "version", "checks", "description"))
    return 0


def _state(row: dict[str, Any]) -> str:
    return count(len(row["errors"]), "error") if row["errors"] else "ok"


def _row(module_id: str, folder: Path) -> dict[str, Any]:
    row = {
        "id": module_id,
        "type": module_id.partition(".")[0],
        "version": "",
        "description": "",
        "folder": str(folder),
        "errors": [],
    }
    try:
        source = read_folder(folder, module_id=module_id)
    except ModframeError as error:
        return {**row, "errors": [str(error)]}
    about = _constants(source)
    return {
        **row,
        "version": about.get("MODULE_VERSION", ""),
        "description": about.get("MODULE_DESCRIPTION", ""),
        "errors": [str(one) for one in check_text(source) if one.level == "error"],
    }


def _constants(source: Source) -> dict[str, str]:
    """``MODULE_...`` of the classes in ``api.py``, read and not run."""
    with contextlib.suppress(SyntaxError, ValueError):  # the checks name them
        return {
            target.id: str(node.value.value)
            for node in ast.walk(ast.parse(source.files["api.py"].text))
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id.startswith("MODULE_")
        }
    return {}


# -- inspect -----------------------------------------------------------------------------------


def inspect_module(name: str, workspace: Path | None, *, as_data: bool) -> int:
    """Start a module in memory, print its part of the snapshot, stop it."""
    from ..app import start

    module_id, home = module_id_of(name), workspace_at(workspace)
    status = console(stderr=True).status(f"loading {module_id}")
    with (
        status if sys.stderr.isatty() else contextlib.nullcontext(),
        start(workspace=home, data=":memory:", modules=[module_id]) as app,
    ):
        view = app.snapshot().module(module_id)
    if view is None:
        raise ModuleNotFoundInWorkspaceError(f"there is no module {module_id!r}")
    if as_data:
        from ..view.snapshot import thaw

        as_json(thaw(view))
    else:
        title, *lines = view.lines()
        say(title, style="bold")
        for line in lines:
            say(line)
    return 0 if view.state == "LIVE" else 1


# -- compliance --------------------------------------------------------------------------------


def validate(name: str | None, workspace: Path | None, *, as_data: bool) -> int:
    """Check one module, or all; exit status 1 if any finding is an error."""
    from ..ship import check

    home = workspace_at(workspace)
    modules = home / "modules"
    folders = find_modules(modules)
    wanted = [_known(name, folders, modules)] if name else sorted(folders)
    found: list[Finding] = []
    for module_id in wanted:
        # What module bodies print is not what this command has to say.
        with contextlib.redirect_stdout(sys.stderr):
            try:
                findings = check(
                    read_folder(folders[module_id], module_id=module_id), modules=modules
                )
            except WorkspaceError as error:
                nothing = Source(module_id, {}, "folder")
                findings = failure_of(nothing, "source", error).findings
        found += findings
        if not as_data:
            say(f"{module_id}: {_verdict(findings)}")
            show_findings(findings)
    if as_data:
        as_json(findings_json(found))
    return 1 if any(one.level == "error" for one in found) else 0


def _verdict(findings: Iterable[Finding]) -> str:
    levels = [one.level for one in findings]
    if not levels:
        return "complies"
    counts = ((levels.count("error"), "error"), (levels.count("warning"), "warning"),
              (levels.count("info"), "note"))  # fmt: skip
    return ", ".join(count(n, noun) for n, noun in counts if n)


def _known(name: str, folders: Mapping[str, Path], modules: Path) -> str:
    """The id of a module that is there.

    Raises:
        ModuleNotFoundInWorkspaceError: With the nearest name, if it isn't.
    """
    module_id = module_id_of(name)
    if module_id not in folders:
        raise ModuleNotFoundInWorkspaceError(
            f"there is no module {module_id!r} in {modules}",
            cure=f"{near(module_id, folders)}'modframe list' shows what there is",
        )
    return module_id
