"""`export`: writes the live text to files, byte for byte, if a fresh process can load it.

In go the live source and a folder of modules; out comes an `ExportReport`. The engine calls it. The
files are tried in a folder of their own first, so a failure leaves everything as it was. They are
written all together: a process that is killed leaves all of the old or all of the new.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import ExportError, FolderBusyError
from ..finding import Finding
from ..names import folder_of
from ..source import Source
from ..source.export_record import ExportRecord
from ..source.folder_change import Change, changing
from ..wording import count
from .export_plan import ExportPlan, ExportReport, plan_export
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
        ExportError: If a file was changed by hand, the text doesn't load in a fresh process, or
            the files can't be written; nothing was written.
    """
    to = Path(os.path.abspath(to))  # noqa: PTH100  # `resolve` would follow the user's own links
    folder = folder_of(to, source.module_id)
    make_plan = partial(plan_of_export, source, to, workspace=workspace, record=record)
    try:
        plan = make_plan()
        _refuse_by_hand(source, plan, force=force)
        faults = load_in_fresh_process(
            plan,
            source.module_id,
            (to, workspace / "modules"),
            workspace=workspace,
            settings=settings or {},
        )
        if errors := [fault for fault in faults if fault.level == "error"]:
            raise _refused(source, "It does not load in a fresh process", errors)
        with changing(to) as change:
            # Another process may have exported meanwhile; from here on none can.
            tried, plan = plan, make_plan()
            _refuse_by_hand(source, plan, force=force)
            if not plan.loads_as(tried):
                raise _changed_meanwhile(source, folder)
            _write(plan, to, change, record)
    except (OSError, ValueError) as error:
        raise _not_writable(source, folder, error) from error
    findings = [*_draft_findings(source, draft), *plan.findings, *faults]
    if record.problem:
        findings.append(Finding("export-record", "warning", record.problem))
    paths = tuple(sorted(plan.contents))
    return ExportReport(source.module_id, folder, paths, plan.write, plan.remove, tuple(findings))


def plan_of_export(
    source: Source, to: Path, *, workspace: Path, record: ExportRecord
) -> ExportPlan:
    """Return what `export` would do with the same arguments, as far as no process tells.

    Raises:
        ExportError: If it would write out of the module's folder, or through a link.
    """
    to = Path(os.path.abspath(to))  # noqa: PTH100  # as in `export`
    home = Path(source.place) if source.origin == "folder" else None
    home = home or folder_of(workspace / "modules", source.module_id)
    return plan_export(source, folder_of(to, source.module_id), record, home=home)


def export_folder(
    workspace: Path, to: str | Path, *, data: Path | None, module_id: str = ""
) -> Path:
    """Return the folder that a person named for exports: in the workspace, or absolute.

    Raises:
        ExportError: If a relative one leads out of the workspace, by a link too, or it is the data
            folder.
    """
    folder = Path(os.path.normpath(workspace / Path(to).expanduser()))
    real = Path(os.path.realpath(folder))
    for place, home, how in ((folder, workspace, ""), (real, workspace.resolve(), " by a link")):
        if Path(to).expanduser().is_absolute() or place.is_relative_to(home):
            continue
        raise ExportError(
            f"{str(to)!r} leads out of the workspace {workspace}{how}, so nothing was written",
            cure=f"name a folder in it, or write {str(place)!r}: an absolute one may be anywhere",
            findings=(),
            subject=module_id,
        )
    if data is not None and folder.resolve() == data.resolve():
        raise ExportError(
            f"{folder} is the data folder, which is modframe's own, so nothing was written",
            cure="export to another folder",
            findings=(),
            subject=module_id,
        )
    return folder


def _write(plan: ExportPlan, to: Path, change: Change, record: ExportRecord) -> None:
    """Write and remove the files, all or none; the record knows of them at every moment."""

    def relative(path: Path) -> str:
        return path.relative_to(to).as_posix()

    before = record.expect({path: plan.digests[path] for path in plan.write})
    problem = record.problem
    try:
        contents = {relative(path): plan.contents[path] for path in plan.write}
        change(contents, map(relative, plan.remove))
    except (OSError, ValueError):
        record.restore(before)
        raise
    try:
        record.note(plan.digests, gone=plan.remove)
    except (OSError, FolderBusyError) as error:
        # The files are there, and the record knows their digests beside those of the old ones.
        record.problem = f"the record of exports can't be written: {error}"
    record.problem = record.problem or problem


def _refuse_by_hand(source: Source, plan: ExportPlan, *, force: bool) -> None:
    if plan.refusals and not force:
        why = f"{count(len(plan.refusals), 'file')} would be written over"
        raise _refused(source, why, plan.refusals)


def _changed_meanwhile(source: Source, folder: Path) -> ExportError:
    return ExportError(
        f"{source.module_id}: files in {folder} changed while the export was tried out, so nothing "
        "was written",
        cure="export again",
        findings=(),
    )


def _not_writable(source: Source, folder: Path, error: Exception) -> ExportError:
    if isinstance(error, OSError) and error.errno == errno.EXDEV:
        # Files of two file systems can't be changed all together.
        way_out = f"mount a folder at {folder.parent.parent} as a whole, and none in it"
    else:
        way_out = "make room or give the rights to write there"
    return ExportError(
        f"{source.module_id} was not exported, and the files in {folder} are as they were: {error}",
        cure=f"{way_out}, or export elsewhere with to=",
        findings=(),
        module_id=source.module_id,
    )


def _refused(source: Source, why: str, findings: Sequence[Finding]) -> ExportError:
    rows = "".join(f"\n  - {finding}" for finding in findings)
    return ExportError(
        f"{source.module_id} was not exported; nothing was written. {why}:{rows}",
        findings=tuple(findings),
        module_id=source.module_id,
    )


def _draft_findings(source: Source, draft: Source | None) -> list[Finding]:
    if draft is None or draft.full_digest == source.full_digest:
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
