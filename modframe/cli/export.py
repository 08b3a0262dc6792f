"""``modframe export``: what was live last, written to files; ``--check``: whether the files say so.

In come ids and a workspace; out go lines or JSON, and an exit status. The texts are those of the
history in the data folder, which cells and kernels write: no module has to run for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..desk.history import History
from ..errors import ModuleNotFoundInWorkspaceError
from ..finding import Finding
from ..names import folder_of
from ..ship import ExportRecord, ExportReport, export, export_folder, plan_export
from ..source import Source
from ..source.workspace import data_folder
from ..spec import module_id_of
from ..wording import count, near, otherwise
from .out import as_json, say, show_findings, workspace_at

_OLDER = "the text that was live last is not exported to it"
_GONE = "the text that was live last does not have it, and an earlier export wrote it"


def export_module(name: str, workspace: Path | None, *, to: str, force: bool, as_data: bool) -> int:
    """Write what was live last of a module below ``to``.

    Raises:
        ModuleNotFoundInWorkspaceError: If nothing of it was live; with the nearest name.
        ExportError: If it is refused; nothing was written.
    """
    home = workspace_at(workspace)
    data = data_folder(None, home)
    source = _sources(home, data, [name])[0]
    folder = export_folder(home, to, data=data, module_id=source.module_id)
    report = export(source, folder, workspace=home, record=ExportRecord(data), force=force)
    if as_data:
        as_json(_facts(report))
        return 0
    for path in report.paths:
        say(f"{'wrote' if path in report.written else 'equal'}  {path}")
    for path in report.removed:
        say(f"removed  {path}")
    show_findings(report.findings)
    return 0


def check_exports(name: str | None, workspace: Path | None, *, to: str, as_data: bool) -> int:
    """Print where files differ from what was live last, of one module or of all; 1 if any does.

    Raises:
        ModuleNotFoundInWorkspaceError: If nothing of the module was live; with the nearest name.
    """
    home = workspace_at(workspace)
    data = data_folder(None, home)
    record, findings = ExportRecord(data), []
    for source in _sources(home, data, [name] if name else None):
        folder = folder_of(home / to, source.module_id)
        differences = _differences(source, folder, record)
        findings += [{"module": source.module_id, **one.to_dict()} for one in differences]
        if not as_data:
            what = count(len(differences), "difference")
            say(f"{source.module_id}: {what if differences else 'as exported'} in {folder}")
            show_findings(differences)
    if as_data:
        as_json({"findings": findings})
    return 1 if findings else 0


def _sources(home: Path, data: Path | None, names: Iterable[str] | None) -> list[Source]:
    """Return what was live last of modules, by default of all in the history."""
    history = History(data / "history.sqlite" if data is not None else None)
    known = history.module_ids()
    wanted = known if names is None else [module_id_of(name) for name in names]
    sources = []
    for module_id in wanted:
        entries = history.entries(module_id)
        if not entries:
            raise ModuleNotFoundInWorkspaceError(
                f"nothing of {module_id!r} was live in {home}, as far as its history knows",
                cure=otherwise(
                    near(module_id, known), "run its cells, or start the app, and export then"
                ),
            )
        sources.append(entries[-1].source)
    return sources


def _differences(source: Source, folder: Path, record: ExportRecord) -> list[Finding]:
    plan = plan_export(source, folder, record)
    cure = f"run 'modframe export {source.module_id}'"
    by_hand = {folder / finding.file for finding in plan.refusals}
    older = [path for path in plan.write if path not in by_hand]
    return [
        *(replace(finding, level="error") for finding in plan.refusals),
        *(_finding(folder, path, _OLDER, cure=cure) for path in older),
        *(_finding(folder, path, _GONE, cure=cure) for path in plan.remove),
        *(finding for finding in plan.findings if finding.rule != "file-removed"),
    ]


def _finding(folder: Path, path: Path, message: str, *, cure: str) -> Finding:
    file = path.relative_to(folder).as_posix()
    return Finding("not-exported", "error", message, cure=cure, file=file)


def _facts(report: ExportReport) -> dict[str, Any]:
    return {
        "module": report.module_id,
        "folder": str(report.folder),
        "paths": [str(path) for path in report.paths],
        "written": [str(path) for path in report.written],
        "removed": [str(path) for path in report.removed],
        "findings": [finding.to_dict() for finding in report.findings],
    }
