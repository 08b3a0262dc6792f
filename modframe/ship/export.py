"""`export`: writes the live text to files, byte for byte, if a fresh process can load it.

In go the live source and a folder of modules; out comes an `ExportReport`. The engine calls it. The
files are tried in a folder of their own first, so a failure leaves everything as it was.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ExportError, Finding
from ..names import folder_of
from ..source import Source
from ..wording import count
from .export_plan import ExportPlan, ExportReport, plan_export
from .export_record import ExportRecord
from .files import replace_files
from .fresh_process import load_in_fresh_process


def export(
    source: Source,
    to: Path,
    *,
    workspace: Path,
    record: ExportRecord,
    draft: Source | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    force: bool = False,
) -> ExportReport:
    """Write a source to ``<to>/<type>/<name>/``; files that are equal already aren't touched.

    Args:
        workspace: Its ``modules/`` has what the module requires.
        record: What modframe wrote before.
        draft: What cells work on; differences from the live text become findings.
        settings: The settings given at start, for the fresh process.
        force: Whether files that were changed by hand are overwritten.

    Raises:
        ExportError: If a file was changed by hand, or the text doesn't load in a fresh process;
            nothing was written.
    """
    to = Path(os.path.abspath(to))  # noqa: PTH100  # `resolve` would follow the user's own links
    folder = folder_of(to, source.module_id)
    plan = plan_export(source, folder, record)
    if plan.refusals and not force:
        why = f"{count(len(plan.refusals), 'file')} would be written over"
        raise _refused(source, why, plan.refusals)
    faults = load_in_fresh_process(
        plan, source.module_id, (to, workspace / "modules"), settings=settings or {}
    )
    if errors := [fault for fault in faults if fault.level == "error"]:
        raise _refused(source, "It does not load in a fresh process", errors)
    if plan_export(source, folder, record) != plan:
        raise ExportError(
            f"{source.module_id}: files in {folder} changed while the export was tried out, so "
            "nothing was written",
            cure="export again",
            findings=(),
        )
    _write(plan)
    record.note(plan.contents, gone=plan.remove)
    findings = [*_draft_findings(source, draft), *plan.findings, *faults]
    if record.problem:
        findings.append(Finding("export-record", "warning", record.problem))
    paths = tuple(sorted(plan.contents))
    return ExportReport(source.module_id, folder, paths, plan.write, plan.remove, tuple(findings))


def _refused(source: Source, why: str, findings: Sequence[Finding]) -> ExportError:
    rows = "".join(f"\n  - {finding}" for finding in findings)
    return ExportError(
        f"{source.module_id} was not exported; nothing was written. {why}:{rows}",
        findings=tuple(findings),
        module_id=source.module_id,
    )


def _draft_findings(source: Source, draft: Source | None) -> list[Finding]:
    if draft is None or draft.digest == source.digest:
        return []
    live, drafted = source.texts, draft.texts
    return [
        Finding(
            "draft-not-exported",
            "warning",
            f"the draft of {source.module_id} isn't live, so its {file} was left out; what is live "
            "was exported",
            cure="run the cell until it goes live, then export again",
            file=file,
        )
        for file in sorted({*live, *drafted})
        if live.get(file) != drafted.get(file)
    ]


def _write(plan: ExportPlan) -> None:
    """Write and remove files; if the disk is full, the old ones stay."""
    replace_files({path: plan.contents[path] for path in plan.write})
    for path in plan.remove:
        path.unlink(missing_ok=True)
        if path.parent != plan.folder and not any(path.parent.iterdir()):
            path.parent.rmdir()
